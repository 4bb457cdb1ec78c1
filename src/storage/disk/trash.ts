import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { sleep } from "../../base/deadline.ts";
import { kindOf, sentenceOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { codeOf } from "../../linux/file-failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd } from "../../linux/fd.ts";
import { openBeneath, openDirectoryPath } from "../../linux/open.ts";
import { spreadDirectories } from "../../linux/spread-directories.ts";
import { findStatAt } from "../../linux/stat.ts";
import { removeTree } from "../../linux/tree.ts";
import type { StorageFinding } from "../driver.ts";
import type { Places } from "./places.ts";

/** Makes the places where they are missing, and deletes in the background what a crash left half-made. */
export function openPlaces(places: Places, options: TrashOptions = {}): Trash {
  for (const place of places.all) mkdirSync(place, { recursive: true, mode: 0o700 });
  chmodSync(places.empty, 0o755);
  using drafts = openDirectoryPath(places.drafts);
  spreadDirectories(drafts.fd);
  const trash = new Trash(places.trash, options);
  trash.resume();
  for (const name of readdirSync(places.drafts)) trash.discard(`${places.drafts}/${name}`);
  return trash;
}

export interface TrashOptions {
  /** Removes at once what it can of what is in the directory; the rest is deleted file by file. */
  readonly shortcut?: (directory: Fd) => void;
}

const ATTEMPTS = 20;
const AGAIN_MS = 250;

/** Directories on their way to nothing: renamed into one place, then deleted one after the other behind the answer. */
export class Trash {
  readonly #path: string;
  readonly #shortcut: TrashOptions["shortcut"];
  readonly #failures = new Map<string, string>();
  #work: Promise<void> = Promise.resolve();

  constructor(path: string, { shortcut }: TrashOptions = {}) {
    this.#path = path;
    this.#shortcut = shortcut;
  }

  /** Deletes again what an earlier life left. */
  resume(): void {
    for (const name of readdirSync(this.#path)) this.#queue(name);
  }

  /** The directory is away from its place when this returns; false when it wasn't there. */
  discard(directory: string): boolean {
    const name = randomBytes(12).toString("hex");
    try {
      renameSync(directory, `${this.#path}/${name}`);
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return false;
      throw thrown;
    }
    fault("trash.renamed");
    this.#queue(name);
    return true;
  }

  async settle(): Promise<void> {
    for (let work: Promise<void> | undefined; work !== this.#work; ) {
      work = this.#work;
      await work;
    }
  }

  findings(): readonly StorageFinding[] {
    return [...this.#failures].map(([name, problem]) => ({
      subject: `${this.#path}/${name}`,
      problem: `what was removed is still on the disk: ${problem}`,
      advice: "look for immutable files (lsattr) in it; it is tried again at the next start",
    }));
  }

  #queue(name: string): void {
    this.#work = this.#work.then(async () => {
      for (let attempt = 1; await this.#fails(name); attempt++) {
        if (attempt === ATTEMPTS) return;
        await sleep(AGAIN_MS);
      }
    });
  }

  /** True when it may succeed later: descriptors or memory were short. */
  async #fails(name: string): Promise<boolean> {
    try {
      using trash = openDirectoryPath(this.#path);
      // SAFETY: by descriptor and never through links: a process that lived on may still write in there.
      if (this.#shortcut !== undefined) takeShortcut(trash.fd, name, this.#shortcut);
      await removeTree(trash.fd, name);
      this.#failures.delete(name);
      return false;
    } catch (thrown) {
      this.#failures.set(name, sentenceOf(thrown));
      return kindOf(thrown) === "exhausted";
    }
  }
}

function takeShortcut(trash: Fd, name: string, shortcut: (directory: Fd) => void): void {
  if (findStatAt(trash, name)?.kind !== "directory") return;
  using directory = openBeneath(trash, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  shortcut(directory.fd);
}
