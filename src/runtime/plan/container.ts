import { addAppArmor, addAppArmorOfChild } from "./app-armor.ts";
import { Failure } from "../../base/failure.ts";
import { AT_EMPTY_PATH, O_CLOEXEC, O_DIRECTORY, O_WRONLY } from "../../linux/constants/open.ts";
import { MOUNT_ATTR_RDONLY } from "../../linux/constants/mount.ts";
import { CLONE_NEWCGROUP } from "../../linux/constants/clone.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { encodeMountAttributes } from "../../linux/mount/mount.ts";
import type { ResourceLimit } from "../../linux/process/rlimit.ts";
import { getNamespaceKind } from "../../linux/namespaces/namespaces.ts";
import { AF_INET, requestUp, SIOCSIFFLAGS, SOCK_DGRAM } from "../../linux/kernel/netdevice.ts";
import type { RuntimeConfig, RuntimeNamespaceType } from "../../spec/runtime-config.ts";
import type { AttachedMounts } from "./attached-mounts.ts";
import { addDeviceLinks, addDevices } from "./devices.ts";
import {
  addAttachments,
  addFileClones,
  addFilesystems,
  addIsolation,
  addMaskedPaths,
  addMasks,
  addMode,
  addPivot,
  addReadonlyPaths,
  addReplacingLink,
  type PlannedMount,
} from "./mounts.ts";
import { addOpenTarget } from "./paths.ts";
import { type OpResult, type PlanBlob, PlanList, usualChannel } from "./plan.ts";
import {
  addCredentials,
  addFreshStart,
  addLimits,
  addPreserved,
  type PlannedProcess,
  raisedChannel,
} from "./process.ts";
import { addBarrier, networkBarrier, PlanClock } from "./report.ts";
import { addSysctls } from "./sysctls.ts";
import { addPipes, addTerminal } from "./streams.ts";
import { addTimeNamespace } from "./time-namespace.ts";
import { addBirth, addKeeperJoins, addNamespaceRoot } from "./user-namespace.ts";
import type { Plan, PlanStreams } from "./plan.ts";

/** All that a container's plan is made from; descriptor numbers are the keeper's. */
export interface ContainerInput {
  readonly config: RuntimeConfig;
  readonly root: number;
  /** A host directory to attach the root at for a moment. */
  readonly rootPath: string;
  readonly mounts: readonly PlannedMount[];
  /** KERNEL(6.15): whether a mount that is on no mount table can be cloned. */
  readonly clonesDetached?: boolean | undefined;
  /** See StartOptions. */
  readonly memoryFiles?: number | undefined;
  /** Attributes that a mount gets after all was mounted in it. */
  readonly seals: readonly { readonly target: string; readonly attributes: number }[];
  readonly joinNamespaces: ReadonlyMap<RuntimeNamespaceType, number>;
  readonly cgroupTasks: readonly number[];
  readonly otherTasks?: readonly number[] | undefined;
  readonly keeperTasks?: readonly number[] | undefined;
  readonly limits: readonly ResourceLimit[];
  readonly process: PlannedProcess;
  readonly openStdin: boolean;
  /** The engine puts interfaces into the network namespace: before the rest of the set-up, or concurrently with it. */
  readonly network?: "before" | "concurrently" | undefined;
  /** With a user namespace: the host's id of the user that owns the streams. */
  readonly streamOwner?: number | undefined;
  /** See StartOptions. */
  readonly links?: readonly { readonly path: string; readonly target: string }[] | undefined;
  /** See StartOptions. */
  readonly modes?: readonly { readonly path: string; readonly mode: number }[] | undefined;
  /** /dev already contains the devices: a user namespace cannot create any. */
  readonly devicesMade?: boolean | undefined;
}

export interface PlannedLists {
  readonly before: PlanList;
  readonly child: PlanList;
  readonly cloneFlags: number;
  /** The namespaces in which the child is cloned; see Plan. */
  readonly joins?: Pick<Plan, "joinUserFd" | "joinPidFd"> | undefined;
  readonly streams: PlanStreams;
  readonly clock: PlanClock;
}

