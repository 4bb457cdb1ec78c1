import { statSync } from "node:fs";
import type { Fd, OwnedFd } from "../../linux/fd.ts";
import { openDirectoryPath } from "../../linux/open.ts";
import { measureTree } from "../../linux/tree.ts";
import type { MountPlace } from "../../linux/workshop.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import type { LayerDirectory, RootLook } from "../disk/layer-directory.ts";
import type { Places } from "../disk/places.ts";
import type { LayerDraft, StorageUsage } from "../driver.ts";
import { openIdmappedLayers } from "./idmapped-layers.ts";

/** Layers in a form that overlay can stack. */
export interface OverlayLayers {
  begin(): LayerDraft;
  has(diffId: Digest): boolean;
  list(): readonly Digest[];
  /** Throws "not-found" naming the layer. */
  require(diffId: Digest): void;
  remove(diffId: Digest): void;
  /** Owner and mode of the root directory of these layers. */
  rootOf(layers: readonly Digest[]): RootLook;
  /**
   * What shows of the layers, from the topmost to the lowest, as overlay wants them. What has to be held until the overlay is
   * mounted is put into `opened`. With `usernsFd` files have the host's ids of that user namespace.
   */
  lowersOf(
    layers: readonly Digest[],
    options: { readonly opened: DisposableStack; readonly usernsFd?: Fd | undefined },
  ): Promise<readonly MountPlace[]>;
  usage(diffId: Digest, options: { readonly signal?: AbortSignal }): Promise<StorageUsage>;
  /** Where it lies, for people. */
  pathOf(diffId: Digest): string;
  dispose(): void;
}

/** Each layer unpacked in a directory. */
export class UnpackedLayers implements OverlayLayers {
  readonly #places: Places;
  readonly #layers: LayerDirectory;
  /** Lowers are named below it: short, and nothing of the host's paths shows in a container's mountinfo. */
  readonly #fd: OwnedFd;

  constructor(places: Places, layers: LayerDirectory) {
    this.#places = places;
    this.#layers = layers;
    this.#fd = openDirectoryPath(places.layers);
  }

  begin(): LayerDraft {
    return this.#layers.begin();
  }

  has(diffId: Digest): boolean {
    return this.#layers.has(diffId);
  }

  list(): readonly Digest[] {
    return this.#layers.list();
  }

  require(diffId: Digest): void {
    this.#layers.get(diffId);
  }

  remove(diffId: Digest): void {
    this.#layers.remove(diffId);
  }

  rootOf(layers: readonly Digest[]): RootLook {
    return statSync(this.#layers.rootOf(layers));
  }

  async lowersOf(
    layers: readonly Digest[],
    { opened, usernsFd }: { readonly opened: DisposableStack; readonly usernsFd?: Fd | undefined },
  ): Promise<readonly MountPlace[]> {
    const visible = this.#layers.visibleOf(layers);
    const detached = usernsFd !== undefined;
    const { fd } = detached ? opened.use(openIdmappedLayers(this.#fd.fd, usernsFd)) : this.#fd;
    return visible.map((diffId) => ({ fd, path: `${hexOf(diffId)}/fs`, detached }));
  }

  async usage(diffId: Digest, options: { readonly signal?: AbortSignal }): Promise<StorageUsage> {
    this.#layers.get(diffId);
    using tree = openDirectoryPath(this.pathOf(diffId));
    return await measureTree(tree.fd, options);
  }

  pathOf(diffId: Digest): string {
    return `${this.#places.layer(diffId)}/fs`;
  }

  dispose(): void {
    this.#fd[Symbol.dispose]();
  }
}
