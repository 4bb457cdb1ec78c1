import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../../../../base/fault.ts";
import type { Fd } from "../../../../linux/kernel/fd.ts";
import type { EndpointPlan } from "../../../../network/types.ts";
import type { EarlyStreams, StartedProcess } from "../../../../runtime/types.ts";
import type { ContainerContext } from "../../../context.ts";
import type { StartRequest } from "../../../dependencies.ts";
import { attachEndpoints } from "../../../networks/join-networks.ts";
import type { ContainerRecord } from "../../../state/records.ts";
import { shmPath } from "../../files/shared-memory.ts";
import { chooseTracing } from "../../resources/traced-calls.ts";
import type { PhaseClock } from "../phase-clock.ts";
import type { PlannedStart } from "./plan.ts";
import type { PreparedStart } from "./prepare.ts";

export interface LaunchOptions {
  readonly prepared: PreparedStart;
  readonly planned: PlannedStart;
  readonly endpoints: readonly EndpointPlan[];
  readonly preserveFds: ReadonlyMap<number, Fd>;
  /** Connects the clients that wait for the streams. */
  readonly connect: (process: EarlyStreams) => Promise<void>;
  readonly clock: PhaseClock;
}

/** Creates the cgroup and has the runtime start the container in it. */
export async function launchStart(
  context: ContainerContext,
  record: ContainerRecord,
  { prepared, planned, clock, ...options }: LaunchOptions,
): Promise<StartedProcess> {
  const { id, spec } = record;
  createCgroups(context, record, planned);
  clock.mark("cgroup");
  fault("start.cgroup");
  const { logRotation } = planned;
  return await context.dependencies.runtime.start({
    id,
    config: planned.config,
    root: prepared.root.mount.fd,
    rootLock: prepared.root.lock.fd,
    onInherited: () => prepared.root[Symbol.dispose](),
    runDirectory: prepared.runDirectory,
    logDirectory: logRotation && context.paths.log(id),
    logRotation,
    keepStdinOpen: spec.process?.openStdin ?? false,
    stdinOnce: spec.process?.stdinOnce ?? false,
    cgroupName: planned.cgroup === undefined ? undefined : id,
    init: spec.process?.init ?? false,
    dieWithCaller: spec.lifecycle?.lifetime === "process",
    ...chooseTracing(context, record),
    joinNamespaces: prepared.joinedNamespaces,
    preserveFds: options.preserveFds,
    links: prepared.links,
    modes: prepared.modes,
    ...descriptorsOf(prepared),
    ...networkOf(context, record, { prepared, endpoints: options.endpoints }),
    ...callbacksOf(context, record, { prepared, connect: options.connect }),
  });
}

/**
 * SAFETY: nothing waits between the two: no other operation removes the pod's cgroup meanwhile, and its limits with it.
 */
function createCgroups(
  { dependencies }: ContainerContext,
  { id }: ContainerRecord,
  { cgroup, cgroupAbove }: PlannedStart,
): void {
  if (cgroup === undefined) return;
  if (cgroupAbove !== undefined) dependencies.cgroups.limitAbove(id, cgroupAbove);
  dependencies.cgroups.create(id, cgroup);
}

function descriptorsOf({
  volumes,
  images,
  sharedMemory: shm,
  secrets,
  resourceClass,
}: PreparedStart): Pick<StartRequest, "bindSources" | "ownTrees" | "heldFds" | "taskFds" | "memoryFiles"> {
  return {
    bindSources: new Map([
      ...volumes.sources,
      ...images.sources,
      ...(shm === undefined ? [] : [[shmPath, shm.fd] as const]),
    ]),
    ownTrees: new Set([...volumes.ownTrees, ...images.ownTrees]),
    heldFds: shm === undefined ? volumes.held : [...volumes.held, shm.fd],
    taskFds: resourceClass && [resourceClass.fd],
    memoryFiles: secrets?.fd,
  };
}

function networkOf(
  context: ContainerContext,
  record: ContainerRecord,
  {
    prepared: { network },
    endpoints,
  }: { readonly prepared: PreparedStart; readonly endpoints: readonly EndpointPlan[] },
): Pick<StartRequest, "attachNetwork" | "prewarmedNetwork"> {
  if (network !== undefined) return { prewarmedNetwork: network };
  if (endpoints.length === 0) return {};
  return { attachNetwork: (netns) => attachEndpoints(context, record, { netns, plans: endpoints }) };
}

/** The process waits for the engine only where it has to. */
function callbacksOf(
  { attaches }: ContainerContext,
  { id }: ContainerRecord,
  {
    prepared: { runDirectory, hasRun },
    connect,
  }: { readonly prepared: PreparedStart; readonly connect: LaunchOptions["connect"] },
): Pick<StartRequest, "beforeFirstInstruction" | "whileSettingUp"> {
  const oldExit = join(runDirectory, "exit");
  const hasOldExit = hasRun && existsSync(oldExit);
  const isAwaited = attaches.isAwaited(id);
  return {
    whileSettingUp: isAwaited ? connect : undefined,
    beforeFirstInstruction:
      hasOldExit || isAwaited
        ? async (process) => {
            // From here on, an exit record is this run's.
            if (hasOldExit) rmSync(oldExit, { force: true });
            await connect(process);
          }
        : undefined,
  };
}
