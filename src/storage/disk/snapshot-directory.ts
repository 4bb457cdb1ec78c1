import { parseTrustedJson } from "../../base/trusted-json.ts";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR } from "../../linux/constants/open.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { codeOf, fileFailure } from "../../linux/files/file-failure.ts";
import { tryLock } from "../../linux/files/file-lock.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";
import { type Digest, parseDigest } from "../../spec/digest.ts";
import type { DriverOptions, PrewarmedDirectories, SnapshotId } from "../driver.ts";
import type { DriverPaths } from "./driver-paths.ts";
import { liftSizeLimit } from "./size-limit.ts";
import type { Trash } from "./trash.ts";

/** The snapshots on disk: each is made aside and appears by one rename. */
export class SnapshotDirectory implements AsyncDisposable {
  readonly #paths: DriverPaths;
  readonly #trash: Trash;
  readonly #furnish: (path: string) => void;
  readonly #prewarmed: PrewarmedDirectories | undefined;

  /** `furnish` creates what is in the directory of every new snapshot. It also runs for prewarmed directories. */
  constructor(
    paths: DriverPaths,
    trash: Trash,
    {
      furnish = () => {},
      openDirectories,
    }: {
      readonly furnish?: ((path: string) => void) | undefined;
      readonly openDirectories?: DriverOptions["openDirectories"] | undefined;
    } = {},
  ) {
    this.#paths = paths;
    this.#furnish = (path) => {
      writeFileSync(`${path}/lock`, "", { mode: 0o600 });
      furnish(path);
    };
    this.#prewarmed = openDirectories?.(paths.prewarmed, this.#furnish);
    this.#trash = trash;
  }

  /** A draft to be filled; its path is a directory of its own. Throws "conflict" when there is such a snapshot. */
  begin(id: SnapshotId, layers: readonly Digest[]): SnapshotDraft {
    const target = this.#paths.snapshot(id);
    if (existsSync(target)) throw taken(id);
    const path = `${this.#paths.drafts}/${randomBytes(12).toString("hex")}`;
    const draft = new SnapshotDraft(id, { path, target, trash: this.#trash });
    draft.fill(() => {
      if (this.#prewarmed?.take(path) !== true) {
        mkdirSync(path, 0o700);
        this.#furnish(path);
      }
      writeFileSync(`${path}/layers`, JSON.stringify(layers), { mode: 0o600 });
    });
    return draft;
  }

  list(): readonly SnapshotId[] {
    return readdirSync(this.#paths.snapshots);
  }

  /** The lowest first. Throws "not-found"; "corrupt" when a power loss took the list. */
  layersOf(id: SnapshotId): readonly Digest[] {
    const path = this.#paths.snapshot(id);
    try {
      return parseTrustedJson<string[]>(readFileSync(`${path}/layers`, "utf8")).map(parseDigest);
    } catch (thrown) {
      const what = `cannot read the layers of snapshot "${id}"`;
      if (kindOf(thrown) === "exhausted") throw within(what, thrown);
      throw missing(id, thrown) ?? new Failure("corrupt", what, { cause: thrown });
    }
  }

  /** As layersOf(); undefined where that throws. */
  findLayersOf(id: SnapshotId): readonly Digest[] | undefined {
    try {
      return this.layersOf(id);
    } catch {
      return undefined;
    }
  }

  /** The lock in hand, to be disposed of by the caller. Throws "conflict" when another holds it, "not-found". */
  lock(id: SnapshotId, mode: "shared" | "exclusive"): OwnedFd {
    using directory = this.open(id);
    return this.lockOpened(directory.fd, id, mode);
  }

  /** As lock(), of the snapshot that is open. */
  lockOpened(directory: Fd, id: SnapshotId, mode: "shared" | "exclusive"): OwnedFd {
    // SAFETY: a file and not the directory is locked: the keeper holds this descriptor, and nothing hangs on it.
    using file = openBeneath(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    return this.#hold(file, id, mode);
  }

  open(id: SnapshotId): OwnedFd {
    const path = this.#paths.snapshot(id);
    try {
      return openDirectoryPath(path);
    } catch (thrown) {
      throw missing(id, thrown) ?? thrown;
    }
  }

  /** `limited`: its directory that a limit of size may be on. */
  remove(id: SnapshotId, { limited }: { readonly limited?: string | undefined } = {}): void {
    try {
      using _ = this.#findLock(id);
      if (limited !== undefined) this.#liftLimit(id, limited);
      this.#trash.discard(this.#paths.snapshot(id));
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.kind === "not-found") return;
      throw thrown;
    }
  }

  /** No prewarmed directory stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prewarmed?.[Symbol.asyncDispose]();
  }

  #liftLimit(id: SnapshotId, limited: string): void {
    using directory = this.open(id);
    using top = openBeneath(directory.fd, limited, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    liftSizeLimit(top.fd);
  }

  /** As lock(), without creating the file: on a full disk it must still work. Undefined: no process holds it. */
  #findLock(id: SnapshotId): OwnedFd | undefined {
    using directory = this.open(id);
    try {
      using file = openBeneath(directory.fd, "lock", O_RDWR | O_NOFOLLOW);
      return this.#hold(file, id, "exclusive");
    } catch (thrown) {
      if (codeOf(thrown) === "ENOENT") return undefined;
      throw thrown;
    }
  }

  #hold(file: OwnedFd, id: SnapshotId, mode: "shared" | "exclusive"): OwnedFd {
    if (tryLock(file.fd, mode)) return new OwnedFd(file.move());
    const how = mode === "shared" ? " for writing" : "";
    throw new Failure("conflict", `cannot use snapshot "${id}": it is mounted${how}`);
  }
}

/** A snapshot in the making; disposing of it without commit() deletes it. */
export class SnapshotDraft implements Disposable {
  readonly path: string;
  readonly #id: SnapshotId;
  readonly #target: string;
  readonly #trash: Trash;
  #open = true;

  constructor(
    id: SnapshotId,
    { path, target, trash }: { readonly path: string; readonly target: string; readonly trash: Trash },
  ) {
    this.#id = id;
    this.path = path;
    this.#target = target;
    this.#trash = trash;
  }

  /** A failure of `work` fails the creation of this snapshot, and the draft is removed. */
  fill(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** As fill(). */
  async fillSlowly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /** Gives it its name. Atomic. */
  commit(): void {
    this.fill(() => {
      fault("snapshot.drafted");
      renameSync(this.path, this.#target);
    });
    this.#open = false;
  }

  [Symbol.dispose](): void {
    if (this.#open) this.#trash.discard(this.path);
    this.#open = false;
  }

  #failed(thrown: unknown): Failure {
    this[Symbol.dispose]();
    if (["EEXIST", "ENOTEMPTY"].includes(codeOf(thrown))) return taken(this.#id, thrown);
    const sentence = `cannot create snapshot "${this.#id}"`;
    return thrown instanceof Failure ? within(sentence, thrown) : fileFailure(sentence, thrown);
  }
}

function taken(id: SnapshotId, cause?: unknown): Failure {
  return new Failure("conflict", `cannot create snapshot "${id}": there is one already`, { cause });
}

function missing(id: SnapshotId, thrown: unknown): Failure | undefined {
  if (codeOf(thrown) !== "ENOENT") return undefined;
  return new Failure("not-found", `cannot find snapshot "${id}"`, { cause: thrown });
}
