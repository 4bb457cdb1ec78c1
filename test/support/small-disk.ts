import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { poll } from "./patience.ts";
import { Scratch } from "./scratch.ts";

function run(...[command = "", ...args]: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** "…-quota": with project quotas, which not every kernel has. An xfs has at least 300 MiB. */
export type DiskKind = "tmpfs" | "ext4" | "ext4-quota" | "btrfs" | "xfs" | "xfs-quota";

/** A file system of its own that can be filled to the last kilobyte, or made read-only. */
export class SmallDisk implements Disposable {
  readonly path: string;
  readonly #scratch = new Scratch("small-disk");
  readonly #filler: string;
  #options = "loop";

  constructor(kind: DiskKind, { mebibytes }: { readonly mebibytes: number }) {
    this.path = this.#scratch.join("disk");
    mkdirSync(this.path);
    if (kind === "tmpfs") {
      run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,nr_inodes=1200`, "none", this.path);
    } else {
      const image = this.#scratch.join("image");
      const fd = openSync(image, "w");
      ftruncateSync(fd, mebibytes * 1024 * 1024);
      closeSync(fd);
      if (kind === "btrfs") run("mkfs.btrfs", "-q", image);
      else if (kind === "xfs" || kind === "xfs-quota") {
        run("mkfs.xfs", "-q", image);
        if (kind === "xfs-quota") this.#options = "loop,prjquota";
      } else if (kind === "ext4-quota") {
        run("mkfs.ext4", "-q", "-m", "0", "-O", "quota,project", "-E", "quotatype=prjquota", image);
        this.#options = "loop,prjquota";
      } else run("mkfs.ext4", "-q", "-m", "0", "-N", "1200", image);
      this.#mountImage();
    }
    this.#filler = join(this.path, "filler");
  }

  /** Fills the disk and leaves exactly this much free space. */
  fill(leaveBytes: number): void {
    this.empty();
    const fd = openSync(this.#filler, "w");
    let size = 0;
    try {
      for (let bytes = 1024 * 1024; bytes >= 4096; ) {
        try {
          size += writeSync(fd, Buffer.alloc(bytes));
        } catch {
          bytes /= 2;
        }
      }
    } finally {
      closeSync(fd);
    }
    truncateSync(this.#filler, Math.max(0, size - leaveBytes));
  }

  /** Leaves so many inodes. */
  fillInodes(leave: number): void {
    mkdirSync(`${this.#filler}s`);
    for (let { ffree } = statfsSync(this.path); ffree > leave; ffree--) {
      closeSync(openSync(join(`${this.#filler}s`, String(ffree)), "w"));
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
    rmSync(`${this.#filler}s`, { recursive: true, force: true });
  }

  /** Read-only, though files are open for writing: as after an error of the disk (ext4 only). */
  freeze(): void {
    run("mount", "-o", "remount,abort", this.path);
  }

  /**
   * Mounts it again, as after a restart of the machine (ext4 only), when nothing is open in it any more: a daemon that
   * was stopped closes its files then.
   */
  async renew(): Promise<void> {
    await poll(() => (spawnSync("umount", [this.path]).status === 0 ? true : undefined), {
      everyMs: 5,
      timeoutMs: 10_000,
      what: "see nothing open on the disk",
    });
    this.#mountImage();
  }

  #mountImage(): void {
    run("mount", "-o", this.#options, this.#scratch.join("image"), this.path);
  }

  /** When nothing is open in it for writing any more. */
  async becomeReadOnly(): Promise<void> {
    const args = ["-o", "remount,ro", this.path];
    await poll(() => (spawnSync("mount", args).status === 0 ? true : undefined), {
      everyMs: 20,
      timeoutMs: 10_000,
      what: `mount "${this.path}" read-only`,
    });
  }

  becomeWritable(): void {
    run("mount", "-o", "remount,rw", this.path);
  }

  /** Fails when something is open in it, and takes it away all the same. */
  [Symbol.dispose](): void {
    using _ = this.#scratch;
    try {
      run("umount", this.path);
    } catch (thrown) {
      run("umount", "--lazy", this.path);
      throw thrown;
    }
  }
}
