import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../../base/deadline.ts";
import { fault } from "../../../base/fault.ts";
import { Failure, isShortage, sentenceOf } from "../../../base/failure.ts";
import type { Fd } from "../../../linux/kernel/fd.ts";
import { planCgroup } from "../../../linux/cgroup/plan.ts";
import type { EarlyStreams, Exit, KeptProcess, StartedProcess } from "../../../runtime/types.ts";
import type { SeccompProfile } from "../../../spec/seccomp.ts";
import { openPidFiles, type WrittenPids } from "./pid-files.ts";
import { podLimitsOf } from "../../find-pod.ts";
import { cgroupLimitsOf } from "../../planning/block-devices.ts";
import { freeRestingAddresses } from "../../networks/resting-addresses.ts";
import type { ContainerPlan } from "../../planning/plan-container.ts";
import {
  attachEndpoints,
  networkUseEvents,
  releaseEndpoints,
  reserveEndpoints,
  withPlans,
} from "../../networks/join-networks.ts";
import { linkVariables } from "../../networks/links.ts";
import type { EndpointPlan } from "../../../network/types.ts";
import { planRuntimeConfig } from "../../planning/runtime-config.ts";
import type { ContainerRecord, IntentId } from "../../state/records.ts";
import type { ContainerId, ContainerReference, StartTiming } from "../../../model/containers.ts";
import { loadProfile } from "../resources/app-armor.ts";
import { deviceFacts } from "../resources/container-devices.ts";
import { beginNetwork } from "./begin-network.ts";
import { cgroupPathOf, type ContainerContext, isRunning } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import { recordEnd, stateAfter, whenFree } from "./end-run.ts";
import { getContainer } from "../../find-container.ts";
import { openImageMounts } from "../files/image-mounts.ts";
import { openJoinedNamespaces } from "./joined-namespaces.ts";
import { failureTo, launchFailure } from "./launch-failure.ts";
import { planStart } from "../../plan-record.ts";
import { findForeignNamespaces, openIdsOf } from "./user-namespace.ts";
import { decideIdmaps } from "../files/bind-idmaps.ts";
import { makeNetworkFiles } from "../../networks/network-files.ts";
import { notifyReady } from "./notify.ts";
import { watchMemory } from "../resources/out-of-memory.ts";
import { PhaseClock } from "./phase-clock.ts";
import { refuseOpenedRoot } from "../files/open-root.ts";
import { openVolumes } from "../files/open-volumes.ts";
import { prepareRoot } from "../files/prepare-root.ts";
import { startRequired } from "./required-containers.ts";
import { orClosing } from "./wait.ts";
import { watchTimeLimit } from "./time-limit.ts";
import { planLogRotation } from "../../planning/log-rotation.ts";
import { withChroots } from "../../planning/chroot-files.ts";
import { makeAccountFiles } from "../files/accounts.ts";
import { followDenials, planWatch } from "../resources/watched.ts";
import { openClass } from "../resources/resource-class.ts";
import { runningRecord } from "./running-record.ts";
import { openSecretFiles, readSecretVariables } from "../files/secrets.ts";
import { openSharedMemory, shmPlace } from "../files/shared-memory.ts";
import { volumeUseEvents } from "../files/volume-uses.ts";

const RECORD_AGAIN_MS = 500;

/**
 * Starts it; the timing runs from this call to the program's first instruction. "conflict" with
 * details.alreadyRunning when it runs. A failed start leaves it exited with the reason (or removed, with autoRemove).
 */
export async function startContainer(
  context: ContainerContext,
  reference: ContainerReference,
  preserveFds: ReadonlyMap<number, Fd> = new Map(),
): Promise<StartTiming> {
  const clock = new PhaseClock();
  const { id } = getContainer(context.state, reference);
  await startRequired(context, id, (required) => startContainer(context, required));
  using _ = await context.locks.acquire(id);
  const record = getContainer(context.state, id);
  if (record.state.status === "paused") {
    throw new Failure("conflict", "cannot start a paused container, try unpause instead");
  }
  if (isRunning(record)) {
    throw new Failure("conflict", `cannot start container "${record.name}": it is running`, {
      details: { alreadyRunning: true },
    });
  }
  context.restarts.cancel(id);
  return await startHeld(context, record, { clock, byPolicy: false, preserveFds });
}

