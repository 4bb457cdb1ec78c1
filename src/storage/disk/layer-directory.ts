import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  fchmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Failure } from "../../base/failure.ts";
import { type Fd, type OwnedFd } from "../../linux/kernel/fd.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { statFd } from "../../linux/files/stat.ts";
import { syncFilesystem } from "../../linux/files/sync.ts";
import { call } from "../../linux/kernel/syscall.ts";
import { isOpaqueDirectory, unpackLayer } from "../../linux/tree/tree.ts";
import type { UnpackResult } from "../../linux/tree/unpack-options.ts";
import { type IdMaps, toHostOwner } from "../../spec/id-map.ts";
import { type Digest, findDigest, hexOf } from "../../spec/digest.ts";
import type { ApplyOptions, LayerDraft, LayerMarks } from "../driver.ts";
import { LayerNaming } from "./name-layer.ts";
import type { DriverPaths } from "./driver-paths.ts";
import type { Trash } from "./trash.ts";

/** A draft's root has this mode until the tar's own entry for it arrives: no tar contains it. */
const unsetPermissions = 0o1000;
const defaultPermissions = 0o755;

/** Makes a directory that has nothing in it. */
type MakeTree = (parent: Fd, name: string) => Promise<void>;

/** Facts about a layer that are asked for at each start, so kept in memory. */
export interface LayerFacts {
  /** Its tar had an entry for the root directory itself. */
  readonly setsRoot: boolean;
  /**
   * Its root is opaque: nothing of the layers below it is seen. KERNEL: overlay ignores that mark on a lower's root.
   */
  readonly hidesBelow: boolean;
}

/** The layers on disk, known by heart: only this process changes them. */
export class LayerDirectory {
  readonly #paths: DriverPaths;
  readonly #trash: Trash;
  readonly #marks: LayerMarks;
  readonly #makeTree: MakeTree;
  readonly #known = new Map<Digest, LayerFacts>();
  readonly #naming: LayerNaming;

  /** `makeTree`: what a layer's files are put into, where that is not a directory like others. */
  constructor(
    paths: DriverPaths,
    trash: Trash,
    {
      marks = "overlay",
      makeTree = makeDirectory,
    }: { readonly marks?: LayerMarks | undefined; readonly makeTree?: MakeTree | undefined } = {},
  ) {
    this.#paths = paths;
    this.#trash = trash;
    this.#marks = marks;
    this.#makeTree = makeTree;
    this.#naming = new LayerNaming(paths);
    for (const name of readdirSync(paths.layers)) {
      const diffId = findDigest(`${name.length === 128 ? "sha512" : "sha256"}:${name}`);
      if (diffId !== undefined) this.#know(diffId);
    }
  }

  has(diffId: Digest): boolean {
    return this.#known.has(diffId);
  }

  list(): readonly Digest[] {
    return [...this.#known.keys()];
  }

  /** Throws "not-found" naming the layer. */
  get(diffId: Digest): LayerFacts {
    const facts = this.#known.get(diffId);
    if (facts === undefined) throw new Failure("not-found", `cannot find layer ${diffId} in the store`);
    return facts;
  }

  /** The directory that defines mode and owner of these layers' root: the uppermost layer with an entry for it. */
  rootOf(layers: readonly Digest[]): string {
    const facts = layers.map((diffId) => this.get(diffId));
    const layer = layers[facts.findLastIndex(({ setsRoot }) => setsRoot)];
    return layer === undefined ? this.#paths.empty : `${this.#paths.layer(layer)}/fs`;
  }

  /**
   * Those of which anything can be seen, the topmost first. The same layer twice (empty ones often are) stays only
   * where it is uppermost: nothing of the lower one shows, and overlay refuses it.
   */
  visibleOf(layers: readonly Digest[]): readonly Digest[] {
    const seen: Digest[] = [];
    for (const diffId of new Set(layers.toReversed())) {
      const { hidesBelow } = this.get(diffId);
      seen.push(diffId);
      if (hidesBelow) break;
    }
    return seen;
  }

  async begin(): Promise<LayerDraft> {
    const path = `${this.#paths.drafts}/${randomBytes(12).toString("hex")}`;
    const root = await makeDraft(path, this.#makeTree);
    return new DirectoryDraft(path, root, {
      marks: this.#marks,
      commit: (diffId) => this.#take(path, diffId),
      discard: () => this.#trash.discard(path),
    });
  }

  remove(diffId: Digest): void {
    this.#known.delete(diffId);
    this.#trash.discard(this.#paths.layer(diffId));
  }

  /** False when it is there already. */
  async #take(draft: string, diffId: Digest): Promise<boolean> {
    return await this.#naming.name(draft, {
      diffId,
      isKnown: () => this.has(diffId),
      know: () => this.#know(diffId),
    });
  }

  #know(diffId: Digest): void {
    const path = `${this.#paths.layers}/${hexOf(diffId)}`;
    using tree = openDirectoryPath(`${path}/fs`);
    this.#known.set(diffId, {
      setsRoot: existsSync(`${path}/root-set`),
      hidesBelow: isOpaqueDirectory(tree.fd, this.#marks),
    });
  }
}

