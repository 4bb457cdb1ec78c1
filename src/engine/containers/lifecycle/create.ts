import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Failure, isFailure } from "../../../base/failure.ts";
import { fault } from "../../../base/fault.ts";
import { planCgroup } from "../../../linux/cgroup/plan.ts";
import { resolveCgroupParent } from "../../resolve/cgroup-parent.ts";
import { cgroupLimitsOf } from "../../resolve/block-devices.ts";
import { randomContainerId, randomContainerName, parseContainerName } from "../../resolve/container-name.ts";
import type { ResolvedContainer } from "../../resolve/container.ts";
import { hasPodCgroup, podCgroupOf } from "../../resolve/pod-cgroup.ts";
import { resolvePodMember } from "../../resolve/pod-member.ts";
import { refuse } from "../../resolve/refusal.ts";
import { factsOf, getPod } from "../../find-pod.ts";
import type { ContainerRecord, EndpointRecord, IntentId, PodSettings } from "../../state/records.ts";
import type { ContainerSpec, NamespaceModes } from "../../../model/container-spec.ts";
import type { CreateOptions } from "../../../model/containers.ts";
import type { ContainerId, ContainerReference } from "../../../model/ids.ts";
import { mergeSpec } from "../../../model/merge-spec.ts";
import { mergeDefined, defined } from "../../../base/defined.ts";
import { required } from "../../../base/required.ts";
import type { ContainerMount } from "../../../model/mounts.ts";
import type { ImageConfig } from "../../../spec/image/config.ts";
import { pinLinks } from "../../networks/links.ts";
import { resolveEndpoints } from "../../networks/join-networks.ts";
import { findUnreached } from "../../networks/unreached-ports.ts";
import { findDevices } from "../resources/container-devices.ts";
import { reserveIds } from "./user-namespace.ts";
import type { ContainerContext } from "../../context.ts";
import { bindSourceMissing, decideMounts, makeVolumes } from "./create-mounts.ts";
import { containerEvent } from "../../describe-event.ts";
import { getContainer } from "../../find-container.ts";
import { getForCreate, inRealm, podInRealm, type Realm, realmOf } from "../../realm.ts";
import { checkHostsFile } from "../../networks/hosts-file.ts";
import { identifyCaller } from "./notify.ts";
import { openClass } from "../resources/resource-class.ts";
import { pinImageMounts } from "../files/image-mounts.ts";
import { checkLogSettings } from "../streams/log-forwarding.ts";
import { makeContainerPaths } from "./make-container-paths.ts";
import { failureTo } from "./launch-failure.ts";
import { planNew } from "../../plan-record.ts";
import { requiredIds } from "./required-containers.ts";
import { readSecretVariables } from "../files/secrets.ts";
import { sharesMemory } from "../files/shared-memory.ts";
import { anonymousVolumes, volumeMounts } from "../files/volume-uses.ts";

/** A step of a build: a container of layers that belong to no image. The build keeps the layers from removal. */
export interface BuildStep {
  /** Of its environment, user and working directory; `diffIds` are its layers. */
  readonly config: ImageConfig;
  /** Images have their layers already. */
  readonly mounts: readonly ContainerMount[];
}

/**
 * Makes a container that does not run yet: its snapshot, its directory, its record; all of it or nothing. With `pod` it
 * holds one.
 */
