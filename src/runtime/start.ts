import { existsSync, lstatSync } from "node:fs";
import { Failure, within } from "../base/failure.ts";
import type { CgroupJoin } from "../linux/cgroup/cgroup.ts";
import { monotonicMs } from "../linux/kernel/clock.ts";
import { hasFeature } from "../linux/features.ts";
import { OwnedFd } from "../linux/kernel/fd.ts";
import { MOUNT_ATTR_NODEV } from "../linux/constants/mount.ts";
import { openDirectoryPath } from "../linux/files/open.ts";
import { openChildNetwork } from "../linux/process/process-network.ts";
import { setMountAttributes } from "../linux/mount/mount.ts";
import { makeDevice } from "../linux/files/stat.ts";
import type { IdMaps } from "../spec/id-map.ts";
import type { RuntimeNamespaceType } from "../spec/runtime-config.ts";
import { areOfInterfaces } from "../spec/sysctl.ts";
import { Inheritance } from "./keeper/inheritance.ts";
import { type Child, type Launch, launch } from "./keeper/launch.ts";
import { attachTo } from "./keeper/kept-process.ts";
import { planContainer } from "./plan/container.ts";
import { type Plan, PlanBlob } from "./plan/plan.ts";
import { idmapDepth, openIdmaps } from "./idmapped-mounts.ts";
import { setUpChild, hostUserOf, idMapsOf } from "./child-setup.ts";
import type { PreservedFd } from "./plan/process.ts";
import { isDevices, prepareMounts } from "./prepare-mounts.ts";
import { planJudge } from "./plan-judge.ts";
import { prepareProcess } from "./prepare-process.ts";
import type { EarlyStreams, KeeperProgram, StartedProcess, StartOptions } from "./types.ts";

const defaultDeadlineMs = 30_000;
const defaultRotation = { maxBytes: 20_000_000, files: 3 };

/**
 * Starts a container: from its configuration and a detached root to its program's first instruction. A program that
 * cannot be executed is a Failure "invalid" with details.exitCode 126 or 127; whatever fails, no process is left.
 */