/** As startContainer(), of one that does not run and whose lock is held. */
export async function startHeld(
  context: ContainerContext,
  record: ContainerRecord,
  {
    clock,
    byPolicy,
    preserveFds = new Map(),
  }: {
    readonly clock: PhaseClock;
    readonly byPolicy: boolean;
    readonly preserveFds?: ReadonlyMap<number, Fd>;
  },
): Promise<StartTiming> {
  const { id } = record;
  await context.background.settled(id); // the run before may still be giving up its cgroup
  const cgroups = context.parts.cgroups.missingAbove(id);
  const endpoints = await reserveOrFail(context, record, { byPolicy });
  const joining = withPlans(record, endpoints);
  const begunAt = Date.now();
  let intent: IntentId;
  try {
    intent = context.state.beginIntent({
      kind: "start",
      containerId: id,
      begunAt,
      byPolicy,
      ...(cgroups.length === 0 ? {} : { cgroups }),
      ...(endpoints.length === 0 ? {} : { endpoints }),
    });
  } catch (thrown) {
    releaseEndpoints(context, record, endpoints);
    throw thrown;
  }
  fault("start.intended");
  let started: StartedProcess;
  using pidFiles = new DisposableStack();
  let writePids: (pids: WrittenPids) => void;
  // Until it is known as running: who wants the same volumes finds them with it then.
  using uses = new DisposableStack();
  const ended = Promise.withResolvers<void>();
  const endsAfter = orClosing(ended.promise, context.closing);
  try {
    const opened = pidFiles.use(openPidFiles(record.spec));
    writePids = (pids) => opened.write(pids);
    const connect = (process: EarlyStreams): Promise<void> =>
      context.attaches.connect(id, process, endsAfter);
    started = await launch(context, joining, { clock, uses, endpoints, preserveFds, connect });
  } catch (failed) {
    const thrown = failureTo("start the container", failed);
    recordEnd(context, joining, {
      state: failedState(thrown),
      ends: intent,
      startsAgain: byPolicy && isShortage(failed),
    });
    ended.resolve();
    throw launchFailure(thrown);
  }
  const timing = clock.finish(started.timing);
  const startedAt = Date.now();
  const running = runningRecord(context, joining, {
    process: started.kept,
    startedAt,
    begunAt,
    byPolicy,
    timing,
  });
  fault("start.launched");
  const events = [
    ...networkUseEvents(context, running, "connect"),
    ...volumeUseEvents(record, "mount"),
    containerEvent(record, "start"),
  ];
  context.state.putContainer(running, { ends: intent, events });
  fault("start.recorded");
  adopt(context, running, started.kept, ended);
  writePids(started.kept);
  notifyReady(context, running, started.kept);
  // Those who came between the look for them and now.
  if (context.attaches.isAwaited(id)) await context.attaches.connect(id, started.kept, endsAfter);
  return timing;
}

/** As reserveEndpoints(), of networks that are there then; a start that fails for it has failed like any other. */
async function reserveOrFail(
  context: ContainerContext,
  record: ContainerRecord,
  { byPolicy }: { readonly byPolicy: boolean },
): Promise<readonly EndpointPlan[]> {
  const { endpoints = [] } = record;
  try {
    for (const { networkId } of endpoints) await context.networks.prepare(networkId);
    await freeRestingAddresses(context, record.id, endpoints);
    return reserveEndpoints(context, record);
  } catch (failed) {
    const thrown = failureTo("start the container", failed);
    recordEnd(context, record, {
      state: failedState(thrown),
      startsAgain: byPolicy && isShortage(failed),
    });
    throw launchFailure(thrown);
  }
}

