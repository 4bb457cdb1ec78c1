import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { sleep } from "../../base/deadline.ts";
import { kindOf, sentenceOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { codeOf } from "../../linux/files/file-failure.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";
import { emptyDirectory } from "../../linux/files/empty-directory.ts";
import { spreadDirectories } from "../../linux/files/spread-directories.ts";
import { findStatAt } from "../../linux/files/stat.ts";
import { removeTreeInWorker } from "../../linux/tree/tree.ts";
import type { StorageFinding } from "../driver.ts";
import type { DriverPaths } from "./driver-paths.ts";

/** Creates missing directories, and deletes in the background what a crash left unfinished. */
export function openTrash(paths: DriverPaths, options: TrashOptions = {}): Trash {
  for (const path of paths.all) mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(paths.empty, 0o755);
  for (const path of [paths.drafts, paths.prewarmed]) {
    using directory = openDirectoryPath(path);
    spreadDirectories(directory.fd);
  }
  emptyDirectory(paths.prewarmed); // of an engine that was killed
  const trash = new Trash(paths.trash, options);
  trash.resume();
  for (const name of readdirSync(paths.drafts)) trash.discard(`${paths.drafts}/${name}`);
  return trash;
}

export interface TrashOptions {
  /**
   * Removes at once what it can of what is in the directory; the rest is deleted file by file. Where it throws
   * "conflict" the directory is in use: it is tried again for a while, then with each later removal and at the next
   * start, and holds up nothing else.
   */
  readonly shortcut?: ((directory: Fd) => void | Promise<void>) | undefined;
}

const ATTEMPTS = 20;
const AGAIN_MS = 250;

/** Directories on their way to nothing: renamed into one place, then deleted one after the other behind the answer. */
export class Trash {
  readonly #path: string;
  readonly #shortcut: TrashOptions["shortcut"];
  readonly #failures = new Map<string, string>();
  /** The paths in use, with the number of attempts. */
  readonly #inUse = new Map<string, number>();
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
    for (const [busy, tried] of this.#inUse) if (tried >= ATTEMPTS) this.#queue(busy);
    return true;
  }

  /** How many directories something still uses. */
  get inUse(): number {
    return this.#inUse.size;
  }

  async settle(): Promise<void> {
    for (;;) {
      const work = this.#work;
      await work;
      if (work !== this.#work) continue;
      if (![...this.#inUse.values()].some((tried) => tried < ATTEMPTS)) return;
      await sleep(AGAIN_MS / 10); // it is tried again soon
    }
  }

  findings(): readonly StorageFinding[] {
    return [...this.#failures].map(([name, problem]) => ({
      subject: `${this.#path}/${name}`,
      problem: `what was removed is still on the disk: ${problem}`,
      advice: this.#inUse.has(name)
        ? "end the processes that use it (grep -l DEVICE /proc/*/mountinfo lists those that see a mount of it); the next removal and the next start retry it"
        : "look for immutable files (lsattr) in it; it is tried again at the next start",
    }));
  }

  #queue(name: string): void {
    this.#work = this.#work.then(async () => {
      for (let attempt = 1; await this.#mayFailOnlyNow(name); attempt++) {
        if (attempt === ATTEMPTS) return;
        await sleep(AGAIN_MS);
      }
    });
  }

  /** True when it may succeed in a moment: descriptors or memory were short. */
  async #mayFailOnlyNow(name: string): Promise<boolean> {
    try {
      using trash = openDirectoryPath(this.#path);
      // SAFETY: by descriptor and never through links: a process that lived on may still write in there.
      await this.#takeShortcut(trash.fd, name);
      await removeTreeInWorker(trash.fd, name);
      this.#failures.delete(name);
      return false;
    } catch (thrown) {
      this.#failures.set(name, sentenceOf(thrown));
      return kindOf(thrown) === "exhausted";
    }
  }

  async #takeShortcut(trash: Fd, name: string): Promise<void> {
    if (this.#shortcut === undefined || findStatAt(trash, name)?.kind !== "directory") return;
    using directory = openBeneath(trash, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      await this.#shortcut(directory.fd);
      this.#inUse.delete(name);
    } catch (thrown) {
      if (kindOf(thrown) === "conflict") this.#tryLater(name);
      throw thrown;
    }
  }

  #tryLater(name: string): void {
    const tried = (this.#inUse.get(name) ?? 0) + 1;
    this.#inUse.set(name, tried);
    if (tried < ATTEMPTS) void sleep(AGAIN_MS).then(() => this.#queue(name));
  }
}
