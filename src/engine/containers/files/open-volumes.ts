import { required } from "../../../base/required.ts";
import { posix } from "node:path";
import { Failure, within } from "../../../base/failure.ts";
import { O_PATH } from "../../../linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../../linux/kernel/fd.ts";
import { hasFeature } from "../../../linux/features.ts";
import { openInRoot } from "../../../linux/files/open.ts";
import { isErrno } from "../../../linux/kernel/syscall.ts";
import { type LocalOptions, mountLocalVolume } from "../../../storage/local-volume.ts";
import type { ContainerMount } from "../../../model/mounts.ts";
import type { ContainerContext } from "../../context.ts";
import { type NamedVolumeMount, volumeMounts } from "./volume-uses.ts";
import type { VolumeName } from "../../../model/ids.ts";

/** The number of descriptors that the keeper can hold besides the root, its lock and a shared /dev/shm. */
const MOST_HELD = 5;

export interface OpenedVolumes extends Disposable {
  /** The sources to bind, by target: the volume, or its subpath. */
  readonly sources: ReadonlyMap<string, Fd>;
  /** Targets whose source is a mount of this container alone: where the kernel can't clone it. */
  readonly ownTrees: ReadonlySet<string>;
  /** Mounts of volumes with options, in the order of mountedVolumes(): they live as long as a keeper holds them. */
  readonly held: readonly Fd[];
}

const none: OpenedVolumes = { sources: new Map(), ownTrees: new Set(), held: [], [Symbol.dispose]: () => {} };

/**
 * The volumes of a container that is about to start, by descriptor. One that has to be mounted is mounted by the first
 * container and passed on from its keeper to the next, so that all see the same; such volumes are held until the result
 * is disposed of, which is to be when the container runs. They are never on the host's mount table.
 */
export async function openVolumes(
  context: ContainerContext,
  mounts: readonly ContainerMount[],
): Promise<OpenedVolumes> {
  const wanted = volumeMounts(mounts);
  if (wanted.length === 0) return none;
  using opened = new DisposableStack();
  const mounted = mountedVolumes(context, mounts);
  if (mounted.length > MOST_HELD) {
    throw new Failure(
      "unsupported",
      `cannot use ${mounted.length} volumes that have to be mounted: a container can have ${MOST_HELD} of them`,
    );
  }
  if (mounted.length > 0) opened.use(await context.volumes.hold(mounted));
  if (!hasFeature("detached-composition")) return await openAlone(context, wanted, opened.move());
  const whole = new Map<VolumeName, OwnedFd>();
  for (const name of mounted) whole.set(name, opened.use(await openMounted(context, name)));
  const sources = new Map<string, Fd>();
  for (const mount of wanted) {
    const { name, target } = mount;
    let volume = whole.get(name);
    if (volume === undefined) {
      context.volumes.get(name);
      volume = opened.use(context.volumes.store.open(name));
      whole.set(name, volume);
    }
    sources.set(
      target,
      openSubpath(volume, mount, { opened, dataPath: context.volumes.store.dataPath(name) }),
    );
  }
  const stack = opened.move();
  const held = mounted.map((name) => required(whole.get(name)).fd);
  return { sources, ownTrees: new Set(), held, [Symbol.dispose]: () => stack.dispose() };
}

/**
 * KERNEL(6.15): before, a mount that is on no mount table can't be cloned. Each place gets one of its own, so what
 * lives in a mount alone (a tmpfs) can be in one place of one container at a time.
 */
async function openAlone(
  context: ContainerContext,
  wanted: readonly NamedVolumeMount[],
  opened: DisposableStack,
): Promise<OpenedVolumes> {
  using undo = opened;
  const sources = new Map<string, Fd>();
  const ownTrees = new Set<string>();
  for (const mount of wanted) {
    const { name, target, subpath = "" } = mount;
    const options = context.volumes.localOptions(name);
    if (options === undefined) {
      const dataPath = context.volumes.store.dataPath(name);
      const volume = undo.use(context.volumes.store.open(name));
      sources.set(target, openSubpath(volume, mount, { opened: undo, dataPath }));
      continue;
    }
    const paths = wanted.filter((other) => other.name === name).length;
    if (subpath !== "" || (!isElsewhere(options) && (paths > 1 || isInUse(context, name)))) {
      throw new Failure(
        "unsupported",
        `cannot use volume "${name}" at several targets, or a part of it: this kernel cannot clone a mount that is on no mount table (Linux 6.15 can)`,
      );
    }
    sources.set(target, undo.use(await mountLocalVolume(options)).fd);
    ownTrees.add(target);
  }
  const stack = undo.move();
  return { sources, ownTrees, held: [], [Symbol.dispose]: () => stack.dispose() };
}

/** Whether the content lies outside of the mount: mounted twice, it is the same. */
function isElsewhere({ device, words }: LocalOptions): boolean {
  return (
    words.includes("bind") || words.includes("rbind") || device.startsWith("/dev/") || device.includes(":")
  );
}

function isInUse(context: ContainerContext, name: VolumeName): boolean {
  return [...context.live.keys()].some((id) =>
    volumeMounts(context.state.findContainer(id)?.spec.storage?.mounts).some((mount) => mount.name === name),
  );
}

/** Names of the volumes that are more than a directory, in the order in which a keeper holds their mounts. */
export function mountedVolumes(
  context: ContainerContext,
  mounts: readonly ContainerMount[],
): readonly VolumeName[] {
  const names = volumeMounts(mounts).map(({ name }) => name);
  return [...new Set(names)].filter((name) => context.volumes.localOptions(name) !== undefined);
}

/** The mount that other containers have of it now, or a new one. The volume is held by the caller. */
export async function openMounted(context: ContainerContext, name: VolumeName): Promise<OwnedFd> {
  for (const [id, { kept }] of context.live) {
    const index = mountedVolumes(
      context,
      context.state.findContainer(id)?.spec.storage?.mounts ?? [],
    ).indexOf(name);
    if (index < 0) continue;
    try {
      return kept.openHeld(index);
    } catch {
      // Its keeper is just ending: what it held goes with it.
    }
  }
  const options = context.volumes.localOptions(name);
  if (options === undefined) return context.volumes.store.open(name);
  return await mountLocalVolume(options);
}

/**
 * SAFETY: a container may put links in the volume, and exchange what is there: resolved in the volume, then used by
 * descriptor.
 */
export function openSubpath(
  volume: OwnedFd,
  { name, subpath = "" }: NamedVolumeMount,
  { opened, dataPath }: { readonly opened: DisposableStack; readonly dataPath: string },
): Fd {
  if (subpath === "") return volume.fd;
  try {
    return opened.use(openInRoot(volume.fd, subpath, O_PATH)).fd;
  } catch (thrown) {
    if (isErrno(thrown, "ENOENT", "ENOTDIR")) {
      // SPEC: dockerd's words and, by them, the exit status of its clients.
      const reason = isErrno(thrown, "ENOENT") ? "no such file or directory" : "not a directory";
      throw new Failure("invalid", `cannot access path ${posix.join(dataPath, subpath)}: ${reason}`, {
        cause: thrown,
        details: isErrno(thrown, "ENOENT") ? { exitCode: 127 } : undefined,
      });
    }
    throw within(`cannot use subpath ${JSON.stringify(subpath)} of volume "${name}"`, thrown);
  }
}
