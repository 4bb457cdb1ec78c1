import { existsSync, mkdirSync } from "node:fs";
import { fault } from "../../../../base/fault.ts";
import type { Fd, OwnedFd } from "../../../../linux/kernel/fd.ts";
import type { DeviceRule } from "../../../../linux/cgroup/device-rules.ts";
import type { StartRequest } from "../../../dependencies.ts";
import type { EndpointPlan } from "../../../../network/types.ts";
import type { RuntimeNamespaceType } from "../../../../spec/runtime-config.ts";
import type { MountedSnapshot } from "../../../../storage/driver.ts";
import { type ContainerContext, cgroupPathOf } from "../../../context.ts";
import { linkVariables } from "../../../networks/links.ts";
import { makeNetworkFiles } from "../../../networks/network-files.ts";
import { planStart } from "../../../plan-record.ts";
import { withChroots } from "../../../resolve/chroot-files.ts";
import type { ResolvedContainer } from "../../../resolve/container.ts";
import { mergeEnvironment } from "../../../resolve/environment.ts";
import type { StartFacts } from "../../../resolve/runtime-config.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import { makeAccountFiles } from "../../files/accounts.ts";
import { decideIdmaps } from "../../files/bind-idmaps.ts";
import { type OpenedImages, openImageMounts } from "../../files/image-mounts.ts";
import { refuseOpenedRoot } from "../../files/open-root.ts";
import { type OpenedVolumes, openVolumes } from "../../files/open-volumes.ts";
import { prepareRoot } from "../../files/prepare-root.ts";
import { openSecretFiles, readSecretVariables } from "../../files/secrets.ts";
import { openSharedMemory, shmPath } from "../../files/shared-memory.ts";
import { loadProfile } from "../../resources/app-armor.ts";
import { deviceFacts } from "../../resources/container-devices.ts";
import type { InjectedDevices } from "../../resources/device-requests.ts";
import { openClass } from "../../resources/resource-class.ts";
import { type BegunNetwork, beginNetwork } from "../begin-network.ts";
import { whenFree } from "../end-run.ts";
import { openJoinedNamespaces } from "../joined-namespaces.ts";
import type { PhaseClock } from "../phase-clock.ts";
import { findForeignNamespaces, openIdsOf } from "../user-namespace.ts";

/** The opened objects and collected facts of a start. */
export interface PreparedStart {
  readonly plan: ResolvedContainer;
  readonly facts: StartFacts;
  /** Absent: all devices. */
  readonly deviceRules: readonly DeviceRule[] | undefined;
  /** See StartOptions of the runtime. */
  readonly links: StartRequest["links"];
  readonly modes: StartRequest["modes"];
  readonly joinedNamespaces: ReadonlyMap<RuntimeNamespaceType, Fd>;
  /** Absent: no prewarmed one fits, or none is there. */
  readonly network: BegunNetwork | undefined;
  readonly volumes: OpenedVolumes;
  readonly images: OpenedImages;
  readonly sharedMemory: OwnedFd | undefined;
  readonly secrets: OwnedFd | undefined;
  readonly resourceClass: OwnedFd | undefined;
  readonly root: MountedSnapshot;
  readonly runDirectory: string;
  /** Whether the run directory may contain the exit record of the run before. */
  readonly hasRun: boolean;
}

export interface PrepareOptions {
  readonly endpoints: readonly EndpointPlan[];
  readonly clock: PhaseClock;
  /** Owns what is opened for this start. */
  readonly opened: AsyncDisposableStack;
  /** Owns the uses of volumes, until the container is known as running. */
  readonly uses: DisposableStack;
}

