import { closeSync, constants, openSync } from "node:fs";
import { codeOf, Failure } from "../../../base/failure.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "../../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { openInRoot } from "../../../linux/files/open.ts";
import { isErrno } from "../../../linux/kernel/syscall.ts";
import type { Digest } from "../../../spec/digest.ts";
import { cleanPath } from "../../resolve/clean-path.ts";
import { resolveAllMounts } from "../../resolve/mounts.ts";
import { refuse } from "../../resolve/refusal.ts";
import type { ContainerSpec } from "../../../model/container-spec.ts";
import type { ContainerMount } from "../../../model/mounts.ts";
import { parseNewVolumeName, randomVolumeName } from "../../volumes/volume-name.ts";
import type { ContainerContext } from "../../context.ts";
import { getForCreate } from "../../realm.ts";
import { type NamedVolumeMount, volumeMounts } from "../files/volume-uses.ts";

/** All mounts of a container that is to be made, each volume with its name. Nothing is made yet. Throws "invalid". */
export function decideMounts(
  context: ContainerContext,
  spec: ContainerSpec,
  imageVolumes: readonly string[],
): readonly ContainerMount[] {
  const inherited = (spec.storage?.volumesFrom ?? []).map(({ container, readonly }) =>
    inheritedMounts(getForCreate(context.state, container).spec.storage?.mounts ?? [], readonly),
  );
  return resolveAllMounts(spec, { image: imageVolumes, inherited }).map((mount) => {
    if (mount.kind !== "volume") return mount;
    if (mount.name === undefined || mount.name === "") {
      return { ...mount, name: randomVolumeName(), anonymous: true };
    }
    return { ...mount, name: parseNewVolumeName(mount.name) };
  });
}

/** A tmpfs is its container's own, and so is what an image shows. The content is there: nothing is copied up. */
function inheritedMounts(
  mounts: readonly ContainerMount[],
  readonly: boolean | undefined,
): readonly ContainerMount[] {
  return mounts
    .filter(({ kind }) => kind === "bind" || kind === "volume")
    .map((mount) => ({
      ...mount,
      readonly: mount.readonly === true || readonly === true,
      ...(mount.kind === "volume" ? { copy: false } : {}),
    }));
}

/**
 * Creates the missing volumes of a new container, and fills empty volumes with the image's files at their targets. The
 * caller holds the volumes: when two containers share a new volume, the second container finds it filled.
 */
export async function makeVolumes(
  context: ContainerContext,
  { mounts, layers }: { readonly mounts: readonly ContainerMount[]; readonly layers: readonly Digest[] },
): Promise<void> {
  const { volumes } = context;
  const wanted = volumeMounts(mounts);
  for (const { name, driver, options, labels = {}, anonymous = false } of wanted) {
    await volumes.ensure(name, {
      driver,
      options,
      labels: anonymous ? { ...labels, "com.docker.volume.anonymous": "" } : labels,
    });
  }
  const fillable: NamedVolumeMount[] = [];
  for (const mount of wanted) {
    if (mount.copy === false || mount.subpath !== undefined) continue;
    if (volumes.isFillable(mount.name)) fillable.push(mount);
  }
  if (fillable.length === 0) return;
  // SAFETY: a fresh, read-only mount of the image's layers: no container can change what is looked up in it.
  using image = await context.dependencies.storage.viewLayers(layers);
  for (const { name, target } of fillable) {
    using source = findDirectory(image.fd, target);
    if (source !== undefined) await volumes.fill(name, source.fd);
    if (cleanPath(target) === "/etc" && volumes.localOptions(name) === undefined) {
      using data = volumes.store.open(name);
      makeFileTargets(data.fd);
    }
  }
}

/**
 * The targets of the network files, so that they can be mounted in a read-only volume, too. As Docker's copies have
 * them.
 */
function makeFileTargets(etc: Fd): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  for (const name of ["hosts", "hostname", "resolv.conf"]) {
    try {
      closeSync(openSync(`/proc/self/fd/${etc}/${name}`, flags, 0o644));
    } catch (thrown) {
      if (codeOf(thrown) !== "EEXIST") throw thrown;
    }
  }
}

/** SAFETY: resolved inside the root; a link that the image put there leads nowhere else. */
function findDirectory(root: Fd, target: string): OwnedFd | undefined {
  try {
    return openInRoot(root, target, O_RDONLY | O_DIRECTORY);
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT")) return undefined;
    if (!isErrno(thrown, "ENOTDIR")) throw thrown;
    if (!isThere(root, target)) return undefined;
    throw refuse(`cannot mount volume over existing file, file exists ${target}`);
  }
}

function isThere(root: Fd, target: string): boolean {
  try {
    openInRoot(root, target, O_PATH)[Symbol.dispose]();
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) return false;
    throw thrown;
  }
}

/** Throws when the source of a bind is missing and no option allows creating it. */
export function bindSourceMissing(source: string): Failure {
  const failure = refuse(`bind source path does not exist: ${source}`);
  return new Failure(failure.kind, failure.message, { details: { bindSource: source } });
}
