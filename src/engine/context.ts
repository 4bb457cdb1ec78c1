import type { KeyedLock } from "../base/keyed-lock.ts";
import type { PrewarmedDirectories } from "../storage/driver.ts";
import type { NetworkCatalog } from "./networks/network-catalog.ts";
import type { CgroupHandle, EngineDependencies } from "./dependencies.ts";
import type { HostFacts } from "./resolve/container.ts";
import type { SecretCatalog } from "./secrets/secret-catalog.ts";
import type { ContainerRecord, ImageRecord } from "./state/records.ts";
import type { State } from "./state/state.ts";
import type { EngineMeter } from "../model/engine-meter.ts";
import type { ContainerId } from "../model/ids.ts";
import type { LogForwardingStatus } from "../model/logs.ts";
import type { PassedDescriptors } from "./passed-descriptors.ts";
import type { VolumeCatalog } from "./volumes/volume-catalog.ts";
import type { Background } from "./containers/background.ts";
import type { ExecSessions } from "./containers/exec/exec-sessions.ts";
import type { HealthChecks } from "./containers/health/health-checks.ts";
import { NoCgroup } from "./containers/lifecycle/no-cgroup.ts";
import type { LiveContainer } from "./containers/live-container.ts";
import type { PendingAttaches } from "./containers/lifecycle/pending-attaches.ts";
import type { ContainerPaths } from "./containers/container-paths.ts";
import type { Restarts } from "./containers/lifecycle/restarts.ts";
import type { SeccompProfiles } from "./containers/resources/seccomp-profiles.ts";
import type { Waiters } from "./containers/lifecycle/waiters.ts";

/** The image that a container is made of, kept from being removed until this is disposed of. */
export interface PinnedImage extends Disposable {
  readonly record: ImageRecord;
}

/** Sends the logs of the containers whose log driver has a receiver. */
export interface LogForwardingPart {
  /** Follows a run from its begin, or from a restart of the engine on. Does not wait; failures are only noted. */
  follow(context: ContainerContext, record: ContainerRecord, ended: Promise<unknown>): void;
  /** Sends what an earlier engine has left of the log of a container that does not run. */
  resume(record: ContainerRecord): void;
  /** Sends the rest of the log of a container that is removed, as far as that is possible within five seconds. */
  finish(id: ContainerId): Promise<void>;
  /** Waits until the log of a container that has ended has been sent, at most so long. */
  settle(id: ContainerId, options: { readonly withinMs: number }): Promise<void>;
  /** Undefined for a container whose driver has no receiver. */
  describe(record: ContainerRecord): Promise<LogForwardingStatus | undefined>;
  /** Lets all of them end at the positions that are recorded. */
  close(): void;
}

/** The shared state of all container operations. */
export interface ContainerContext {
  readonly dependencies: EngineDependencies;
  readonly state: State;
  readonly paths: ContainerPaths;
  /** For the next container's data, with the directory of its log. */
  readonly dataDirectories: PrewarmedDirectories;
  /** For the next container's runs. */
  readonly runDirectories: PrewarmedDirectories;
  readonly host: HostFacts;
  /** One a container, by id. Never held while waiting for the container itself. */
  readonly locks: KeyedLock;
  readonly background: Background;
  readonly waiters: Waiters;
  readonly live: Map<ContainerId, LiveContainer>;
  readonly restarts: Restarts;
  readonly attaches: PendingAttaches;
  readonly logForwarding: LogForwardingPart;
  readonly execs: ExecSessions;
  readonly health: HealthChecks;
  readonly descriptors: PassedDescriptors;
  /** `NAME=value` of the secrets of steps of builds that are about to start: in no record. */
  readonly stepVariables: Map<ContainerId, readonly string[]>;
  readonly seccomp: SeccompProfiles;
  /** Names of containers that are being made or renamed, with the id of each. */
  readonly reservedNames: Map<string, ContainerId>;
  readonly volumes: VolumeCatalog;
  readonly secrets: SecretCatalog;
  readonly networks: NetworkCatalog;
  /** Absent: nothing is measured. */
  readonly meter?: EngineMeter | undefined;
  /** Throws "not-found". */
  pinImage(reference: string): Promise<PinnedImage>;
  /** By a name or id. Throws "conflict" when something else uses it. */
  removeImage(reference: string): Promise<void>;
  /** Layers whose image went before their last container. */
  collectGarbage(): void;
  /** Set when the engine is being closed: nothing is written any more. */
  readonly closing: AbortSignal;
}

export function cgroupPathOf(context: ContainerContext, id: ContainerId): string {
  return context.state.findContainer(id)?.spec.resources?.cgroups === "disabled"
    ? ""
    : context.dependencies.cgroups.pathOf(id);
}

/** A container's cgroup; of one without, its processes, which it stands for as far as that goes. */
export function cgroupOf(
  context: ContainerContext,
  { id, spec }: Pick<ContainerRecord, "id" | "spec">,
): CgroupHandle {
  return spec.resources?.cgroups === "disabled"
    ? new NoCgroup(context.live.get(id)?.kept)
    : context.dependencies.cgroups.open(id);
}

export function isRunning({ state }: ContainerRecord): boolean {
  return state.status === "running" || state.status === "paused";
}
