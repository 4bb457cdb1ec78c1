import type { EngineSettings } from "../model/engine-settings.ts";
import type { CgroupStatistics } from "../model/statistics.ts";
import type { ContentStore } from "../image/content-store.ts";
import type { Registries } from "../image/registries.ts";
import type { CapabilityName } from "../linux/process/capability.ts";
import type { CgroupChange } from "../linux/cgroup/change.ts";
import type { CgroupLayout } from "../linux/cgroup/layout.ts";
import type { DescriptorBudget } from "../linux/process/descriptor-budget.ts";
import type { HostFacts } from "./resolve/container.ts";
import type { CgroupPlan } from "../linux/cgroup/plan.ts";
import type { HostNetwork, Networks } from "../network/networks.ts";
import type { ExecOptions, Exit, KeptProcess, StartedProcess, StartOptions } from "../runtime/types.ts";
import type { CoveredRoot } from "../runtime/uncover-root.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import type { IdMaps } from "../spec/id-map.ts";
import type { RuntimeDevice } from "../spec/runtime-config.ts";
import type { ChosenStorage } from "../storage/choose-driver.ts";
import type { DriverOptions, StorageDriver } from "../storage/driver.ts";

/** With the cgroup's name below the engine's own, instead of the cgroup. */
export type StartRequest = Omit<
  StartOptions,
  "cgroup" | "cgroupLayout" | "openUserNamespace" | "prewarmedKeeper"
> & {
  readonly cgroupName: string | undefined;
};
export type ExecRequest = Omit<ExecOptions, "cgroup" | "prewarmedKeeper"> & {
  readonly cgroupName: string | undefined;
};

/** Starting processes and finding them again; `src/runtime/` in earnest. */
export interface RuntimePart {
  start(request: StartRequest): Promise<StartedProcess>;
  exec(request: ExecRequest): Promise<StartedProcess>;
  /** Opens a user namespace with these IDs that contains no process, for idmapped mounts; the caller disposes of it. */
  openUserNamespace(maps: IdMaps): Promise<OwnedFd>;
  /** A container's root without what is mounted in it; the caller disposes of it. */
  uncoverRoot(covered: CoveredRoot): Promise<OwnedFd>;
  /** Alive; ended and recorded; or nothing there: its keeper was lost. */
  reconnect(runDirectory: string): Promise<KeptProcess | Exit | undefined>;
}

/** Resources that are created before a container needs them. */
export interface PrewarmingPart {
  /** A prewarmed network namespace, when there is one: no process is in it. The caller disposes of it. */
  takeNetwork(): OwnedFd | undefined;
  openDirectories: NonNullable<DriverOptions["openDirectories"]>;
  /** Creates nothing as long as an operation holds this. */
  hold(): Disposable;
}

/** A container's cgroup, as far as the engine deals with it. All are fine when it is gone. */
export interface CgroupHandle {
  oomKills(): number;
  /** Undefined when it is gone. */
  statistics(): Promise<CgroupStatistics | undefined>;
  pids(): readonly number[];
  killAll(): Promise<void>;
  /** Resolves when all have stopped; thawed again when it throws. */
  freeze(): Promise<void>;
  thaw(): void;
  isFrozen(): boolean;
  /** All or none; returns the way back. */
  change(change: CgroupChange): () => void;
  remove(): Promise<void>;
}

export interface CgroupPart {
  readonly layout: CgroupLayout;
  /** Below each hierarchy: `tare-1a2b3c4d`. */
  readonly path: string;
  /**
   * The container with this id has its cgroup below that one: absolute, or below the engine's own. Until release().
   * With `split`, processes live in that one: on v2 those below get no controllers then.
   */
  assign(name: string, parent: string, options?: { readonly split?: boolean | undefined }): void;
  release(name: string): void;
  /**
   * The cgroup that this process is in, below each hierarchy: ""; `a/b`. Throws "unsupported" where it is in several
   * that have nothing in common.
   */
  current(): string;
  /** Below each hierarchy, of the container with this id. */
  pathOf(name: string): string;
  /** Removes what was made above its cgroup for it alone; for containers that have a parent of their own. */
  leaveParent(name: string): void;
  /** The directories that are missing above its cgroup. */
  missingAbove(name: string): readonly string[];
  /**
   * Claims directories of missingAbove() that were created before a crash, if they exist now: leaveParent() may remove
   * them.
   */
  claimAbove(name: string, paths: readonly string[]): void;
  /**
   * Makes the cgroup above that of this container, where it was given one right below the engine's own, and sets its
   * limits: all or none. Throws "invalid" when the kernel refuses one.
   */
  limitAbove(name: string, plan: CgroupPlan): void;
  create(name: string, plan: CgroupPlan): CgroupHandle;
  /** Of the container with this id; it need not be there. */
  open(name: string): CgroupHandle;
  /** Whether the container with this id has one in any hierarchy. */
  exists(name: string): boolean;
  /**
   * Calls the listener soon after memory ran out in the cgroup of the container with this id, as long as it is there.
   */
  watchOom(name: string, listener: () => void): Promise<void>;
  /** Names of those that exist. */
  list(): readonly string[];
}