/** Takes a running container into care: its end will be recorded, and `ended` resolved. The lock may be held. */
export function adopt(
  context: ContainerContext,
  record: ContainerRecord,
  kept: KeptProcess,
  ended: PromiseWithResolvers<void> = Promise.withResolvers(),
): void {
  const { id } = record;
  const recorded = watchEnd(context, { id, kept, onRecorded: () => ended.resolve() });
  context.live.set(id, { kept, recorded, ended: orClosing(ended.promise, context.closing) });
  followDenials(context, record, kept);
  watchMemory(context, record, kept);
  watchTimeLimit(context, record, kept);
}

async function watchEnd(
  context: ContainerContext,
  {
    id,
    kept,
    onRecorded,
  }: { readonly id: ContainerId; readonly kept: KeptProcess; readonly onRecorded: () => void },
): Promise<void> {
  const exit = await kept.exited;
  while (!(await tryRecord(context, { id, kept, exit }))) await sleep(RECORD_AGAIN_MS);
  onRecorded();
  await new Promise((resolve) => setImmediate(resolve)); // those who wait for the end are told first
  await kept[Symbol.asyncDispose]();
}

/** False when the disk is full or fails: the end has to get into the state some time. */
async function tryRecord(
  context: ContainerContext,
  { id, kept, exit }: { readonly id: ContainerId; readonly kept: KeptProcess; readonly exit: Exit },
): Promise<boolean> {
  using _ = await context.locks.acquire(id);
  if (context.closing.aborted || context.live.get(id)?.kept !== kept) return true;
  try {
    const record = getContainer(context.state, id);
    fault("end.noticed");
    recordEnd(context, record, { state: stateAfter(context, record, exit) });
    return true;
  } catch (thrown) {
    context.background.note(id, `its end cannot be recorded: ${sentenceOf(thrown)}`);
    return false;
  }
}

