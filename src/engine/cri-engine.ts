import type { Duplex } from "node:stream";
import type { ContainerSpec } from "../model/container-spec.ts";
import type { ContainerState, ExitStatus } from "../model/container-state.ts";
import type { Containers } from "../model/containers.ts";
import type { CriContainerSettings, CriSandboxSettings, CriSettings } from "../model/cri.ts";
import type { EngineEvent } from "../model/engine.ts";
import type { ContainerId, PodId } from "../model/ids.ts";
import type { EndpointDetails } from "../model/networks.ts";
import type { Pods } from "../model/pods.ts";
import type { WallMs } from "../model/time.ts";

/** A sandbox or container of the Container Runtime Interface, as recorded. */
export interface CriObject<Settings extends CriSettings = CriSettings> {
  /** Of a sandbox also the pod's. */
  readonly id: ContainerId;
  readonly createdAt: WallMs;
  readonly state: ContainerState;
  readonly imageId: string;
  readonly spec: ContainerSpec;
  readonly settings: Settings;
}

/** The identity of a container's first process, in the numbers of its user namespace. */
export interface CriUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** Operations for the Container Runtime Interface: they reach only what was created through it. */
export interface CriEngine {
  readonly containers: Containers;
  readonly pods: Pods;
  /** In the order in which they were created. */
  sandboxes(): readonly CriObject<CriSandboxSettings>[];
  /** In the order in which they were created; without the containers that hold sandboxes. */
  list(): readonly CriObject<CriContainerSettings>[];
  /** By id or an unambiguous prefix of it. */
  findSandbox(id: string): CriObject<CriSandboxSettings> | undefined;
  /** By id or an unambiguous prefix of it. */
  findContainer(id: string): CriObject<CriContainerSettings> | undefined;
  /** Interfaces of a sandbox in the engine's networks. */
  endpointsOf(id: PodId): readonly EndpointDetails[];
  /** User of an image's configuration: `user[:group]`, or "". */
  imageUserOf(imageId: string): string;
  /** `name@digest` of an image, or its id. */
  imageReferenceOf(imageId: string): string;
  /** Undefined while the container does not run. */
  findUser(id: ContainerId): CriUser | undefined;
  /** PID of the first process on the host; undefined while it does not run. */
  findPid(id: ContainerId): number | undefined;
  /** Events of CRI objects from now on, until the signal. */
  events(options: { readonly signal: AbortSignal }): AsyncIterable<EngineEvent>;
  /** Kills the program of an exec session, and waits for its end. */
  killExec(id: string): Promise<ExitStatus>;
  /**
   * A connection to a port of a sandbox's loopback interface. Throws "conflict" if the sandbox does not run,
   * "unavailable" if nothing listens. The caller destroys it.
   */
  connect(id: PodId, port: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<Duplex>;
  /** Creates the log file of a container, unless it exists. Throws when that is impossible. */
  createLog(id: ContainerId): void;
  /** Makes the log file of a container anew, after the file was renamed. Throws "conflict" if it does not run. */
  reopenLog(id: ContainerId): void;
  /** Waits until the log file of a container that has ended is complete, at most a second. */
  settleLog(id: ContainerId): Promise<void>;
}