/** The calls that make a container of a cloned process. Pure. */
export function planContainer(input: ContainerInput, blob: PlanBlob): PlannedLists {
  const { config, root } = input;
  const { linux, process } = config;
  const before = new PlanList();
  const child = new PlanList(channelOf(input.process));
  const clock = new PlanClock(blob);
  const created = linux.namespaces
    .filter(({ type }) => !input.joinNamespaces.has(type))
    .map(({ type }) => type);
  if (!created.includes("mount"))
    throw new Failure("unsupported", "cannot start a container in the engine's own mount namespace");

  addKeeperCgroup(before, input.keeperTasks);
  const joinUserFd = input.joinNamespaces.get("user");
  const joinPidFd = input.joinNamespaces.get("pid");
  const inUser = created.includes("user") || joinUserFd !== undefined;
  if (joinPidFd !== undefined && joinUserFd === undefined)
    before.add("join the pid namespace", "setns", [joinPidFd, getNamespaceKind("pid").cloneFlag]);
  if (inUser) addKeeperJoins(before, input.joinNamespaces);
  const terminal = process.terminal === true;
  const owner = input.streamOwner;
  const streams = terminal ? {} : addPipes(before, child, blob, { stdin: input.openStdin, owner });
  clock.stamp(before, "keeper");
  if (created.includes("time")) addTimeNamespace(before, clock, linux.timeOffsets);

  clock.stamp(child, "namespaces");
  addFreshStart(child);
  addJoins(child, input);
  const profile = process.apparmorProfile;
  if (inUser && profile !== undefined) addAppArmorOfChild(child, profile);
  if (inUser) addBirth(child, blob);
  // After joining: the namespace's root is where its creator is.
  if (created.includes("cgroup")) child.add("make the cgroup namespace", "unshare", [CLONE_NEWCGROUP]);
  clock.stamp(child, "cgroup");
  for (const [type, fd] of input.joinNamespaces) {
    if (type !== "pid" && !inUser)
      child.add(`join the ${type} namespace`, "setns", [fd, getNamespaceKind(type).cloneFlag]);
  }
  if (created.includes("network")) addLoopback(child);
  if (input.network === "before") {
    addBarrier(child, blob, blob.reserve(16), networkBarrier, "wait for the network");
    clock.stamp(child, "network");
  }
  if (created.includes("uts")) addHostname(child, config);

  if (!inUser && profile !== undefined) addAppArmor(child, profile);
  const filesystems = addFilesystems(child, input.mounts);
  addSysctls(child, procOf(input.mounts, filesystems), linux.sysctl ?? {});
  addIsolation(child);
  const masked = linux.maskedPaths ?? [];
  const masks = addMasks(child, masked, { clonesDetached: input.clonesDetached === true });
  const made = new Map([
    ...filesystems,
    ...(input.memoryFiles === undefined
      ? []
      : addFileClones(child, input.mounts, { files: input.memoryFiles, path: input.rootPath })),
  ]);
  addPivot(child, root, input.rootPath);
  const attached = addAttachments(child, blob, root, input.mounts, made);
  if (input.devicesMade === true) addDeviceLinks(child, blob, attached);
  else addDevices(child, blob, attached, linux.devices ?? []);
  for (const link of input.links ?? []) addReplacingLink(child, blob, attached, link);
  for (const each of input.modes ?? []) addMode(child, root, each);
  addReadonlyPaths(child, root, linux.readonlyPaths ?? []);
  addMaskedPaths(child, root, masks, masked);
  for (const { target, attributes } of input.seals) addSeal(child, blob, attached, target, attributes);
  if (terminal) {
    addTerminal(child, blob, root, {
      console: true,
      size: process.consoleSize,
    });
  }
  // KERNEL: files of /proc/self are not its own to write as long as it is hidden from ptrace: the engine did it.
  if (!inUser) addOutOfMemoryScore(child, input.mounts, filesystems, process.oomScoreAdj);
  const cwd = addOpenTarget(child, blob, root, process.cwd, {
    about: `enter the working directory "${process.cwd}"`,
    kind: "directory",
  });
  child.add(`enter the working directory "${process.cwd}"`, "fchdir", [cwd]);
  if (config.root.readonly === true) {
    const readonly = encodeMountAttributes({ set: MOUNT_ATTR_RDONLY });
    child.add("make the root file system read-only", "mount_setattr", [
      root,
      "",
      AT_EMPTY_PATH,
      readonly,
      readonly.length,
    ]);
  }
  addPreserved(child, input.process);
  addLimits(child, input.limits);
  clock.stamp(child, "mounts");
  addCredentials(child, blob, input.process, clock, {
    stdin: input.openStdin || terminal,
    streams: inUser && !terminal ? "owned" : "own",
    awaited: input.network === "concurrently" ? "network" : undefined,
  });
  const cloneFlags = created
    .filter((type) => type !== "cgroup" && type !== "time")
    .reduce((flags, type) => flags | getNamespaceKind(type).cloneFlag, 0);
  return {
    before,
    child,
    cloneFlags,
    joins: joinUserFd === undefined ? undefined : { joinUserFd, joinPidFd },
    streams,
    clock,
  };
}