export async function createContainer(
  context: ContainerContext,
  wanted: ContainerSpec,
  {
    pod,
    step,
    startsNext = false,
  }: CreateOptions & {
    readonly pod?: PodSettings | undefined;
    readonly step?: BuildStep | undefined;
  } = {},
): Promise<{ readonly id: ContainerId; readonly warnings: readonly string[] }> {
  using _ = context.dependencies.prewarming.hold();
  const id = randomContainerId();
  const asked = wanted.pod === undefined ? wanted : inPod(context, wanted, wanted.pod);
  const infraName = pod === undefined ? asked.name : (asked.name ?? `${id.slice(0, 12)}-infra`);
  using name = reserveName(context, { wanted: step === undefined ? infraName : id, id });
  using image = step === undefined ? await context.pinImage(asked.image) : undefined;
  using pinned = await pinImageMounts(context, step === undefined ? asked.storage?.mounts : []);
  using pinnedSecrets = context.secrets.pin(asked.storage?.secrets);
  const config = step?.config ?? required(image).record.config;
  const mounts = decideMounts(
    context,
    mergeSpec(asked, { storage: { mounts: step?.mounts ?? pinned.mounts } }),
    config.defaults.volumes,
  );
  const spec = mergeSpec(asked, {
    isolation: { namespaces: canonicalNamespaces(context, asked) },
    resources: { cgroupParent: inPodCgroup(context, { id, asked, pod }) ?? parentOf(context, asked) },
    storage: { mounts, secrets: asked.storage?.secrets && pinnedSecrets.secrets },
    lifecycle: {
      requires: requiredIds(context, asked.lifecycle?.requires),
      notify: identifyCaller(asked.lifecycle?.notify),
    },
  });
  const plan = planNew(context, { id, spec, imageConfig: config });
  if (typeof plan.seccomp === "object") context.seccomp.get(plan.seccomp.profile);
  checkSources(plan);
  readSecretVariables(context, plan);
  checkHostsFile(spec);
  openClass(spec)?.[Symbol.dispose]();
  const endpoints = pinLinks(context, resolveEndpoints(context, spec));
  findDevices(context.dependencies.host, plan);
  using ids = reserveIds(context, { id, mode: spec.isolation?.namespaces?.user });
  const { cgroups, host } = context.dependencies;
  const { warnings } = planCgroup(cgroupLimitsOf(plan.limits, host.findBlockDevice), cgroups.layout);
  const { resources: { cgroupParent } = {} } = spec;
  const record: ContainerRecord = {
    id,
    name: name.text,
    createdAt: Date.now(),
    spec,
    image: asked.image,
    imageId: image?.record.id ?? "",
    imageConfig: config,
    layers: config.diffIds,
    idMaps: ids.maps,
    endpoints: endpoints.length === 0 ? undefined : endpoints,
    state: { status: "created" },
    bootId: context.dependencies.host.bootId,
    restartCount: 0,
    starts: [],
    pod,
    isBuildStep: step === undefined ? undefined : true,
  };
  checkLogSettings(context, record);
  const shut = await firewallWarnings(context, endpoints);
  const volumes = anonymousVolumes(mounts);
  const intent = context.state.beginIntent({
    kind: "create",
    containerId: id,
    volumes: volumes.length === 0 ? undefined : volumes,
  });
  fault("create.intended");
  try {
    using _volumes = await context.volumes.hold(volumeMounts(mounts).map((mount) => mount.name));
    await makeVolumes(context, { mounts, layers: record.layers });
    if (!context.dataDirectories.take(context.paths.data(id)))
      mkdirSync(context.paths.log(id), { recursive: true, mode: 0o700 });
    fault("create.directory");
    await context.dependencies.storage.createSnapshot(id, record.layers, {
      idMaps: ids.maps,
      sizeBytes: spec.storage?.storageBytes,
    });
    fault("create.snapshot");
    if (!startsNext) await makeContainerPaths(context, record, plan);
    if (cgroupParent !== undefined)
      cgroups.assign(id, cgroupParent, { split: spec.resources?.cgroups === "split" });
    if (spec.pod !== undefined) getPod(context.state, spec.pod); // it may have been removed meanwhile
    context.state.putContainer(record, { ends: intent, events: [containerEvent(record, "create")] });
    fault("create.recorded");
  } catch (thrown) {
    await undoCreate(context, { id, intent, volumes }).catch(() => undefined); // the next open tries again
    throw failureTo("create the container", thrown);
  }
  return {
    id,
    warnings: [
      ...plan.warnings,
      ...warnings,
      ...sharingWarnings(context, spec),
      ...shut,
      ...findUnreached(context, { ports: spec.network?.ports ?? [], endpoints }),
    ],
  };
}

/**
 * The cgroup above its own. The engine's is the one that it is in now; in the topmost there is nothing to split: the
 * container is where all are.
 */
function parentOf(
  { dependencies }: ContainerContext,
  { resources: { cgroups, cgroupParent } = {} }: ContainerSpec,
): string | undefined {
  if (cgroups === "split") {
    if (cgroupParent !== undefined) throw refuse("conflicting options: cgroups split and a cgroup parent");
    const current = dependencies.cgroups.current();
    return current === "" ? undefined : `/${current}`;
  }
  return cgroupParent === undefined
    ? undefined
    : resolveCgroupParent(cgroupParent, dependencies.cgroups.path);
}

/** The cgroup above its own, where it is one of a pod with limits, or holds such a pod. */
function inPodCgroup(
  { state }: ContainerContext,
  {
    id,
    asked,
    pod,
  }: { readonly id: ContainerId; readonly asked: ContainerSpec; readonly pod: PodSettings | undefined },
): string | undefined {
  const holder = asked.pod === undefined ? undefined : getPod(state, asked.pod);
  const isLimited =
    holder === undefined
      ? pod !== undefined && Object.keys(defined(asked.resources?.limits ?? {})).length > 0
      : hasPodCgroup(holder);
  return isLimited ? podCgroupOf(holder?.id ?? id) : undefined;
}

