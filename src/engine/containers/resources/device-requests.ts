import { Failure } from "../../../base/failure.ts";
import { log } from "../../../base/log.ts";
import type { DeviceRequestSpec } from "../../../model/devices.ts";
import type { CdiDeviceNode } from "../../../spec/cdi.ts";
import type { ResolvedUser } from "../../../spec/passwd.ts";
import type { RuntimeDevice, RuntimeMount } from "../../../spec/runtime-config.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import type { ContainerContext } from "../../context.ts";
import type { HostPart } from "../../dependencies.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { findMountedLibraries, makeLibraryCache } from "../files/library-cache.ts";
import { defaultCdiDirectories, type FoundCdiDevice, readCdiDevices } from "../../host/cdi-specs.ts";
import type { HookEffects } from "../../resolve/device-hooks.ts";
import {
  checkTarget,
  mergeCdiEdits,
  resolveDeviceRequests,
  type SourcedEdits,
  toRuntimeMounts,
} from "../../resolve/device-requests.ts";
import type { FoundDevice } from "../../resolve/devices.ts";

/** What the requested devices add to a container. */
export interface InjectedDevices {
  /** `NAME=value`; they replace the container's own. */
  readonly env: readonly string[];
  /** Nodes without an owner belong to the container's user, as with other runtimes. */
  devicesOf(user: Pick<ResolvedUser, "uid" | "gid">): readonly FoundDevice[];
  readonly mounts: readonly RuntimeMount[];
  readonly additionalGids: readonly number[];
  readonly links: HookEffects["links"];
  readonly modes: HookEffects["modes"];
  /** Makes the file that stands for /etc/ld.so.cache, by target, where libraries are mounted. */
  makeLibraryCache(
    context: ContainerContext,
    record: ContainerRecord,
    root: Fd,
  ): Readonly<Record<string, string>>;
}

/** Finds requested devices in the CDI specifications. Throws "invalid" or "unsupported" in one sentence. */
export async function findRequestedDevices(
  requests: readonly DeviceRequestSpec[],
  {
    host,
    directories = defaultCdiDirectories,
  }: {
    readonly host: Pick<HostPart, "findDevices">;
    readonly directories?: readonly string[] | undefined;
  },
): Promise<InjectedDevices> {
  const { devices, problems } = await readCdiDevices(directories);
  for (const { path, problem } of problems) log("warning", `CDI: ${path}: ${problem}`);
  const names = resolveDeviceRequests(requests, {
    known: new Set(devices.keys()),
    isEnabled: directories.length > 0,
  });
  const edits = mergeCdiEdits(inOrder(names.flatMap((name) => devices.get(name) ?? [])));
  const mounts = toRuntimeMounts(edits.mounts);
  const { links, modes, libraryFolders } = edits.hooks;
  const libraries = findMountedLibraries(libraryFolders, mounts);
  const found = edits.deviceNodes.map((node) => toDevice(node, host));
  return {
    env: edits.env,
    devicesOf: ({ uid, gid }) =>
      found.map(({ node, access }) => ({
        node: { ...node, uid: node.uid ?? uid, gid: node.gid ?? gid },
        access,
      })),
    mounts,
    additionalGids: edits.additionalGids,
    links: [...links, ...libraries.links],
    modes,
    makeLibraryCache: (context, record, root) =>
      makeLibraryCache(context, record, { root, entries: libraries.entries }),
  };
}

/** A specification's own edits come before those of the first of its devices. */
function inOrder(chosen: readonly FoundCdiDevice[]): readonly SourcedEdits[] {
  const begun = new Set<string>();
  return chosen.flatMap(({ path, spec, edits }) => {
    const own = { ...edits, path };
    if (begun.has(path)) return [own];
    begun.add(path);
    return [{ ...spec.edits, path }, own];
  });
}

function toDevice(node: CdiDeviceNode, host: Pick<HostPart, "findDevices">): FoundDevice {
  const { fileMode, uid, gid, permissions: access } = node;
  const path = checkTarget(node.path, "has a device node at");
  return { node: { ...kindOf(node, host), path, fileMode: (fileMode ?? 0o666) & 0o7777, uid, gid }, access };
}

function kindOf(
  { type, major = 0, minor = 0, hostPath }: CdiDeviceNode,
  host: Pick<HostPart, "findDevices">,
): Pick<RuntimeDevice, "type" | "major" | "minor"> {
  if (type === "p") return { type };
  // SPEC: a major number of 0 is none.
  if (type !== undefined && major !== 0) return { type, major, minor };
  const [found, ...others] = host.findDevices(hostPath);
  if (found === undefined || found.below !== "" || others.length > 0)
    throw new Failure("invalid", `cannot use a CDI device: "${hostPath}" is not a device node`);
  const ofHost = found.node;
  if (type !== undefined && (type === "u" ? "c" : type) !== ofHost.type)
    throw new Failure("invalid", `cannot use a CDI device: "${hostPath}" is not of the type "${type}"`);
  return major === 0
    ? { type: ofHost.type, major: ofHost.major, minor: ofHost.minor }
    : { type: ofHost.type, major, minor };
}