function channelOf({ preserved }: PlannedProcess): number {
  return preserved === undefined ? usualChannel : raisedChannel;
}

function addJoins(
  list: PlanList,
  { cgroupTasks, otherTasks = [] }: Pick<ContainerInput, "cgroupTasks" | "otherTasks">,
): void {
  for (const tasks of cgroupTasks) list.add("join the cgroup", "write", [tasks, "0", 1], { expect: 1 });
  for (const tasks of otherTasks)
    list.add("join the class of resources", "write", [tasks, "0", 1], { expect: 1 });
}

function addKeeperCgroup(before: PlanList, tasks: readonly number[] = []): void {
  for (const fd of tasks) before.add("join the cgroup of keepers", "write", [fd, "0", 1], { expect: 1 });
}

function addLoopback(list: PlanList): void {
  const about = "bring up the loopback interface";
  const socket = list.add(about, "socket", [AF_INET, SOCK_DGRAM | O_CLOEXEC, 0]);
  list.add(about, "ioctl", [socket, SIOCSIFFLAGS, requestUp("lo")]);
}

function addHostname(list: PlanList, config: RuntimeConfig): void {
  const { hostname, domainname } = config;
  if (hostname !== undefined)
    list.add(`set the host name "${hostname}"`, "sethostname", [hostname, Buffer.byteLength(hostname)]);
  if (domainname !== undefined) {
    list.add(`set the domain name "${domainname}"`, "setdomainname", [
      domainname,
      Buffer.byteLength(domainname),
    ]);
  }
}

function addSeal(
  list: PlanList,
  blob: PlanBlob,
  attached: AttachedMounts,
  target: string,
  attributes: number,
): void {
  const about = `make "${target}" read-only`;
  const found = attached.addOpenDirectory(list, blob, target, about);
  const encoded = encodeMountAttributes({ set: attributes });
  list.add(about, "mount_setattr", [found, "", AT_EMPTY_PATH, encoded, encoded.length]);
}

/** The procfs that this plan makes. */
function procOf(
  mounts: readonly PlannedMount[],
  made: ReturnType<typeof addFilesystems>,
): OpResult | undefined {
  const proc = mounts.find((mount) => mount.kind === "filesystem" && mount.type === "proc");
  return proc === undefined ? undefined : made.get(proc);
}

/**
 * SAFETY: through the descriptor of the procfs that this plan made itself, so no image can put another file in
 * its place.
 */