export async function startContainer(program: KeeperProgram, options: StartOptions): Promise<StartedProcess> {
  const begunMs = monotonicMs();
  const { config, spare } = options;
  const inheritance = new Inheritance(spare);
  using opened = new DisposableStack();
  const blob = new PlanBlob();
  const root = inheritance.add(options.root);
  const rootLock = options.rootLock === undefined ? -1 : inheritance.add(options.rootLock);
  setMountAttributes(options.root, {
    propagation: "private",
    recursive: true,
    ...(config.root.nodev === true ? { set: MOUNT_ATTR_NODEV } : {}),
  });
  if ((config.linux.maskedPaths ?? []).length > 0) checkNullDevice();

  const joinNamespaces = new Map<RuntimeNamespaceType, number>();
  for (const [type, fd] of options.joinNamespaces ?? []) joinNamespaces.set(type, inheritance.add(fd));
  using madeNetwork = takeNetwork(options);
  const netns = options.network?.netns ?? madeNetwork?.fd;
  if (netns !== undefined) joinNamespaces.set("network", inheritance.add(netns));
  const join: CgroupJoin = options.cgroup === undefined ? noCgroup : opened.use(options.cgroup.openJoin());
  const idMaps = idMapsOf(config);
  const devices = config.linux.devices ?? [];
  const isIdmapped = config.mounts.some((mount) => idmapDepth(mount) !== "none");
  const { mounts, seals } = prepareMounts(config.mounts, {
    idmaps: isIdmapped ? await openIdmaps(config, options, opened) : new Map(),
    devices,
    ...(idMaps === undefined ? {} : { idMaps }),
    layout: options.cgroupLayout,
    cgroupPath: options.cgroup?.path ?? "",
    cgroupNamespace: config.linux.namespaces.some(({ type }) => type === "cgroup") ? "private" : "host",
    inheritance,
    opened,
    ...(options.bindSources === undefined ? {} : { sources: options.bindSources }),
    ...(options.ownTrees === undefined ? {} : { ownTrees: options.ownTrees }),
  });
  const network = networkOrder(options, idMaps);
  const prepared = prepareProcess(config.process, {
    seccomp: config.linux.seccomp,
    announce: network === "beside" || isAnnounced(options),
    ...(options.watch === undefined ? {} : { watch: options.watch }),
    preserved: inheritPreserved(options, inheritance),
  });
  const init = options.init === true ? inheritance.add(opened.use(program.openInit()).fd) : undefined;
  const lists = planContainer(
    {
      config,
      root,
      // Nobody of a user namespace reaches the run directory.
      rootPlace: idMaps === undefined ? options.runDirectory : "/",
      mounts,
      clonesDetached: hasFeature("detached-composition"),
      ...(options.memoryFiles === undefined ? {} : { memoryFiles: inheritance.add(options.memoryFiles) }),
      seals,
      joinNamespaces,
      cgroupTasks: join.writeZeroFds.map((fd) => inheritance.add(fd)),
      otherTasks: (options.taskFds ?? []).map((fd) => inheritance.add(fd)),
      keeperTasks: (options.keeperCgroupFds ?? []).map((fd) => inheritance.add(fd)),
      limits: prepared.limits,
      process: init === undefined ? prepared.planned : { ...prepared.planned, init },
      openStdin: options.keepStdinOpen === true,
      ...(network === undefined ? {} : { network }),
      ...(idMaps === undefined
        ? {}
        : {
            streamOwner: hostUserOf(config.process, idMaps),
            devicesMade: config.mounts.some(isDevices),
          }),
    },
    blob,
  );
  using directory = openDirectoryPath(options.runDirectory);
  const log =
    options.logDirectory === undefined ? undefined : opened.use(openDirectoryPath(options.logDirectory));
  const plan: Plan = {
    before: lists.before,
    child: lists.child,
    blob,
    cloneFlags: lists.cloneFlags,
    ...lists.joins,
    ...(join.intoCgroupFd === undefined ? {} : { cgroupFd: inheritance.add(join.intoCgroupFd) }),
    streams: lists.streams,
    keep: true,
    terminal: config.process.terminal === true,
    closeStdin: options.stdinOnce === true,
    dieWithCaller: options.dieWithCaller === true,
    deadlineMs: options.setupDeadlineMs ?? defaultDeadlineMs,
    exitDirectoryFd: inheritance.add(directory.fd),
    ...planJudge(prepared.planned, { watch: options.watch, blob, inheritance, opened }),
    keptFds: [root, rootLock, ...(options.heldFds ?? []).map((fd) => inheritance.add(fd))],
    ...(log === undefined || options.logDirectory === undefined
      ? {}
      : {
          log: {
            directoryFd: inheritance.add(log.fd),
            ...(options.logRotation ?? defaultRotation),
            // Without a record of its end, an earlier keeper may have been killed in the middle of a record.
            rotateFirst:
              existsSync(`${options.logDirectory}/log.0`) && !existsSync(`${options.runDirectory}/exit`),
          },
        }),
  };
  const preparedMs = monotonicMs();
  const { attachNetwork, network: begun } = options;
  try {
    const { kept, timing } = await launch({
      program,
      spare,
      id: options.id,
      plan,
      clock: lists.clock,
      inheritance,
      directory: new OwnedFd(directory.move()),
      runDirectory: options.runDirectory,
      ...(idMaps === undefined
        ? {}
        : {
            onBorn: (pid) =>
              setUpChild(pid, {
                ...(options.joinNamespaces?.has("user") === true ? {} : { maps: idMaps }),
                limits: prepared.limits,
                oomScoreAdj: config.process.oomScoreAdj,
              }),
          }),
      ...(network !== "before" ? {} : { onNetwork: (child) => attachInterfaces(child, attachNetwork) }),
      ...(begun === undefined ? {} : { whileLaunching: () => begun.attached }),
      ...(madeNetwork === undefined || attachNetwork === undefined
        ? {}
        : { whileLaunching: () => attachNetwork(madeNetwork.fd) }),
      ...meetings(options, network === "beside" && madeNetwork === undefined ? attachNetwork : undefined),
      onInherited: () => {
        opened.dispose();
        options.onInherited?.();
      },
    });
    return {
      kept,
      timing: [{ name: "prepare", ms: preparedMs - begunMs }, ...timing],
      warnings: prepared.warnings,
    };
  } catch (thrown) {
    throw within(`cannot start container ${options.id.slice(0, 12)}`, thrown);
  }
}

