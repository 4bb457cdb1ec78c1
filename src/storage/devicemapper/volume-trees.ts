import { fchmodSync, fchownSync, statSync } from "node:fs";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { MOUNT_ATTR_NOATIME, MOUNT_ATTR_RDONLY } from "../../linux/constants/mount.ts";
import { AT_REMOVEDIR, O_DIRECTORY, O_RDONLY } from "../../linux/constants/open.ts";
import type { DeviceNodes } from "../../linux/device-mapper/device-nodes.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { growExt4 } from "../../linux/mount/grow-ext4.ts";
import { makeFilesystem } from "../../linux/mount/make-filesystem.ts";
import { createFilesystem, type FilesystemParameter, setMountAttributes } from "../../linux/mount/mount.ts";
import { openBeneath } from "../../linux/files/open.ts";
import { limitProject, projectUse } from "../../linux/mount/project-quota.ts";
import { syncFilesystem } from "../../linux/files/sync.ts";
import { attempt } from "../../linux/kernel/syscall.ts";
import type { OpenTree, TreeAccess } from "../disk/tree-access.ts";
import type { Base } from "./pool-settings.ts";
import { findVolume, type ThinVolumes, type Volume } from "./thin-volumes.ts";

/** All files of a file system belong to this project until a process moves them, so it counts them all. */
const everyFile = 0;

/**
 * File systems on volumes, each found by its directory's record. Devices come with a mount and go with its last copy.
 */
export class VolumeTrees implements TreeAccess {
  readonly #volumes: ThinVolumes;
  readonly #nodes: DeviceNodes;
  readonly #base: Pick<Base, "filesystem" | "hasQuotas">;

  constructor(
    volumes: ThinVolumes,
    { nodes, base }: { readonly nodes: DeviceNodes; readonly base: Pick<Base, "filesystem" | "hasQuotas"> },
  ) {
    this.#volumes = volumes;
    this.#nodes = nodes;
    this.#base = base;
  }

  async open(path: string, kind: "snapshot" | "view"): Promise<OpenTree> {
    using mount = await this.mount(path, { kind, readonly: true });
    return openRoot(mount);
  }

  async mount(
    path: string,
    { kind, readonly, usernsFd }: Parameters<TreeAccess["mount"]>[1],
  ): Promise<OwnedFd> {
    const volume = getVolume(path);
    const attributes = readonly ? MOUNT_ATTR_RDONLY : 0;
    const unchanging = kind === "view";
    using mount = await this.#mount(volume, { unchanging, attributes }).catch(async (thrown: unknown) => {
      if (!readonly || unchanging) throw thrown;
      // On a full pool a file system cannot write the metadata of a writable mount.
      return await this.#mount(volume, { unchanging: true, attributes }).catch(() => {
        throw thrown;
      });
    });
    if (usernsFd !== undefined) setMountAttributes(mount.fd, { usernsFd });
    return new OwnedFd(mount.move());
  }

  /**
   * Lets `work` write to a volume that nothing else uses; when it returns, all is on the disk, and the volume at rest.
   */
  async change(volume: Volume, work: (root: Fd) => Promise<void>): Promise<void> {
    {
      using mount = await this.#mount(volume, { unchanging: false, attributes: MOUNT_ATTR_NOATIME });
      using root = openRoot(mount);
      await work(root.fd);
      await syncFilesystem(root.fd);
    }
    await this.#volumes.waitUntilUnused(volume);
  }

  /**
   * Allows so many bytes more than are in the volume now; one that was enlarged takes its new size. Throws
   * "unsupported".
   */
  async limit(
    volume: Volume,
    { bytes, grows }: { readonly bytes: number; readonly grows: boolean },
  ): Promise<void> {
    await this.change(volume, async (root) => {
      if (grows) await growExt4(root, volume.bytes);
      limitProject(root, everyFile, projectUse(root, everyFile).bytes + bytes);
    });
  }

  /**
   * `unchanging`: on a device that can't be written to; else the file system can be written to, though its mount may
   * not.
   */
  async #mount(
    volume: Volume,
    { unchanging, attributes }: { readonly unchanging: boolean; readonly attributes: number },
  ): Promise<OwnedFd> {
    using active = await this.#volumes.activate(volume, { readonly: unchanging });
    const usual = `dm-${active.device.minor}`;
    const source = this.#nodes.path("block", active.device, { usual });
    const { filesystem } = this.#base;
    const parameters = mountParameters(this.#base, unchanging);
    return createFilesystem(filesystem, parameters, { source, attributes });
  }
}

function mountParameters(
  { filesystem, hasQuotas }: Pick<Base, "filesystem" | "hasQuotas">,
  unchanging: boolean,
): readonly FilesystemParameter[] {
  if (filesystem === "xfs") {
    // Snapshots have the same id as what they are of.
    return [["nouuid", true], ...(unchanging ? readOnly("norecovery") : discarding)];
  }
  if (unchanging) return readOnly("noload");
  return [
    ...discarding,
    // Unwritten blocks read as zeros anyway.
    ["noinit_itable", true],
    // SAFETY: without pool space for its own records, the file system stops instead of continuing with unwritten data.
    ["errors", "remount-ro"],
    ...(hasQuotas ? ([["prjquota", true]] as const) : []),
  ];
}

/** Blocks of deleted files are returned to the pool. */
const discarding: readonly FilesystemParameter[] = [["discard", true]];

const readOnly = (withoutJournal: string): readonly FilesystemParameter[] => [
  ["ro", true],
  [withoutJournal, true],
];

function openRoot(mount: OwnedFd): OwnedFd {
  return openBeneath(mount.fd, "", O_RDONLY | O_DIRECTORY);
}

/** Throws "corrupt" where a power loss took the record. */
export function getVolume(path: string): Volume {
  const volume = findVolume(path);
  if (volume !== undefined) return volume;
  throw new Failure("corrupt", `cannot find out which volume of the thin pool "${path}" is`);
}

/** Owner and mode of a directory (its path), for the root of a volume. */
export function takeLook(root: Fd, from: string): void {
  const { uid, gid, mode } = statSync(from);
  fchownSync(root, uid, gid);
  fchmodSync(root, mode & 0o7777);
}

/**
 * Makes the file system that all others begin as, once for each pool. Without quotas where the kernel has none.
 * Throws "unsupported" naming the missing program's package.
 */
export async function makeBase(
  volumes: ThinVolumes,
  {
    nodes,
    bytes,
    filesystem,
  }: { readonly nodes: DeviceNodes; readonly bytes: number; readonly filesystem: Base["filesystem"] },
): Promise<Base> {
  for (const hasQuotas of filesystem === "ext4" ? [true, false] : [false]) {
    // Until it is recorded as the base it has no owner, and the next engine removes it.
    const volume = await volumes.create(bytes, { note: () => undefined });
    try {
      {
        using active = await volumes.activate(volume, { exclusive: true });
        await makeFilesystem(active.fd, { type: filesystem, bytes, quotas: hasQuotas });
      }
      await volumes.waitUntilUnused(volume);
      const trees = new VolumeTrees(volumes, { nodes, base: { filesystem, hasQuotas } });
      await trees.change(volume, async (root) => {
        attempt("unlinkat", root, "lost+found", AT_REMOVEDIR);
        fchmodSync(root, 0o755);
      });
      return { id: volume.id, bytes, filesystem, hasQuotas };
    } catch (thrown) {
      await volumes.remove(volume);
      if (!hasQuotas || kindOf(thrown) === "unsupported")
        throw within("cannot make the file system that all begin as", thrown);
    }
  }
  throw new Error("unreachable");
}
