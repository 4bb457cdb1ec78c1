import { closeSync, constants, openSync, realpathSync } from "node:fs";
import { posix } from "node:path";
import { codeOf, within } from "../../../base/failure.ts";
import { MOUNT_ATTR_RDONLY } from "../../../linux/constants/mount.ts";
import { O_PATH } from "../../../linux/constants/open.ts";
import { ensureDirectoryInRoot } from "../../../linux/files/ensure-directory.ts";
import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { hasFeature } from "../../../linux/features.ts";
import { cloneTree, moveMount, setMountAttributes } from "../../../linux/mount/mount.ts";
import { openInRoot } from "../../../linux/files/open.ts";
import { statFd } from "../../../linux/files/stat.ts";
import { isErrno } from "../../../linux/kernel/syscall.ts";
import { isWithin } from "../../resolve/clean-path.ts";
import { checkMounts } from "../../resolve/mounts.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { BindMount, ImageMount, VolumeMount } from "../../../model/mounts.ts";
import type { ContainerContext } from "../../context.ts";
import { openImageMounts } from "./image-mounts.ts";
import { openVolumes } from "./open-volumes.ts";
import { makeBindSource } from "./prepare-root.ts";

const kernelPaths = ["/proc", "/sys", "/dev"];

type SeenMount = BindMount | VolumeMount | ImageMount;

/** The binds, volumes and images of a container that does not run, from outside to inside. */
export function seenMounts({ spec }: Pick<ContainerRecord, "spec">): readonly SeenMount[] {
  // KERNEL(6.15): mounts that are on no mount table can be put into each other.
  if (!hasFeature("detached-composition")) return [];
  return checkMounts(spec.storage?.mounts)
    .filter((mount): mount is SeenMount => mount.kind !== "tmpfs")
    .filter(({ target }) => !kernelPaths.some((mountPoint) => isWithin(target, mountPoint)))
    .toSorted((one, other) => one.target.split("/").length - other.target.split("/").length);
}

/**
 * Mounts them below `root`, a detached and writable mount, as they will be in the running container. No mount table
 * lists them, and they disappear with the last descriptor of the root. A bind whose source is missing is skipped,
 * unless it requests that the source is created. SAFETY: targets are resolved inside the root. Only the kernel resolves
 * paths in a volume, in the mounts that this function makes.
 */
export async function attachMounts(
  context: ContainerContext,
  record: ContainerRecord,
  { root, usernsFd }: { readonly root: Fd; readonly usernsFd: Fd | undefined },
): Promise<void> {
  const mounts = seenMounts(record);
  using volumes = await openVolumes(context, mounts);
  using images = await openImageMounts(context, mounts, usernsFd);
  for (const mount of mounts) {
    try {
      const source =
        mount.kind === "bind"
          ? findBindSource(record, mount)
          : ((mount.kind === "image" ? images : volumes).sources.get(mount.target) ?? -1);
      if (source === undefined) continue;
      attach(mount, { root, usernsFd, source });
    } catch (thrown) {
      throw within(`cannot mount at "${mount.target}"`, thrown);
    }
  }
}

/** The path on the host; undefined when nothing is there. */
function findBindSource(record: ContainerRecord, mount: BindMount): string | undefined {
  makeBindSource(record, mount);
  try {
    return realpathSync(mount.source);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

function attach(
  mount: SeenMount,
  {
    root,
    usernsFd,
    source,
  }: { readonly root: Fd; readonly usernsFd: Fd | undefined; readonly source: Fd | string },
): void {
  const { target, readonly = mount.kind === "image" } = mount;
  const isBind = mount.kind === "bind";
  const recursive = !isBind || mount.recursive !== false;
  using tree = cloneTree(source, { recursive });
  if (mount.kind === "volume" && usernsFd !== undefined) setMountAttributes(tree.fd, { usernsFd });
  if (readonly) {
    const isWhole = recursive && !(isBind && mount.readonlyBelow === false);
    setMountAttributes(tree.fd, { set: MOUNT_ATTR_RDONLY, recursive: isWhole });
  }
  using mountPoint = openTarget(root, target, statFd(tree.fd).kind === "directory");
  moveMount(tree.fd, mountPoint.fd);
}

/** The place of a mount, made if it is missing. */
function openTarget(root: Fd, target: string, isDirectory: boolean): OwnedFd {
  if (isDirectory) return ensureDirectoryInRoot(root, target);
  try {
    return openInRoot(root, target, O_PATH);
  } catch (thrown) {
    if (!isErrno(thrown, "ENOENT")) throw thrown;
  }
  using parent = ensureDirectoryInRoot(root, posix.dirname(target));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  closeSync(openSync(`/proc/self/fd/${parent.fd}/${posix.basename(target)}`, flags, 0o644));
  return openInRoot(root, target, O_PATH);
}
