import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { within } from "../base/failure.ts";
import { fault } from "../base/fault.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { codeOf, fileFailure } from "../linux/files/file-failure.ts";
import { openBeneath, openDirectoryPath } from "../linux/files/open.ts";
import { findStatAt } from "../linux/files/stat.ts";
import { syncFile } from "../linux/files/sync.ts";
import { measureTree } from "../linux/tree/tree.ts";
import type { StorageFinding, StorageUsage } from "./driver.ts";
import { Trash } from "./disk/trash.ts";
import type { DirectoryOptions } from "./local-volume.ts";
import { copyUp, copyUpMounted, dataName, finishCopyUp, isWhole } from "./volumes/copy-up.ts";
import { findVolumeName, type VolumeName } from "../model/ids.ts";

/**
 * Directories of volumes, `<dataRoot>/volumes/NAME/_data`. What is there is whole and survives power loss: it is made
 * aside, written to the disk and then renamed. For one volume the caller takes turns; different ones may change at the
 * same time.
 */
export class VolumeStore {
  readonly #root: string;
  readonly #trash: Trash;

  constructor(root: string, trash: Trash) {
    this.#root = root;
    this.#trash = trash;
  }

  /** Where its content is, on the host. */
  dataPath(name: VolumeName): string {
    return `${this.#root}/${name}/${dataName}`;
  }

  list(): readonly VolumeName[] {
    return readdirSync(this.#root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => findVolumeName(name) ?? []);
  }

  /** An empty volume of root's. Idempotent: one that is there stays as it is. */
  async create(name: VolumeName, { mode, gid }: DirectoryOptions): Promise<void> {
    using volumes = openDirectoryPath(this.#root);
    if (findStatAt(volumes.fd, name) !== undefined) return;
    const draft = `${this.#root}/.drafts/${randomBytes(12).toString("hex")}`;
    try {
      mkdirSync(draft, { mode: 0o700 });
      mkdirSync(`${draft}/${dataName}`, { mode: 0o700 });
      chownSync(`${draft}/${dataName}`, 0, gid);
      chmodSync(`${draft}/${dataName}`, mode);
      {
        using data = openDirectoryPath(`${draft}/${dataName}`);
        using made = openDirectoryPath(draft);
        await syncFile(data.fd);
        await syncFile(made.fd);
      }
      fault("volume.drafted");
      renameSync(draft, `${this.#root}/${name}`);
      await syncFile(volumes.fd);
      fault("volume.named");
    } catch (thrown) {
      rmSync(draft, { recursive: true, force: true });
      throw fileFailure(`cannot make the directory of volume "${name}"`, thrown);
    }
  }

  /** Its content's directory, readable. The caller disposes of it. */
  open(name: VolumeName): OwnedFd {
    try {
      using volumes = openDirectoryPath(this.#root);
      return openBeneath(volumes.fd, `${name}/${dataName}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (thrown) {
      throw within(`cannot open volume "${name}"`, thrown);
    }
  }

  /** False while an image's content is coming in, or when that was interrupted. */
  isWhole(name: VolumeName): boolean {
    using volume = openDirectoryPath(`${this.#root}/${name}`);
    return isWhole(volume.fd);
  }

  /** True when nothing is in it. */
  isEmpty(name: VolumeName): boolean {
    return readdirSync(this.dataPath(name)).length === 0;
  }

  /**
   * Copies a directory of an image into the volume if that is empty: all of it or nothing, whatever happens. With
   * `mounted` into that directory, which is in the volume's place.
   */
  async fill(
    name: VolumeName,
    { source, mounted }: { readonly source: Fd; readonly mounted?: Fd | undefined },
  ): Promise<void> {
    try {
      using volume = openDirectoryPath(`${this.#root}/${name}`);
      if (mounted === undefined) await copyUp(volume.fd, source);
      else await copyUpMounted(volume.fd, mounted, source);
    } catch (thrown) {
      throw within(`cannot fill volume "${name}" with what the image has in its place`, thrown);
    }
  }

  /** The name is free when this returns; the content goes behind it, see settle(). Fine when absent. */
  discard(name: VolumeName): void {
    this.#trash.discard(`${this.#root}/${name}`);
  }

  async usage(
    name: VolumeName,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<StorageUsage> {
    using data = this.open(name);
    return await measureTree(data.fd, options);
  }

  /** Waits until everything discarded is gone from the disk. */
  settle(): Promise<void> {
    return this.#trash.settle();
  }

  findings(): readonly StorageFinding[] {
    return this.#trash.findings();
  }
}

/**
 * Opens `<dataRoot>/volumes`. What a crash left half-made is removed, what was nearly done is finished, before this
 * returns. Only one engine may have the data root open.
 */
export async function openVolumeStore(dataRoot: string): Promise<VolumeStore> {
  const root = `${dataRoot}/volumes`;
  const [drafts, trashed] = [`${root}/.drafts`, `${root}/.trash`];
  for (const directory of [root, drafts, trashed]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const trash = new Trash(trashed);
  trash.resume();
  for (const name of readdirSync(drafts)) trash.discard(`${drafts}/${name}`);
  const store = new VolumeStore(root, trash);
  for (const name of store.list()) await recover(`${root}/${name}`);
  return store;
}

async function recover(path: string): Promise<void> {
  try {
    using volume = openDirectoryPath(path);
    await finishCopyUp(volume.fd);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw within(`cannot recover the volume in "${path}"`, thrown);
  }
}
