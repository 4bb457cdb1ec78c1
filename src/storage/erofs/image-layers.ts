import { required } from "../../base/required.ts";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, statSync } from "node:fs";
import { Failure, within } from "../../base/failure.ts";
import { type ErofsWay, mountErofs } from "../../linux/erofs/erofs-mount.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { hasFeature } from "../../linux/features.ts";
import { setMountAttributes } from "../../linux/mount/mount.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { measureTree } from "../../linux/tree/tree.ts";
import type { MountSource } from "../../linux/mount/mount-helper.ts";
import { type Digest, findDigest, hexOf } from "../../spec/digest.ts";
import type { RootLook } from "../disk/layer-directory.ts";
import { LayerNaming } from "../disk/name-layer.ts";
import type { DriverPaths } from "../disk/driver-paths.ts";
import type { Trash } from "../disk/trash.ts";
import type { UnionLayers } from "../disk/union-layers.ts";
import type { LayerDraft, StorageUsage } from "../driver.ts";
import { openIdmappedLayers } from "../overlay/idmapped-layers.ts";
import { verifyImage } from "./image-digests.ts";
import { ImageDraft } from "./image-draft.ts";
import { type LayerFacts, readLayerFacts } from "./layer-facts.ts";

/** The number of unused layers that stay mounted: as many as one overlay takes. */
const mountsKept = 512;
const emptyRoot: RootLook = { uid: 0, gid: 0, mode: 0o755 };

/** Each layer a file that the kernel mounts. Known by heart: only this process changes them. */
export class ImageLayers implements UnionLayers {
  readonly #paths: DriverPaths;
  readonly #trash: Trash;
  readonly #way: ErofsWay;
  readonly #known = new Map<Digest, LayerFacts>();
  readonly #naming: LayerNaming;
  /** The latest used last. */
  readonly #mounts = new Map<Digest, OwnedFd>();
  readonly #fd: OwnedFd;

  constructor(paths: DriverPaths, { trash, way }: { readonly trash: Trash; readonly way: ErofsWay }) {
    this.#paths = paths;
    this.#trash = trash;
    this.#naming = new LayerNaming(paths);
    this.#way = way;
    this.#fd = openDirectoryPath(paths.layers);
    for (const name of readdirSync(paths.layers)) {
      const diffId = findDigest(`${name.length === 128 ? "sha512" : "sha256"}:${name}`);
      const facts = diffId === undefined ? undefined : readLayerFacts(`${paths.layers}/${name}/facts`);
      if (diffId !== undefined && facts !== undefined) this.#known.set(diffId, facts);
    }
  }

  async begin(): Promise<LayerDraft> {
    const path = `${this.#paths.drafts}/${randomBytes(12).toString("hex")}`;
    return new ImageDraft(path, {
      take: (diffId, facts) => this.#take(path, diffId, facts),
      discard: () => this.#trash.discard(path),
    });
  }

  has(diffId: Digest): boolean {
    return this.#known.has(diffId);
  }