async function launch(
  context: ContainerContext,
  record: ContainerRecord,
  {
    clock,
    uses,
    endpoints,
    preserveFds,
    connect,
  }: {
    readonly preserveFds: ReadonlyMap<number, Fd>;
    /** Joins those who wait for the streams. */
    readonly connect: (process: EarlyStreams) => Promise<void>;
    readonly clock: PhaseClock;
    readonly uses: DisposableStack;
    readonly endpoints: readonly EndpointPlan[];
  },
): Promise<StartedProcess> {
  const { parts, places, attaches } = context;
  const { id, spec } = record;
  const plan = planStart(context, record);
  using joined = openJoinedNamespaces(context, record);
  await using network = beginNetwork(context, record, { plan, endpoints });
  using ids = await openIdsOf(context, record);
  const volumes = uses.use(await openVolumes(context, plan.mounts));
  using images = await openImageMounts(context, plan.mounts, ids?.fd);
  const shm = uses.use(openSharedMemory(context, record, plan));
  using secrets = openSecretFiles(context, record, plan);
  using rdtClass = openClass(spec);
  fault("start.volumes");
  using mounted = await whenFree("mount the root file system", async () => {
    refuseOpenedRoot(context, id);
    return await parts.storage.mountSnapshot(id, ids === undefined ? {} : { usernsFd: ids.fd });
  });
  clock.mark("root");
  fault("start.mounted");
  const root = mounted.mount.fd;
  const user = prepareRoot(record, { plan, root, host: parts.host });
  const linked = linkVariables(context, record);
  const files = {
    ...withChroots(
      makeNetworkFiles(context, record, { plan, ends: endpoints, root }),
      spec.chrootDirectories,
    ),
    ...makeAccountFiles(context, record, { root, user: plan.user }),
  };
  const runDirectory = places.run(id);
  const hasRun = existsSync(runDirectory);
  if (!hasRun && !context.spareRuns.take(runDirectory))
    mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  clock.mark("files");
  fault("start.prepared");
  const privileged = spec.privileged ?? false;
  loadProfile(parts.host, plan);
  const { hostDevices, devices, rules } = deviceFacts(parts.host, { plan, privileged });
  const config = planRuntimeConfig(spec, {
    plan: linked.length === 0 ? plan : { ...plan, env: [...linked, ...plan.env] },
    facts: {
      user,
      ...(record.idMaps === undefined
        ? {}
        : { idMaps: record.idMaps, foreign: findForeignNamespaces(context, record) }),
      idmaps: decideIdmaps(plan.mounts, { user, idMaps: record.idMaps }),
      files,
      cgroup: cgroupPathOf(context, id),
      hostDevices,
      devices,
      seccomp: seccompOf(context, plan),
      secretVariables: readSecretVariables(context, plan),
      ...(spec.namespaces?.ipc === "host" || shm !== undefined ? { sharedShm: shmPlace } : {}),
    },
  });
  const limits = cgroupLimitsOf(plan.limits, parts.host.findBlockDevice);
  const hasCgroup = spec.cgroups !== "disabled";
  if (hasCgroup) {
    // SAFETY: nothing waits between the two: nobody takes the pod's cgroup away meanwhile, and its limits with it.
    const limitsAbove = podLimitsOf(context.state, record);
    if (limitsAbove !== undefined) {
      const ofPod = cgroupLimitsOf(limitsAbove, parts.host.findBlockDevice);
      parts.cgroups.limitAbove(id, planCgroup(ofPod, parts.cgroups.layout));
    }
    parts.cgroups.create(
      id,
      planCgroup(limits, parts.cgroups.layout, rules === undefined ? {} : { devices: rules }),
    );
  }
  clock.mark("cgroup");
  fault("start.cgroup");
  const logRotation = planLogRotation(spec.log);
  const oldExit = join(runDirectory, "exit");
  const hasOldExit = hasRun && existsSync(oldExit);
  return await parts.runtime.start({
    id,
    config,
    root: mounted.mount.fd,
    rootLock: mounted.lock.fd,
    onInherited: () => mounted[Symbol.dispose](),
    runDirectory,
    ...(logRotation === undefined ? {} : { logDirectory: places.log(id), logRotation }),
    keepStdinOpen: spec.openStdin ?? false,
    stdinOnce: spec.stdinOnce ?? false,
    cgroupName: hasCgroup ? id : undefined,
    init: spec.init ?? false,
    dieWithCaller: spec.lifetime === "process",
    ...planWatch(context, record),
    joinNamespaces: joined.fds,
    bindSources: new Map([
      ...volumes.sources,
      ...images.sources,
      ...(shm === undefined ? [] : [[shmPlace, shm.fd] as const]),
    ]),
    ownTrees: new Set([...volumes.ownTrees, ...images.ownTrees]),
    preserveFds,
    ...(rdtClass === undefined ? {} : { taskFds: [rdtClass.fd] }),
    ...(secrets === undefined ? {} : { memoryFiles: secrets.fd }),
    heldFds: shm === undefined ? volumes.held : [...volumes.held, shm.fd],
    ...(network === undefined ? {} : { network }),
    ...(endpoints.length === 0 || network !== undefined
      ? {}
      : { attachNetwork: (netns) => attachEndpoints(context, record, { netns, plans: endpoints }) }),
    ...(attaches.isAwaited(id) ? { whileSettingUp: connect } : {}),
    // Without a need for it, the process isn't held up.
    ...(hasOldExit || attaches.isAwaited(id)
      ? {
          beforeFirstInstruction: async (process) => {
            // From here on, an exit record is this run's.
            if (hasOldExit) rmSync(oldExit, { force: true });
            await connect(process);
          },
        }
      : {}),
  });
}

export function seccompOf(
  context: ContainerContext,
  { seccomp }: ContainerPlan,
): "default" | SeccompProfile | undefined {
  if (seccomp === "unconfined") return undefined;
  return seccomp === "default" ? seccomp : context.seccomp.get(seccomp.profile);
}

function failedState(thrown: unknown): Parameters<typeof recordEnd>[2]["state"] {
  const code = thrown instanceof Failure ? thrown.details["exitCode"] : undefined;
  return {
    status: "exited",
    code: typeof code === "number" ? code : 125,
    oomKilled: false,
    finishedAt: Date.now(),
    error: sentenceOf(thrown),
  };
}
