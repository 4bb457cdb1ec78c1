import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Failure, within } from "../base/failure.ts";
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_RDONLY } from "../linux/constants/mount.ts";
import { errno } from "../linux/kernel/errno.ts";
import { OwnedFd } from "../linux/kernel/fd.ts";
import { cloneTree, setMountAttributes } from "../linux/mount/mount.ts";
import { attempt, call } from "../linux/kernel/syscall.ts";
import { isForcedAbsent } from "../linux/kernel/without.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 16;
const F_DUPFD_CLOEXEC = 1030;
const F_ADD_SEALS = 1033;
const everySeal = 1 | 2 | 4 | 8; // seal, shrink, grow, write

/** The keeper program, held as a sealed memfd (or a file where the host forbids executing those). */
export interface KeeperProgram extends Disposable {
  /** The path that a child process can execute: `/proc/self/fd/N` or a path. */
  readonly path: string;
  /** The same program as the init of a container, which can't write to it. */
  openInit(): OwnedFd;
}

/**
 * The keeper as an immutable executable: not even root in a container that holds it can change it, and a container can
 * reach the files that its processes were executed from. SAFETY: sealed, or read-only, before it is ever executed (R4).
 * `directory` is for a copy where the host allows no executable memory files; only root can access it (default: the
 * directory of the file).
 */
export function openKeeperProgram(
  file: string,
  { directory = dirname(file) }: { readonly directory?: string | undefined } = {},
): KeeperProgram {
  const bytes = readFileSync(file);
  if (bytes.length === 0) throw new Failure("corrupt", `cannot use the keeper "${file}": it is empty`);
  const owned = openSealed(bytes) ?? openReadOnly(bytes, directory);
  return {
    // By our pid: in a child, "self" would be a table whose numbers are already reused for what it inherits.
    path: `/proc/${process.pid}/fd/${owned.fd}`,
    openInit: () => new OwnedFd(call("fcntl", owned.fd, F_DUPFD_CLOEXEC, 0)),
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

/** A memory file; undefined where vm.memfd_noexec forbids executable ones. */
function openSealed(bytes: Uint8Array): OwnedFd | undefined {
  if (isForcedAbsent("memfd-exec")) return undefined;
  let created = attempt("memfd_create", "tare-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // KERNEL(6.3): MFD_EXEC is unknown before.
  if (created === -errno.EINVAL)
    created = attempt("memfd_create", "tare-keeper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (created < 0) return undefined;
  using memory = new OwnedFd(created);
  for (let written = 0; written < bytes.length; ) {
    written += call("write", memory.fd, bytes.subarray(written), bytes.length - written);
  }
  call("fcntl", memory.fd, F_ADD_SEALS, everySeal);
  return new OwnedFd(memory.move());
}

/** A file of the host through a mount of its own: read-only, on no mount table, executable wherever the file lies. */
function openReadOnly(bytes: Uint8Array, directory: string): OwnedFd {
  try {
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    const path = join(directory, `keeper-${hash}`);
    // Always anew: a copy that is there may be cut off.
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.${process.pid}`, bytes, { mode: 0o755 }); // also for root of a user namespace, as an init
    renameSync(`${path}.${process.pid}`, path);
    using tree = cloneTree(path, { recursive: false, propagation: "private" });
    setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY, clear: MOUNT_ATTR_NOEXEC });
    return new OwnedFd(tree.move());
  } catch (thrown) {
    throw within("cannot make the keeper executable", thrown);
  }
}