function addOutOfMemoryScore(
  list: PlanList,
  mounts: readonly PlannedMount[],
  made: ReturnType<typeof addFilesystems>,
  score: number | undefined,
): void {
  if (score === undefined) return;
  const fd = procOf(mounts, made);
  if (fd === undefined) return;
  const about = `set the out-of-memory score to ${score}`;
  const file = list.add(about, "openat", [fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC]);
  const text = String(score);
  list.add(about, "write", [file, text, text.length], {
    expect: text.length,
    skip: { errors: [errno.EACCES, errno.EPERM], count: 0 },
  });
}

/** The input for a process that joins a running container. */
export interface ExecInput {
  /** A pidfd of the container's first process. */
  readonly target: number;
  readonly joins: readonly RuntimeNamespaceType[];
  /** How far the monotonic clock of the joined time namespace is from ours. */
  readonly clockShiftMs?: number | undefined;
  readonly cgroupTasks: readonly number[];
  readonly otherTasks?: readonly number[] | undefined;
  readonly keeperTasks?: readonly number[] | undefined;
  readonly limits: readonly ResourceLimit[];
  readonly process: PlannedProcess;
  readonly openStdin: boolean;
  /** Hard limits that the child can't raise any more when it has joined a user namespace. */
  readonly raises?: readonly ResourceLimit[] | undefined;
  /** As that of ContainerInput. */
  readonly streamOwner?: number | undefined;
}

/** The calls of an exec: the keeper joins the pid namespace only, the child all the rest. Pure. */
export function planExec(input: ExecInput, blob: PlanBlob): PlannedLists {
  const { process } = input.process;
  const before = new PlanList();
  const child = new PlanList(channelOf(input.process));
  const clock = new PlanClock(blob);
  addKeeperCgroup(before, input.keeperTasks);
  if (input.joins.includes("pid"))
    before.add("join the pid namespace", "setns", [input.target, getNamespaceKind("pid").cloneFlag]);
  const terminal = process.terminal === true;
  const ownsUser = input.joins.includes("user");
  const owner = input.streamOwner;
  const streams = terminal ? {} : addPipes(before, child, blob, { stdin: input.openStdin, owner });
  clock.stamp(before, "keeper");
  addFreshStart(child);
  if (process.apparmorProfile !== undefined) addAppArmor(child, process.apparmorProfile);
  // By itself: it belongs to the host's user namespace, in which the child has no rights after joining the container's.
  if (input.joins.includes("time")) {
    child.add("join the time namespace", "setns", [input.target, getNamespaceKind("time").cloneFlag]);
    clock.shiftBy(input.clockShiftMs ?? 0);
  }
  addJoins(child, input);
  // Only the host's root may raise them, which it is no more in the container's user namespace.
  addLimits(child, input.raises ?? []);
  clock.stamp(child, "cgroup");
  const flags = input.joins
    .filter((type) => type !== "pid" && type !== "time")
    .reduce((all, type) => all | getNamespaceKind(type).cloneFlag, 0);
  child.add("join the namespaces of the container", "setns", [input.target, flags]);
  if (ownsUser) addNamespaceRoot(child);
  clock.stamp(child, "namespaces");
  const root = child.add("open the root of the container", "openat", [-100, "/", O_DIRECTORY | O_CLOEXEC]);
  if (terminal) {
    addTerminal(child, blob, root, {
      console: false,
      size: process.consoleSize,
    });
  }
  const cwd = addOpenTarget(child, blob, root, process.cwd, {
    about: `enter the working directory "${process.cwd}"`,
    kind: "directory",
    create: false,
  });
  child.add(`enter the working directory "${process.cwd}"`, "fchdir", [cwd]);
  addPreserved(child, input.process);
  addLimits(child, input.limits);
  addCredentials(child, blob, input.process, clock, {
    stdin: input.openStdin || terminal,
    streams: ownsUser && !terminal ? "owned" : "own",
  });
  return { before, child, cloneFlags: 0, streams, clock };
}
