import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, within } from "../../base/failure.ts";
import { findLogFile, type LogFile } from "./log-file.ts";

/** So many files are held for a reader that does not come along; what is rotated away after that is lost to it. */
const MOST_HELD = 32;
/** A rotation moves every file while they are being opened: so often it is tried to get an unbroken row. */
const OPEN_TRIES = 5;

/** The files of one log directory, oldest first, held open from the moment they are seen. */
export class LogFiles implements Disposable {
  readonly #directory: string;
  readonly #files: LogFile[] = [];
  #newest: bigint | undefined;

  constructor(directory: string) {
    this.#directory = directory;
    for (let tries = 1; ; tries++) {
      const found = this.#openNewer();
      if (tries === OPEN_TRIES || isUnbroken(found)) {
        this.#add(found);
        return;
      }
      for (const file of found) file[Symbol.dispose]();
    }
  }

  /** Those not passed yet, oldest first. */
  get all(): readonly LogFile[] {
    return this.#files;
  }

  /** Opens the files that came since; true when there are any after the oldest one held. */
  keepUp(): boolean {
    if (this.#files.length < MOST_HELD && this.#isRotated()) this.#add(this.#openNewer());
    return this.#files.length > 1;
  }

  /** Lets the oldest go. */
  pass(): void {
    this.#files.shift()?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    while (this.#files.length > 0) this.pass();
  }

  #isRotated(): boolean {
    const last = this.#files.at(-1);
    try {
      return statSync(join(this.#directory, "log.0"), { bigint: true }).ino !== last?.inode;
    } catch {
      return false; // between rename and create; the next look finds it
    }
  }

  #add(found: readonly LogFile[]): void {
    this.#files.push(...found);
    this.#newest = found.at(-1)?.sequence ?? this.#newest;
  }

  /** From the newest to the oldest: a rotation meanwhile then shows a file twice, but hides none. */
  #openNewer(): LogFile[] {
    const found: LogFile[] = [];
    try {
      const indexes = this.#indexes();
      for (let index = 0; index <= indexes + 1; index++) {
        const file = findLogFile(join(this.#directory, `log.${index}`));
        if (file === undefined) continue;
        const oldest = found[0];
        const isNews = this.#newest === undefined || file.sequence > this.#newest;
        if (isNews && (oldest === undefined || file.sequence < oldest.sequence)) found.unshift(file);
        else file[Symbol.dispose]();
        if (!isNews) break;
      }
      return found;
    } catch (thrown) {
      for (const file of found) file[Symbol.dispose]();
      throw thrown;
    }
  }

  #indexes(): number {
    let most = 0;
    try {
      for (const name of readdirSync(this.#directory)) {
        const index = /^log\.(\d{1,4})$/.exec(name)?.[1];
        if (index !== undefined) most = Math.max(most, Number(index));
      }
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOENT") {
        throw within(`cannot list the log directory "${this.#directory}"`, thrown);
      }
    }
    return most;
  }
}

function isUnbroken(files: readonly LogFile[]): boolean {
  return files.every((file, index) => {
    const next = files[index + 1];
    return next === undefined || next.sequence === file.sequence + 1n;
  });
}
