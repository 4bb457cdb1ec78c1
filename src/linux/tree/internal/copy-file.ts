import { errno } from "../../kernel/errno.ts";
import type { Fd } from "../../kernel/fd.ts";
import { FICLONE } from "../../files/clone-file.ts";
import type { Stat } from "../../files/stat.ts";
import { attempt, call, callAsync, isErrno, SyscallFailure } from "../../kernel/syscall.ts";
import { findFragments } from "./sparse-file.ts";

/** More is copied on the thread pool. */
const LARGE_BYTES = 1 << 20;
const STEP_BYTES = 1 << 30;

/** Copies what is in files, all from one file system to one other, by the cheapest way that these two have. */
export class FileCopier {
  #canClone = true;
  #canCopyRange = true;

  /** `to` is empty. Holes stay holes; where the file system can, both files then share their blocks. */
  async copy(from: Fd, to: Fd, { size, blocks }: Pick<Stat, "size" | "blocks">): Promise<void> {
    if (size === 0 || this.#clone(from, to)) return;
    const isSparse = blocks * 512 < size;
    const fragments = isSparse ? findFragments(from, size) : [{ offset: 0, length: size }];
    for (const { offset, length } of fragments) await this.#copyRange(from, to, { offset, length });
    if (isSparse) call("ftruncate", to, size);
  }

  /** KERNEL: btrfs, xfs and a few more; on others the first file fails. */
  #clone(from: Fd, to: Fd): boolean {
    if (!this.#canClone) return false;
    const result = attempt("ioctl", to, FICLONE, from);
    if (result >= 0) return true;
    // EINVAL is about one file (inline data, not aligned), the rest about the file system.
    if (result === -errno.ENOSPC || result === -errno.EDQUOT)
      throw new SyscallFailure("ioctl", [to, FICLONE, from], -result);
    if (result !== -errno.EINVAL) this.#canClone = false;
    return false;
  }

  async #copyRange(
    from: Fd,
    to: Fd,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<void> {
    for (let done = 0; done < length; ) {
      const copied = await this.#copySome(from, to, { offset: offset + done, length: length - done });
      if (copied === 0) return; // it has become shorter
      done += copied;
    }
  }

  async #copySome(
    from: Fd,
    to: Fd,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): Promise<number> {
    if (this.#canCopyRange) {
      const bytes = Math.min(length, STEP_BYTES);
      const args = [from, encodeOffset(offset), to, encodeOffset(offset), bytes, 0] as const;
      const run = length > LARGE_BYTES ? callAsync : call;
      try {
        return await run("copy_file_range", ...args);
      } catch (thrown) {
        if (!isRangeRefused(thrown)) throw thrown;
        this.#canCopyRange = false;
      }
    }
    const buffer = new Uint8Array(Math.min(length, LARGE_BYTES));
    const read = await callAsync("pread64", from, buffer, buffer.length, offset);
    for (let at = 0; at < read; ) {
      const piece = buffer.subarray(at, read);
      at += await callAsync("pwrite64", to, piece, piece.length, offset + at);
    }
    return read;
  }
}

/** KERNEL: not every file system takes copy_file_range(2), and some sandboxes refuse it. */
function isRangeRefused(thrown: unknown): boolean {
  return isErrno(thrown, "EINVAL", "EXDEV", "EOPNOTSUPP", "ENOSYS", "EPERM");
}

function encodeOffset(offset: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(offset), true);
  return bytes;
}
