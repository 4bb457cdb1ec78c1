import { Failure, sentenceOf } from "../../base/failure.ts";
import type { Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { cloneTree, setMountAttributes } from "../../linux/mount/mount.ts";

/**
 * The directory of all layers as a detached mount in which files have the host's ids of a container's users: one mount,
 * however many layers an image has. The upper stays as it is: what the container makes has these ids already. The
 * caller disposes of it when the overlay is mounted.
 *
 * KERNEL(5.19): overlay on idmapped lowers. Where it can't be composed of detached mounts (EINVAL on 6.12),
 * mountOverlay() has it done in the mount helper.
 */
export function openIdmappedLayers(layers: Fd, usernsFd: Fd): OwnedFd {
  using undo = new DisposableStack();
  try {
    const clone = undo.use(cloneTree(layers));
    setMountAttributes(clone.fd, { usernsFd });
    undo.move();
    return clone;
  } catch (cause) {
    throw new Failure(
      "unsupported",
      `cannot show the image's files with the ids of a user namespace: ${sentenceOf(cause)}: the file system of the data root does not support idmapped mounts`,
      { cause },
    );
  }
}
