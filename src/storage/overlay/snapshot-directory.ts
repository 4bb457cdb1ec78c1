import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Failure } from "../../base/failure.ts";
import { O_CREAT, O_NOFOLLOW, O_RDWR } from "../../linux/constants/open.ts";
import { OwnedFd } from "../../linux/fd.ts";
import { codeOf, fileFailure } from "../../linux/file-failure.ts";
import { tryLock } from "../../linux/file-lock.ts";
import { openBeneath, openDirectoryPath } from "../../linux/open.ts";
import { type Digest, parseDigest } from "../../spec/digest.ts";
import type { SnapshotId } from "../driver.ts";
import type { Places } from "./places.ts";
import type { Trash } from "./trash.ts";

/** The snapshots on disk: each is made aside and appears by one rename. */
export class SnapshotDirectory {
  readonly #places: Places;
  readonly #trash: Trash;

  constructor(places: Places, trash: Trash) {
    this.#places = places;
    this.#trash = trash;
  }

  /** `rootFrom` is a directory that the new root takes mode and owner from. */
  create(id: SnapshotId, layers: readonly Digest[], rootFrom: string): void {
    const target = this.#places.snapshot(id);
    const draft = `${this.#places.drafts}/${randomBytes(12).toString("hex")}`;
    try {
      mkdirSync(draft, 0o700);
      mkdirSync(`${draft}/work`, 0o700);
      mkdirSync(`${draft}/upper`, 0o700);
      const root = statSync(rootFrom);
      if (root.uid !== 0 || root.gid !== 0) chownSync(`${draft}/upper`, root.uid, root.gid);
      chmodSync(`${draft}/upper`, root.mode & 0o7777);
      writeFileSync(`${draft}/lock`, "", { mode: 0o600 });
      writeFileSync(`${draft}/layers`, JSON.stringify(layers), { mode: 0o600 });
      renameSync(draft, target);
    } catch (thrown) {
      this.#trash.discard(draft);
      if (["EEXIST", "ENOTEMPTY"].includes(codeOf(thrown))) {
        throw new Failure("conflict", `cannot create snapshot "${id}": there is one already`, {
          cause: thrown,
        });
      }
      throw fileFailure(`cannot create snapshot "${id}"`, thrown);
    }
  }

  list(): readonly SnapshotId[] {
    return readdirSync(this.#places.snapshots);
  }

  /** The lowest first. Throws "not-found"; "corrupt" when a power loss took the list. */
  layersOf(id: SnapshotId): readonly Digest[] {
    const path = this.#places.snapshot(id);
    try {
      return (JSON.parse(readFileSync(`${path}/layers`, "utf8")) as string[]).map(parseDigest);
    } catch (thrown) {
      throw (
        missing(id, thrown) ??
        new Failure("corrupt", `cannot read the layers of snapshot "${id}"`, { cause: thrown })
      );
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
    // SAFETY: a file and not the directory is locked: the keeper holds this descriptor, and nothing hangs on it.
    using file = openBeneath(directory.fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    return this.#hold(file, id, mode);
  }

  open(id: SnapshotId): OwnedFd {
    const path = this.#places.snapshot(id);
    try {
      return openDirectoryPath(path);
    } catch (thrown) {
      throw missing(id, thrown) ?? thrown;
    }
  }

  remove(id: SnapshotId): void {
    try {
      using _ = this.#findLock(id);
      this.#trash.discard(this.#places.snapshot(id));
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.kind === "not-found") return;
      throw thrown;
    }
  }

  /** As lock(), without making the file: on a full disk there has to be a way out. Undefined: nobody holds it. */
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

function missing(id: SnapshotId, thrown: unknown): Failure | undefined {
  if (codeOf(thrown) !== "ENOENT") return undefined;
  return new Failure("not-found", `cannot find snapshot "${id}"`, { cause: thrown });
}