/** Opens what a container needs to start, writes its files and gathers the facts for its plan. */
export async function prepareStart(
  context: ContainerContext,
  record: ContainerRecord,
  { endpoints, clock, opened, uses }: PrepareOptions,
): Promise<PreparedStart> {
  const { dependencies } = context;
  const planned = planStart(context, record);
  const injected = await findInjected(context, record);
  const plan =
    injected === undefined ? planned : { ...planned, env: mergeEnvironment(injected.env, planned.env) };
  const joined = opened.use(openJoinedNamespaces(context, record));
  const network = opened.use(beginNetwork(context, record, { plan, endpoints }));
  const ids = opened.use(await openIdsOf(context, record));
  const volumes = uses.use(await openVolumes(context, plan.mounts));
  const images = opened.use(await openImageMounts(context, plan.mounts, ids?.fd));
  const sharedMemory = uses.use(openSharedMemory(context, record, plan));
  const secrets = opened.use(openSecretFiles(context, record, plan));
  const resourceClass = opened.use(openClass(record.spec));
  fault("start.volumes");
  const root = opened.use(await mountRoot(context, record, ids?.fd));
  clock.mark("root");
  fault("start.mounted");
  const user = prepareRoot(record, { plan, root: root.mount.fd, host: dependencies.host });
  const linked = linkVariables(context, record);
  const files = {
    ...makeFiles(context, record, { plan, endpoints, root: root.mount.fd }),
    ...injected?.makeLibraryCache(context, record, root.mount.fd),
  };
  const { runDirectory, hasRun } = makeRunDirectory(context, record);
  clock.mark("files");
  fault("start.prepared");
  loadProfile(dependencies.host, plan);
  const isShmShared = record.spec.isolation?.namespaces?.ipc === "host" || sharedMemory !== undefined;
  const privileged = record.spec.isolation?.privileged ?? false;
  const { hostDevices, devices, rules } = deviceFacts(dependencies.host, {
    plan,
    privileged,
    injected: injected?.devicesOf(user),
  });
  return {
    plan: linked.length === 0 ? plan : { ...plan, env: [...linked, ...plan.env] },
    facts: {
      user:
        injected === undefined
          ? user
          : { ...user, additionalGids: [...new Set([...user.additionalGids, ...injected.additionalGids])] },
      injectedMounts: injected?.mounts,
      idMaps: record.idMaps,
      foreign: record.idMaps && findForeignNamespaces(context, record),
      idmaps: decideIdmaps(plan.mounts, { user, idMaps: record.idMaps }),
      files,
      cgroup: cgroupPathOf(context, record.id),
      hostDevices,
      devices,
      seccomp: context.seccomp.find(plan.seccomp),
      secretVariables: [
        ...readSecretVariables(context, plan),
        ...(context.stepVariables.get(record.id) ?? []),
      ],
      sharedShm: isShmShared ? shmPath : undefined,
    },
    deviceRules: rules,
    links: injected?.links,
    modes: injected?.modes,
    joinedNamespaces: joined.fds,
    network,
    volumes,
    images,
    sharedMemory,
    secrets,
    resourceClass,
    root,
    runDirectory,
    hasRun,
  };
}

/** Loads the code of device requests with the first container that has one. */
async function findInjected(
  { dependencies }: ContainerContext,
  { spec }: ContainerRecord,
): Promise<InjectedDevices | undefined> {
  const requests = spec.resources?.deviceRequests ?? [];
  if (requests.length === 0) return undefined;
  const { findRequestedDevices } = await import("../../resources/device-requests.ts");
  const directories = dependencies.settings.cdiSpecDirectories;
  return await findRequestedDevices(requests, { host: dependencies.host, directories });
}

async function mountRoot(
  context: ContainerContext,
  { id }: ContainerRecord,
  usernsFd: Fd | undefined,
): Promise<MountedSnapshot> {
  return await whenFree("mount the root file system", async () => {
    refuseOpenedRoot(context, id);
    return await context.dependencies.storage.mountSnapshot(id, usernsFd === undefined ? {} : { usernsFd });
  });
}

function makeFiles(
  context: ContainerContext,
  record: ContainerRecord,
  {
    plan,
    endpoints,
    root,
  }: { readonly plan: ResolvedContainer; readonly endpoints: readonly EndpointPlan[]; readonly root: Fd },
): StartFacts["files"] {
  const ofNetwork = makeNetworkFiles(context, record, { plan, ends: endpoints, root });
  return {
    ...withChroots(ofNetwork, record.spec.network?.chrootDirectories),
    ...makeAccountFiles(context, record, { root, user: plan.user }),
  };
}

function makeRunDirectory(
  { paths, runDirectories }: ContainerContext,
  { id }: ContainerRecord,
): Pick<PreparedStart, "runDirectory" | "hasRun"> {
  const runDirectory = paths.run(id);
  const hasRun = existsSync(runDirectory);
  if (!hasRun && !runDirectories.take(runDirectory))
    mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  return { runDirectory, hasRun };
}
