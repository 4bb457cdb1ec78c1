import { statSync } from "node:fs";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { measureTree } from "../../linux/tree/tree.ts";
import type { MountSource } from "../../linux/mount/mount-helper.ts";
import { type Digest, hexOf } from "../../spec/digest.ts";
import type { LayerDraft, StorageUsage } from "../driver.ts";
import type { LayerDirectory, RootLook } from "./layer-directory.ts";
import type { DriverPaths } from "./driver-paths.ts";

/** Layers in a form that can be stacked. */
export interface UnionLayers {
  begin(): Promise<LayerDraft>;
  has(diffId: Digest): boolean;
  list(): readonly Digest[];
  /** Throws "not-found" naming the layer. */
  require(diffId: Digest): void;
  remove(diffId: Digest): void;
  /** Owner and mode of the root directory of these layers. */
  rootOf(layers: readonly Digest[]): RootLook;
  /**
   * The visible layers, from the topmost to the lowest, as paths to mount. Objects that must stay open until the mount
   * are added to `opened`. With `usernsFd` files have the host's IDs of that user namespace.
   */
  lowersOf(
    layers: readonly Digest[],
    options: { readonly opened: DisposableStack; readonly usernsFd?: Fd | undefined },
  ): Promise<readonly MountSource[]>;
  usage(diffId: Digest, options: { readonly signal?: AbortSignal | undefined }): Promise<StorageUsage>;
  /** See StorageDriver. */
  verify?(diffId: Digest, options: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Where it lies, for people. */
  pathOf(diffId: Digest): string;
  dispose(): void;
}

/** Returns a detached mount of the directory of all layers, in which files have the host's ids of a user namespace. */
export type ShiftLayers = (layers: Fd, usernsFd: Fd) => OwnedFd;

/** Each layer unpacked in a directory. */
export class UnpackedLayers implements UnionLayers {
  readonly #paths: DriverPaths;
  readonly #layers: LayerDirectory;
  readonly #shift: ShiftLayers | undefined;
  /** Lowers are named below it: short, and nothing of the host's paths shows in a container's mountinfo. */
  readonly #fd: OwnedFd;

  constructor(paths: DriverPaths, layers: LayerDirectory, shift?: ShiftLayers) {
    this.#paths = paths;
    this.#layers = layers;
    this.#shift = shift;
    this.#fd = openDirectoryPath(paths.layers);
  }

  async begin(): Promise<LayerDraft> {
    return await this.#layers.begin();
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
  ): Promise<readonly MountSource[]> {
    const visible = this.#layers.visibleOf(layers);
    const shifted = usernsFd === undefined ? undefined : this.#shift?.(this.#fd.fd, usernsFd);
    const detached = shifted !== undefined;
    const { fd } = shifted === undefined ? this.#fd : opened.use(shifted);
    return visible.map((diffId) => ({ fd, path: `${hexOf(diffId)}/fs`, detached }));
  }

  async usage(diffId: Digest, options: { readonly signal?: AbortSignal | undefined }): Promise<StorageUsage> {
    this.#layers.get(diffId);
    using tree = openDirectoryPath(this.pathOf(diffId));
    return await measureTree(tree.fd, options);
  }

  pathOf(diffId: Digest): string {
    return `${this.#paths.layer(diffId)}/fs`;
  }

  dispose(): void {
    this.#fd[Symbol.dispose]();
  }
}
