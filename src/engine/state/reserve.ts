import { rmSync, statfsSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const RESERVE_BYTES = 512 * 1024;
const STEP_BYTES = 32 * 1024;
/** Created only when so much space stays free: the last blocks are for more urgent writes. */
const LEAST_FREE_BYTES = 4 * RESERVE_BYTES;
const LOOK_AGAIN_MS = 1_000;

/**
 * Reserves disk space for the records of operations that free space. The file is truncated step by step when the disk
 * is full, so that a container can still end and be removed.
 */
export class Reserve {
  readonly #path: string;
  #bytes: number;
  #lookAtMs = 0;

  constructor(path: string) {
    this.#path = path;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.ensure();
  }

  /** Refills the file when the disk has free space; checks at intervals only. */
  ensure(): void {
    if (this.#bytes >= RESERVE_BYTES || performance.now() < this.#lookAtMs) return;
    this.#lookAtMs = performance.now() + LOOK_AGAIN_MS;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < LEAST_FREE_BYTES) return;
      writeFileSync(this.#path, Buffer.alloc(RESERVE_BYTES), { mode: 0o600 });
      this.#bytes = RESERVE_BYTES;
    } catch {
      rmSync(this.#path, { force: true });
      this.#bytes = 0;
    }
  }

  /** Gives one step of it to the disk; false when nothing is left. */
  giveUp(): boolean {
    if (this.#bytes < STEP_BYTES) return false;
    this.#bytes -= STEP_BYTES;
    try {
      truncateSync(this.#path, this.#bytes);
      return true;
    } catch {
      return false;
    }
  }
}