/** A node, and what its path adds to the one it was looked for by: "" or `/rest`. */
export interface HostDevice {
  readonly node: RuntimeDevice;
  readonly below: string;
}

export interface HostPart {
  readonly hostname: string;
  readonly capabilities: ReadonlySet<CapabilityName>;
  readonly ceilings?: NonNullable<HostFacts["ceilings"]> | undefined;
  readonly bootId: string;
  /** Text of a file of the host; "" when absent. */
  readText(path: string): string;
  /** Whether AppArmor is on. */
  readonly hasAppArmor: boolean;
  readonly hasSelinux?: boolean | undefined;
  /** Loads a profile; returns what is wrong when that can't be done. */
  loadAppArmorProfile(text: string): string | undefined;
  /** Device nodes of the host, for privileged containers. */
  listDevices(): readonly RuntimeDevice[];
  /** The nodes that a path of the host stands for. Throws "invalid" in Docker's words where there is none. */
  /** Throws "invalid" for anything else. */
  readonly findBlockDevice: (path: string) => { readonly major: number; readonly minor: number };
  findDevices(path: string): readonly HostDevice[];
}

/** The kernel's side of networks, and the host facts that network plans need. */
export interface NetworkPart extends Networks {
  /** Subnets and addresses that the host has at the moment. */
  readHost(): HostNetwork;
}

/** One end of a container in a network, as names see it. */
export interface NameEntry {
  readonly endpointId: string;
  /** All that it is found by; the first is the one that its address stands for. */
  readonly names: readonly string[];
  /** As text, of both families. */
  readonly addresses: readonly string[];
}

/** The names that a container may look up. */
export interface NameView {
  /** In the order in which they are asked. `links`: alias → container, for this one alone. */
  readonly networks: readonly {
    readonly id: string;
    readonly links?: readonly (readonly [alias: string, name: string])[] | undefined;
  }[];
  /**
   * The name servers for other names, and the network namespace to ask from (the container's or the host's). Empty: no
   * network of the container has access to other hosts.
   */
  readonly upstreams: readonly { readonly address: string; readonly from: "container" | "host" }[];
  readonly ndotsSet?: boolean | undefined;
}

/** The name server of containers in networks that were made. */
export interface NamePart {
  addNetwork(id: string, name: string): void;
  removeNetwork(id: string): void;
  /** Replaces the one of the same endpoint. */
  addEntry(networkId: string, entry: NameEntry): void;
  removeEntry(networkId: string, endpointId: string): void;
  /** Answers on 127.0.0.11 in that namespace when it returns, until stop(). */
  serve(containerId: string, options: { readonly netns: Fd; readonly view: NameView }): void;
  setView(containerId: string, view: NameView): void;
  /** Fine when not served. */
  stop(containerId: string): void;
}

/** The components of an engine, which disposes of them as its last step. Tests pass their own. */
export interface EngineDependencies extends AsyncDisposable {
  readonly dataRoot: string;
  readonly runRoot: string;
  readonly settings: EngineSettings;
  readonly runtime: RuntimePart;
  readonly prewarming: PrewarmingPart;
  readonly storage: StorageDriver;
  /** Why it is this driver, and what is bad about it. */
  readonly storageChoice: Omit<ChosenStorage, "storage">;
  /**
   * A store below another directory; the caller disposes of it. Throws "unsupported" where the driver can't be used.
   */
  openStorage(directory: string, driver: string): Promise<StorageDriver>;
  readonly content: ContentStore;
  /** Loaded and opened when the first one is needed. */
  readonly openRegistries: () => Promise<Registries>;
  readonly cgroups: CgroupPart;
  readonly networks: NetworkPart;
  /** Absent: containers find each other by address alone. */
  readonly names?: NamePart | undefined;
  /** Absent: nothing is kept in reserve. */
  readonly descriptors?: DescriptorBudget | undefined;
  readonly host: HostPart;
  /** The program of the embedded image `hello`; absent: there is no such image. */
  readonly helloProgram?: string | undefined;
}