async function makeDirectory(parent: Fd, name: string): Promise<void> {
  call("mkdirat", parent, name, 0o700);
}

/** The directory to unpack into. Throws "exhausted" on a full disk, with nothing left. */
async function makeDraft(path: string, makeTree: MakeTree): Promise<OwnedFd> {
  try {
    mkdirSync(path, 0o700);
    using directory = openDirectoryPath(path);
    await makeTree(directory.fd, "fs");
    const root = openDirectoryPath(`${path}/fs`);
    fchmodSync(root.fd, unsetPermissions);
    return root;
  } catch (thrown) {
    rmSync(path, { recursive: true, force: true });
    throw fileFailure("cannot begin a layer", thrown);
  }
}

interface DraftEnd {
  readonly marks: LayerMarks;
  commit(diffId: Digest): Promise<boolean>;
  discard(): void;
}

class DirectoryDraft implements LayerDraft {
  readonly #path: string;
  readonly #root: OwnedFd;
  readonly #end: DraftEnd;
  #open = true;

  constructor(path: string, root: OwnedFd, end: DraftEnd) {
    this.#path = path;
    this.#root = root;
    this.#end = end;
  }

  get root(): Fd {
    return this.#root.fd;
  }

  get marks(): LayerMarks {
    return this.#end.marks;
  }

  async apply(tar: AsyncIterable<Uint8Array>, options: ApplyOptions = {}): Promise<UnpackResult> {
    return await unpackLayer(tar, this.root, { ...options, whiteouts: this.marks });
  }

  async commit(diffId: Digest): Promise<void> {
    if (!this.#open) throw new Error("a layer draft was committed after its end");
    try {
      if (statFd(this.root).permissions === unsetPermissions) fchmodSync(this.root, defaultPermissions);
      else writeFileSync(`${this.#path}/root-set`, "", { mode: 0o600 });
      await syncFilesystem(this.root);
      if (await this.#end.commit(diffId)) this.#open = false;
    } catch (thrown) {
      throw fileFailure(`cannot commit layer ${diffId}`, thrown);
    }
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#root[Symbol.dispose]();
    if (this.#open) this.#end.discard();
    this.#open = false;
  }
}

/** Owner and mode of a directory. */
export interface RootLook {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** Makes a directory with mode and owner of another one. */
export function makeRoot(path: string, from: string): void {
  mkdirSync(path, 0o700);
  lookLike(path, statSync(from));
}

/**
 * Applies mode and owner of another directory to a new directory of the driver; with IDs, the owner as the host sees
 * it.
 */
export function lookLike(path: string, root: RootLook, idMaps?: IdMaps): void {
  const { uid, gid } = idMaps === undefined ? root : toHostOwner(root, idMaps);
  if (uid !== 0 || gid !== 0) chownSync(path, uid, gid);
  chmodSync(path, root.mode & 0o7777);
}
