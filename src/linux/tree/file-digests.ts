import type { Fd } from "../kernel/fd.ts";
import { filesystemMagic } from "../mount/filesystem-status.ts";
import type { Stat } from "../files/stat.ts";

/** SHA-256 digests of files, their extended attributes included, by what changes when they do. */
export interface FileDigests {
  find(stat: Stat): Uint8Array | undefined;
  /** `stat` is from before the file was read. */
  keep(stat: Stat, digest: Uint8Array): void;
}

/** Remembers nothing. */
export const noDigests: FileDigests = { find: () => undefined, keep: () => undefined };

/** About 250 bytes each. */
const usualMost = 100_000;
/** Two changes within the resolution of a file system's clock have the same time. */
const unsettledMs = 2000;

/**
 * File systems whose kernel sets the time of each change: no program can choose it, and no image has it in it.
 * SPEC: linux/magic.h
 */
const timedFilesystems: ReadonlySet<number> = new Set([
  0xef53, // ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
]);

/** Whether the times of the files in a directory show every change. */
export function showsChanges(directory: Fd): boolean {
  return timedFilesystems.has(filesystemMagic(directory));
}

/** Digests of the files that were used last, in memory. Only for file systems with showsChanges(). */
export class KnownDigests implements FileDigests {
  /** By inode: its state, and the digest in base64 as its last word. */
  readonly #digests = new Map<string, string>();
  readonly #most: number;

  constructor(most: number = usualMost) {
    this.#most = most;
  }

  find(stat: Stat): Uint8Array | undefined {
    const key = keyOf(stat);
    const known = this.#digests.get(key);
    const state = stateOf(stat);
    if (known?.startsWith(state) !== true) return undefined;
    // The last one used is the last one to go.
    this.#digests.delete(key);
    this.#digests.set(key, known);
    return Buffer.from(known.slice(state.length), "base64");
  }

  keep(stat: Stat, digest: Uint8Array): void {
    if (timeMs(stat) > Date.now() - unsettledMs) return;
    this.#digests.set(keyOf(stat), `${stateOf(stat)}${Buffer.from(digest).toString("base64")}`);
    if (this.#digests.size <= this.#most) return;
    for (const key of this.#digests.keys()) {
      this.#digests.delete(key);
      break;
    }
  }

  clear(): void {
    this.#digests.clear();
  }
}

function keyOf({ device, inode }: Stat): string {
  return `${device}:${inode}`;
}

function stateOf({ size, changed, modified }: Stat): string {
  return `${size} ${changed.seconds}.${changed.nanoseconds} ${modified.seconds}.${modified.nanoseconds} `;
}

function timeMs({ changed }: Stat): number {
  return changed.seconds * 1000 + changed.nanoseconds / 1e6;
}
