import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
} from "../../linux/constants/mount.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../linux/constants/open.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { cloneTree, setMountAttributes } from "../../linux/mount/mount.ts";
import { openBeneath, openDirectoryPath } from "../../linux/files/open.ts";

/** A tree that is open for reading. */
export interface OpenTree extends Disposable {
  readonly fd: Fd;
}

/** How the tree of a snapshot or a view is come by that has the directory `path` to itself. */
export interface TreeAccess {
  /** The caller disposes of it. */
  open(path: string, kind: "snapshot" | "view"): Promise<OpenTree>;
  /** A detached mount. The caller disposes of it. */
  mount(
    path: string,
    options: {
      readonly kind: "snapshot" | "view";
      readonly readonly: boolean;
      readonly usernsFd?: Fd | undefined;
    },
  ): Promise<OwnedFd>;
}

/** The directory itself is the tree. */
export const directoryAccess: TreeAccess = {
  open: async (path) => openTree(path),
  mount: async (path, { readonly, usernsFd }) => {
    using tree = openTree(path);
    using mount = cloneTree(tree.fd);
    setMountAttributes(mount.fd, {
      set: readonly ? MOUNT_ATTR_RDONLY : 0,
      // SAFETY: the host's mount of the data root may be nosuid, nodev or noexec, which a container's root must not be.
      clear: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
      // On the disk files keep the container's ids, so nothing is shifted back when changes are read there.
      usernsFd,
    });
    return new OwnedFd(mount.move());
  },
};

function openTree(path: string): OwnedFd {
  const slash = path.lastIndexOf("/");
  using parent = openDirectoryPath(path.slice(0, slash));
  return openBeneath(parent.fd, path.slice(slash + 1), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}
