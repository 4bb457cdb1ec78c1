import { createHash } from "node:crypto";
import { Failure } from "../../../base/failure.ts";
import type { OwnedFd } from "../../../linux/kernel/fd.ts";
import { checkIdMaps, findSharedIds, formatIdRange, type IdMaps } from "../../../spec/id-map.ts";
import type { UserNamespaceMode } from "../../../spec/user-namespace-mode.ts";
import type { RuntimeNamespaceType } from "../../../spec/runtime-config.ts";
import { pickIdMaps, resolveIdPools, subordinateMaps } from "../../resolve/id-ranges.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { getContainer } from "../../find-container.ts";

/** Ids of containers that are being made, until their records have them. */
const reserved = new WeakMap<ContainerContext, Map<ContainerId, IdMaps>>();

/**
 * The ids of a container's user namespace, kept from others until disposed of; by then a record has them, or nothing.
 * None without such a namespace. Throws "conflict" for ids that another container has.
 */
export function reserveIds(
  context: ContainerContext,
  { id, mode = "host" }: { readonly id: ContainerId; readonly mode: UserNamespaceMode | undefined },
): Disposable & { readonly maps: IdMaps | undefined } {
  const inProgress = reserved.get(context) ?? new Map<ContainerId, IdMaps>();
  reserved.set(context, inProgress);
  const maps = mode === "host" ? undefined : chooseIds(context, mode, inProgress);
  if (maps !== undefined) inProgress.set(id, maps);
  return { maps, [Symbol.dispose]: () => void inProgress.delete(id) };
}

function chooseIds(
  context: ContainerContext,
  mode: Exclude<UserNamespaceMode, "host">,
  inProgress: ReadonlyMap<ContainerId, IdMaps>,
): IdMaps {
  if (typeof mode === "object" && "container" in mode) {
    const { idMaps, name } = getContainer(context.state, mode.container);
    if (idMaps !== undefined) return idMaps;
    throw new Failure(
      "invalid",
      `cannot share the user namespace of container "${name}": it has none of its own`,
    );
  }
  const { dependencies, state } = context;
  if (typeof mode === "object") {
    const maps =
      "maps" in mode
        ? mode.maps
        : subordinateMaps(mode.subordinate, (path) => dependencies.host.readText(path));
    checkIdMaps(maps);
    refuseShared(context, maps, inProgress);
    return maps;
  }
  return pickIdMaps({
    ...resolveIdPools(
      {
        subuid: dependencies.host.readText("/etc/subuid"),
        subgid: dependencies.host.readText("/etc/subgid"),
      },
      dependencies.settings.idPool,
    ),
    taken: [...state.containers().flatMap(({ idMaps }) => idMaps ?? []), ...inProgress.values()],
    seed: createHash("sha256").update(dependencies.dataRoot).digest().readUInt32LE(0),
  });
}

function refuseShared(
  context: ContainerContext,
  maps: IdMaps,
  inProgress: ReadonlyMap<ContainerId, IdMaps>,
): void {
  const others = [
    ...context.state.containers().map(({ name, idMaps }) => ({ name, idMaps })),
    ...[...inProgress].map(([id, idMaps]) => ({ name: id.slice(0, 12), idMaps })),
  ];
  for (const { name, idMaps } of others) {
    const range = idMaps === undefined ? undefined : findSharedIds(maps, idMaps);
    if (range === undefined) continue;
    throw new Failure(
      "conflict",
      `cannot give the ids ${formatIdRange(range)} to the container: container "${name}" has some of them: choose others, or share its namespace (container:${name})`,
    );
  }
}

/** A user namespace with the container's ids, for mounts to take them from; the caller disposes of it. */
export async function openIdsOf(
  { dependencies }: ContainerContext,
  { idMaps }: ContainerRecord,
): Promise<OwnedFd | undefined> {
  return idMaps === undefined ? undefined : await dependencies.runtime.openUserNamespace(idMaps);
}

const shareable = ["network", "pid", "ipc"] as const;

/**
 * Which namespaces of a container with a user namespace belong to another one (the host's), so that the container can't
 * mount the file systems that show them. Throws "invalid" for one of a container in yet another user namespace: neither
 * its own view nor the host's would be right.
 */
export function findForeignNamespaces(
  { state }: ContainerContext,
  record: ContainerRecord,
): readonly RuntimeNamespaceType[] {
  const foreign: RuntimeNamespaceType[] =
    record.spec.isolation?.namespaces?.cgroup === "host" ? ["cgroup"] : [];
  for (const type of shareable) {
    const owner = ownerOf(state, { record, type });
    if (owner === "host") foreign.push(type);
    else if (userOwnerOf(owner) !== userOwnerOf(record) && type !== "ipc") {
      throw new Failure(
        "invalid",
        `cannot start container "${record.name}": the ${type} namespace of container "${owner.name}" belongs to another user namespace: share that too (--userns container:${owner.name})`,
      );
    } else if (userOwnerOf(owner) !== userOwnerOf(record)) foreign.push(type);
  }
  return foreign;
}

/** Whose namespace of a type a container is in, however many share it one through another. */
function ownerOf(
  state: ContainerContext["state"],
  { record, type }: { readonly record: ContainerRecord; readonly type: (typeof shareable)[number] },
): ContainerRecord | "host" {
  let owner = record;
  for (let links = 0; links < 100; links++) {
    const mode = owner.spec.isolation?.namespaces?.[type];
    if (mode === "host") return "host";
    const next = typeof mode === "object" ? state.findContainer(mode.container) : undefined;
    if (next === undefined) return owner;
    owner = next;
  }
  return owner;
}

/** Containers with the same owner share a user namespace. */
function userOwnerOf({ id, spec, idMaps }: ContainerRecord): string {
  const mode = spec.isolation?.namespaces?.user;
  if (idMaps === undefined) return "host";
  return typeof mode === "object" && "container" in mode ? mode.container : id;
}