/** The spec of a container in a pod. Throws "not-found", or "invalid" for what belongs to the pod. */
function inPod({ state, host }: ContainerContext, asked: ContainerSpec, reference: string): ContainerSpec {
  const pod = getPod(state, podInRealm(state, reference, realmOf({ spec: asked })));
  return resolvePodMember(asked, factsOf(pod, host));
}

/** Rolls back a creation that did not come to its end; idempotent. */
export async function undoCreate(
  context: ContainerContext,
  {
    id,
    intent,
    volumes,
  }: { readonly id: ContainerId; readonly intent: IntentId; readonly volumes: readonly string[] },
): Promise<void> {
  context.volumes.removeUnused(volumes);
  await context.dependencies.storage.removeSnapshot(id);
  fault("undo.snapshot");
  await rm(context.paths.data(id), { recursive: true, force: true });
  fault("undo.directory");
  context.state.endIntent(intent);
}

/** Keeps a name from others until disposed of; by then a record has it, or nothing. Throws "conflict". */
export function reserveName(
  context: ContainerContext,
  { wanted, id }: { readonly wanted: string | undefined; readonly id: ContainerId },
): Disposable & { readonly text: string } {
  const { state, reservedNames } = context;
  const holderOf = (name: string): ContainerId | undefined =>
    state.findContainerByName(name)?.id ?? reservedNames.get(name);
  const isGiven = wanted !== undefined && wanted !== "";
  const text = isGiven
    ? parseContainerName(wanted)
    : randomContainerName((name) => holderOf(name) !== undefined);
  const holder = holderOf(text);
  if (holder !== undefined) {
    throw new Failure(
      "conflict",
      `cannot name a container "${text}": the name is in use by container "${holder}": remove or rename that one`,
      { details: { name: text, id: holder } },
    );
  }
  reservedNames.set(text, id);
  return {
    text,
    [Symbol.dispose]: () => {
      if (reservedNames.get(text) === id) reservedNames.delete(text);
    },
  };
}

interface ByContainer {
  readonly container: ContainerReference;
}

function isByContainer(mode: unknown): mode is ByContainer {
  return typeof mode === "object" && mode !== null && "container" in mode;
}

/** Containers whose namespaces are shared are kept by id: a name may pass to another one. Throws "invalid". */
function canonicalNamespaces(
  context: ContainerContext,
  { isolation: { namespaces } = {}, cri }: ContainerSpec,
): NamespaceModes | undefined {
  if (namespaces === undefined) return undefined;
  const realm = realmOf({ spec: { cri } });
  const byId = <Mode>(mode: Mode | ByContainer): Mode | ByContainer =>
    isByContainer(mode) ? { container: getForCreate(context.state, mode.container, realm).id } : mode;
  const { pid, ipc, uts, network, user } = namespaces;
  return mergeDefined(namespaces, {
    pid: byId(pid),
    ipc: byId(ipc),
    uts: byId(uts),
    // That of an unknown container is found at the start, as dockerd does.
    network: isByContainer(network) ? findOwner(context, network, realm) : network,
    user: byId(user),
  });
}

function findOwner({ state }: ContainerContext, mode: ByContainer, realm: Realm): ByContainer {
  try {
    return { container: getContainer(state, inRealm(state, mode.container, realm)).id };
  } catch (thrown) {
    if (!isFailure(thrown, "not-found")) throw thrown;
    return mode;
  }
}

function checkSources(plan: ResolvedContainer): void {
  for (const mount of plan.mounts) {
    if (mount.kind === "bind" && mount.createSource !== true && !existsSync(mount.source)) {
      throw bindSourceMissing(mount.source);
    }
  }
}

/** Docker on the same host has a forward chain that drops packets: a warning precedes the failing connections. */
async function firewallWarnings(
  { networks, dependencies }: ContainerContext,
  endpoints: readonly EndpointRecord[],
): Promise<readonly string[]> {
  const plans = endpoints.flatMap(({ networkId }) => networks.find(networkId)?.plan ?? []);
  const found = await Promise.all(plans.map((each) => dependencies.networks.obstaclesOf(each)));
  return found.flat().map(({ subject, problem, advice }) => `${subject} ${problem}: ${advice}`);
}

function sharingWarnings(context: ContainerContext, spec: ContainerSpec): readonly string[] {
  if (typeof spec.isolation?.namespaces?.ipc !== "object" || sharesMemory(context, spec)) return [];
  return [
    "/dev/shm is not shared with the other container, which is not shareable: only System V IPC and message queues are",
  ];
}
