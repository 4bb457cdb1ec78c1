import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { codeOf } from "./file-failure.ts";

/** So long after one was taken: a container's creation and start are over by then, if they follow. */
export const restMs = 20;

/**
 * A directory that is made before anybody asks for it, a moment after the one before was taken. Where many are
 * wanted at once all but one are made by those who want them.
 * KERNEL: for a directory that is to have a block group of its own (see spreadDirectories()) ext4 looks at every group of the
 * disk: 0.13 ms with 2,000 of them.
 */
export class DirectoryPool implements AsyncDisposable {
  readonly #place: string;
  readonly #furnish: (path: string) => void;
  #path: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #making: Promise<void> | undefined;
  #isOpen = true;

  /**
   * `place`: an existing directory on the same file system, used by nobody else and emptied after a crash. `furnish` puts into the
   * new directory (0700) what it is to hold, and may fail.
   */
  constructor(place: string, furnish: (path: string) => void) {
    this.#place = place;
    this.#furnish = furnish;
  }

  /** Moves the directory to a path where nothing is; false where none is ready. Has the next one made. */
  take(to: string): boolean {
    const path = this.#path;
    this.#path = undefined;
    this.#makeSoon();
    if (path === undefined) return false;
    try {
      renameSync(path, to);
      return true;
    } catch (thrown) {
      // Another engine has tidied up.
      if (codeOf(thrown) === "ENOENT") return false;
      throw thrown;
    }
  }

  /** Leaves nothing, or what can't be removed to the next open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    clearTimeout(this.#timer);
    await this.#making;
    if (this.#path !== undefined) tryRemove(this.#path);
    this.#path = undefined;
  }

  #makeSoon(): void {
    if (!this.#isOpen) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#path === undefined) this.#making ??= this.#make();
    }, restMs).unref();
  }

  async #make(): Promise<void> {
    const path = `${this.#place}/${randomBytes(12).toString("hex")}`;
    try {
      await mkdir(path, { mode: 0o700 });
      this.#furnish(path);
      this.#path = path;
    } catch {
      // Whoever wants one makes it, and says what fails.
      tryRemove(path);
    } finally {
      this.#making = undefined;
    }
  }
}

/** Removes what an engine that was killed has prewarmed: nobody else was ever in it, and there is next to nothing in it. */
export function removePrewarmed(place: string): void {
  for (const name of readdirSync(place)) remove(`${place}/${name}`);
}

/** The disk may have become read-only. */
function tryRemove(path: string): void {
  try {
    remove(path);
  } catch {
    // By removePrewarmed(), some time.
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