  list(): readonly Digest[] {
    return [...this.#known.keys()];
  }

  require(diffId: Digest): void {
    this.#get(diffId);
  }

  remove(diffId: Digest): void {
    this.#known.delete(diffId);
    // An overlay that stands on it holds a mount of its own.
    this.#mounts.get(diffId)?.[Symbol.dispose]();
    this.#mounts.delete(diffId);
    this.#trash.discard(this.#paths.layer(diffId));
  }

  rootOf(layers: readonly Digest[]): RootLook {
    const facts = layers.map((diffId) => this.#get(diffId));
    return facts.findLast(({ setsRoot }) => setsRoot)?.root ?? emptyRoot;
  }

  async lowersOf(
    layers: readonly Digest[],
    { opened, usernsFd }: { readonly opened: DisposableStack; readonly usernsFd?: Fd | undefined },
  ): Promise<readonly MountSource[]> {
    const visible = this.#visibleOf(layers);
    const hasDirectory = visible.some((diffId) => this.#get(diffId).form === "directory");
    const directories =
      hasDirectory && usernsFd !== undefined
        ? opened.use(openIdmappedLayers(this.#fd.fd, usernsFd))
        : undefined;
    return visible.map((diffId) => {
      if (this.#get(diffId).form === "directory") {
        const { fd } = directories ?? this.#fd;
        return { fd, path: `${hexOf(diffId)}/fs`, detached: directories !== undefined };
      }
      // KERNEL(6.15): before, a mount is used up where it is composed with others.
      if (usernsFd === undefined && hasFeature("detached-lowers")) {
        return { fd: this.#openShared(diffId).fd, path: ".", detached: true };
      }
      const own = opened.use(this.#mount(diffId));
      if (usernsFd !== undefined) setMountAttributes(own.fd, { usernsFd });
      return { fd: own.fd, path: ".", detached: true };
    });
  }

  async usage(diffId: Digest, options: { readonly signal?: AbortSignal | undefined }): Promise<StorageUsage> {
    const { form, contentBytes } = this.#get(diffId);
    if (form === "directory") {
      using tree = openDirectoryPath(this.pathOf(diffId));
      return await measureTree(tree.fd, options);
    }
    return { bytes: statSync(this.pathOf(diffId)).blocks * 512, inodes: 1, contentBytes };
  }

  async verify(diffId: Digest, options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    const { form, tarBytes, indexDigest } = this.#get(diffId);
    if (form === "directory" || tarBytes === undefined || indexDigest === undefined) return;
    await verifyImage(this.pathOf(diffId), { diffId, tarBytes, indexDigest }, options);
  }

  pathOf(diffId: Digest): string {
    const isDirectory = this.#known.get(diffId)?.form === "directory";
    return `${this.#paths.layer(diffId)}/${isDirectory ? "fs" : "image"}`;
  }

  dispose(): void {
    for (const mount of this.#mounts.values()) mount[Symbol.dispose]();
    this.#mounts.clear();
    this.#fd[Symbol.dispose]();
  }

  /** Those of which anything can be seen, the topmost first, each once. */
  #visibleOf(layers: readonly Digest[]): readonly Digest[] {
    const seen: Digest[] = [];
    for (const diffId of new Set(layers.toReversed())) {
      seen.push(diffId);
      if (this.#get(diffId).hidesBelow) break;
    }
    return seen;
  }

  #get(diffId: Digest): LayerFacts {
    const facts = this.#known.get(diffId);
    if (facts === undefined) throw new Failure("not-found", `cannot find layer ${diffId} in the store`);
    return facts;
  }

  #openShared(diffId: Digest): OwnedFd {
    const mount = this.#mounts.get(diffId) ?? this.#mount(diffId);
    this.#mounts.delete(diffId);
    this.#mounts.set(diffId, mount);
    if (this.#mounts.size > mountsKept) {
      const [oldest, oldestMount] = required(this.#mounts.entries().next().value);
      this.#mounts.delete(oldest);
      oldestMount[Symbol.dispose]();
    }
    return mount;
  }

  #mount(diffId: Digest): OwnedFd {
    try {
      const file = openSync(this.pathOf(diffId), "r");
      try {
        return mountErofs(file, this.#way);
      } finally {
        closeSync(file);
      }
    } catch (thrown) {
      throw within(`cannot mount layer ${diffId}`, thrown);
    }
  }

  async #take(draft: string, diffId: Digest, facts: LayerFacts): Promise<boolean> {
    const path = this.#paths.layer(diffId);
    return await this.#naming.name(draft, {
      diffId,
      isKnown: () => this.has(diffId),
      clear: () => {
        if (existsSync(path)) this.#trash.discard(path); // without facts: what a power loss left of one
      },
      know: () => this.#known.set(diffId, facts),
    });
  }
}
