import { Failure, within } from "../../../base/failure.ts";
import { O_PATH } from "../../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { hasFeature } from "../../../linux/features.ts";
import { openInRoot } from "../../../linux/files/open.ts";
import { isErrno } from "../../../linux/kernel/syscall.ts";
import type { ContainerMount, ImageMount } from "../../../model/mounts.ts";
import type { ContainerContext } from "../../context.ts";

/** The mounts with what their images are now: the name may pass to another one, the container keeps these. */
export interface PinnedMounts extends Disposable {
  readonly mounts: readonly ContainerMount[];
}

/**
 * The images that mounts show, kept from being removed until this is disposed of; by then a record has them. Throws
 * "not-found".
 */
export async function pinImageMounts(
  context: ContainerContext,
  mounts: readonly ContainerMount[] = [],
): Promise<PinnedMounts> {
  using pins = new DisposableStack();
  const pinned: ContainerMount[] = [];
  for (const mount of mounts) {
    if (mount.kind !== "image") {
      pinned.push(mount);
      continue;
    }
    const { record } = pins.use(await context.pinImage(mount.image));
    pinned.push({ ...mount, imageId: record.id, layers: record.config.diffIds });
  }
  const held = pins.move();
  return { mounts: pinned, [Symbol.dispose]: () => held.dispose() };
}

export interface OpenedImages extends Disposable {
  /** The sources to bind, by target: detached, read-only mounts. */
  readonly sources: ReadonlyMap<string, Fd>;
  /** Targets whose source needs no clone: it is this container's alone. */
  readonly ownTrees: ReadonlySet<string>;
}

/**
 * Fresh views of the images that a container mounts, with the ids of its user namespace. The caller disposes of them.
 */
export async function openImageMounts(
  { dependencies }: ContainerContext,
  mounts: readonly ContainerMount[],
  usernsFd: Fd | undefined,
): Promise<OpenedImages> {
  using opened = new DisposableStack();
  const sources = new Map<string, Fd>();
  const ownTrees = new Set<string>();
  for (const mount of mounts) {
    if (mount.kind !== "image") continue;
    const options = usernsFd === undefined ? {} : { usernsFd };
    const view = opened.use(await dependencies.storage.viewLayers(mount.layers ?? [], options));
    const isWhole = (mount.subpath ?? "") === "";
    if (isWhole) ownTrees.add(mount.target);
    sources.set(mount.target, isWhole ? view.fd : opened.use(openSubpath(view, mount)).fd);
  }
  const held = opened.move();
  return { sources, ownTrees, [Symbol.dispose]: () => held.dispose() };
}

/** SAFETY: an image's links lead nowhere out of it: resolved in its root, then used by descriptor. */
function openSubpath(view: OwnedFd, { image, subpath = "" }: ImageMount): OwnedFd {
  const sentence = `cannot use subpath ${JSON.stringify(subpath)} of image "${image}"`;
  if (!hasFeature("detached-composition")) {
    throw new Failure(
      "unsupported",
      `${sentence}: this kernel cannot clone a mount that is on no mount table (Linux 6.15 can)`,
    );
  }
  try {
    return openInRoot(view.fd, subpath, O_PATH);
  } catch (thrown) {
    if (!isErrno(thrown, "ENOENT", "ENOTDIR")) throw within(sentence, thrown);
    throw new Failure("invalid", `${sentence}: the image has no such directory or file`, { cause: thrown });
  }
}