/** One that was prewarmed, where the container gets one of its own that differs in nothing. */
function takeNetwork(options: StartOptions): OwnedFd | undefined {
  if (options.network !== undefined) return undefined;
  const { linux } = options.config;
  const isNew = (type: RuntimeNamespaceType): boolean =>
    linux.namespaces.some((namespace) => namespace.type === type) &&
    options.joinNamespaces?.has(type) !== true;
  const isShared = options.joinNamespaces?.has("user") === true;
  if (!isNew("network") || isNew("user") || isShared || areOfInterfaces(linux.sysctl ?? {})) return undefined;
  return options.takeNetwork?.();
}

/**
 * Interfaces come beside the set-up, unless that would look different without them. In a user namespace they come before: there the
 * child has to be met anyway.
 */
function networkOrder(
  { attachNetwork, config, network }: StartOptions,
  idMaps: IdMaps | undefined,
): "before" | "beside" | undefined {
  if (network !== undefined) return "beside";
  if (attachNetwork === undefined) return undefined;
  return idMaps !== undefined || areOfInterfaces(config.linux.sysctl ?? {}) ? "before" : "beside";
}

async function attachInterfaces(child: Child, attach: StartOptions["attachNetwork"]): Promise<void> {
  using netns = openChildNetwork({ pid: child.pid, parentPid: child.keeperPid });
  await attach?.(netns.fd);
}

/** Whether the process waits for the engine with its first instruction. */
export function isAnnounced(
  options: Pick<StartOptions, "whileSettingUp" | "beforeFirstInstruction">,
): boolean {
  return options.whileSettingUp !== undefined || options.beforeFirstInstruction !== undefined;
}

/** What the engine does while the process is set up, and at the end of that. */
export function meetings(
  { whileSettingUp, beforeFirstInstruction }: Pick<StartOptions, "whileSettingUp" | "beforeFirstInstruction">,
  attachNetwork?: StartOptions["attachNetwork"],
): Pick<Launch, "beside" | "onReady"> {
  return {
    beside: async (child) => {
      const ended = await Promise.allSettled([
        whileSettingUp?.(earlyStreams(child.directory)),
        attachNetwork === undefined ? undefined : attachInterfaces(child, attachNetwork),
      ]);
      for (const end of ended) if (end.status === "rejected") throw end.reason;
    },
    ...(beforeFirstInstruction === undefined
      ? {}
      : { onReady: (directory) => beforeFirstInstruction(earlyStreams(directory)) }),
  };
}

/** What of it the keeper inherits, and where the program finds it. */
export function inheritPreserved(
  { preserveFds }: Pick<StartOptions, "preserveFds">,
  inheritance: Inheritance,
): readonly PreservedFd[] | undefined {
  if (preserveFds === undefined || preserveFds.size === 0) return undefined;
  return [...preserveFds].map(([target, fd]) => ({ fd: inheritance.add(fd), target }));
}

/** Of a process that stays where its parent is. */
export const noCgroup: CgroupJoin = { writeZeroFds: [], [Symbol.dispose]: () => {} };

const nullDevice = makeDevice(1, 3);

/** SAFETY: what masked paths are covered with, so nothing else may be there. */
function checkNullDevice(): void {
  const { rdev } = lstatSync("/dev/null");
  if (rdev !== nullDevice)
    throw new Failure("unavailable", `cannot mask paths: the host's "/dev/null" is not the null device`);
}

/** The streams of a process that waits for its first instruction. */
export function earlyStreams(directory: number): EarlyStreams {
  return { attach: (options) => attachTo(directory, options) };
}
