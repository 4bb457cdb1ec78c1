import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where many small files are made fast; the system's temporary directory when there is no such place. */
export const memoryDirectory: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A directory of its own below the system's temporary directory (or another), removed with all in it. */
export class Scratch implements Disposable {
  readonly path: string;

  constructor(name: string, below: string = tmpdir()) {
    this.path = mkdtempSync(join(below, `tare-${name}-`));
  }

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
