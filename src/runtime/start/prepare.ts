import { existsSync, lstatSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { MOUNT_ATTR_NODEV } from "../../linux/constants/mount.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { makeDevice } from "../../linux/files/stat.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { setMountAttributes } from "../../linux/mount/mount.ts";
import type { IdMaps } from "../../spec/id-map.ts";
import type { RuntimeNamespaceType } from "../../spec/runtime-config.ts";
import { areOfInterfaces } from "../../spec/sysctl.ts";
import { idMapsOf } from "../child-setup.ts";
import { idmapDepth, openIdmaps } from "../idmapped-mounts.ts";
import { inheritGroups, type InheritedGroups, inheritPreserved } from "../inherited.ts";
import { Inheritance } from "../keeper/inheritance.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import { isAnnounced } from "../launch-callbacks.ts";
import { type Plan, PlanBlob } from "../plan/plan.ts";
import { planSeccompPolicy } from "../plan-seccomp-policy.ts";
import { type PreparedMounts, prepareMounts } from "../prepare-mounts.ts";
import { type PreparedProcess, prepareProcess } from "../prepare-process.ts";
import type { StartOptions } from "../types.ts";

const defaultRotation = { maxBytes: 20_000_000, files: 3 };

/** All that a start's plan refers to. Plain numbers are descriptors in the keeper. */
export interface PreparedStart extends PreparedMounts {
  readonly inheritance: Inheritance;
  readonly blob: PlanBlob;
  readonly root: number;
  /** -1: there is none. */
  readonly rootLock: number;
  readonly joinNamespaces: ReadonlyMap<RuntimeNamespaceType, number>;
  readonly idMaps: IdMaps | undefined;
  readonly groups: InheritedGroups;
  /** When interfaces come into the network namespace; undefined: none come. */
  readonly network: "before" | "concurrently" | undefined;
  readonly process: PreparedProcess;
  readonly init: number | undefined;
  readonly memoryFiles: number | undefined;
  readonly held: readonly number[];
  readonly log: Plan["log"];
  readonly seccompPolicy: Pick<Plan, "seccompPolicy">;
  /** The run directory. */
  readonly directory: OwnedFd;
  readonly exitDirectory: number;
}

/**
 * Opens all that the plan refers to and registers it with what the keeper inherits. `opened` owns what is opened here.
 */
export async function prepareStart(
  program: KeeperProgram,
  options: StartOptions,
  opened: DisposableStack,
): Promise<PreparedStart> {
  const { config } = options;
  const inheritance = new Inheritance(options.prewarmedKeeper);
  const sinks = { inheritance, opened };
  const blob = new PlanBlob();
  const root = inheritance.add(options.root);
  const rootLock = options.rootLock === undefined ? -1 : inheritance.add(options.rootLock);
  setMountAttributes(options.root, {
    propagation: "private",
    recursive: true,
    set: config.root.nodev === true ? MOUNT_ATTR_NODEV : undefined,
  });
  if ((config.linux.maskedPaths ?? []).length > 0) checkNullDevice();
  const idMaps = idMapsOf(config);
  const joinNamespaces = inheritNamespaces(options, inheritance);
  const groups = inheritGroups(options, sinks);
  const mounts = await openMounts(options, { ...sinks, idMaps });
  const network = networkOrder(options, idMaps);
  const process = prepareProcess(config.process, {
    seccomp: config.linux.seccomp,
    announce: network === "concurrently" || isAnnounced(options),
    watch: options.watch,
    preserved: inheritPreserved(options.preserveFds, inheritance),
  });
  const directory = opened.use(openDirectoryPath(options.runDirectory));
  return {
    ...mounts,
    inheritance,
    blob,
    root,
    rootLock,
    joinNamespaces,
    idMaps,
    groups,
    network,
    process,
    init: options.init === true ? inheritance.add(opened.use(program.openInit()).fd) : undefined,
    memoryFiles: options.memoryFiles === undefined ? undefined : inheritance.add(options.memoryFiles),
    held: (options.heldFds ?? []).map((fd) => inheritance.add(fd)),
    log: inheritLog(options, sinks),
    seccompPolicy: planSeccompPolicy(process.planned, { ...sinks, watch: options.watch, blob }),
    directory,
    exitDirectory: inheritance.add(directory.fd),
  };
}

interface Sinks {
  readonly inheritance: Inheritance;
  readonly opened: DisposableStack;
}

function inheritNamespaces(
  { joinNamespaces, prewarmedNetwork }: StartOptions,
  inheritance: Inheritance,
): ReadonlyMap<RuntimeNamespaceType, number> {
  const inherited = new Map<RuntimeNamespaceType, number>();
  for (const [type, fd] of joinNamespaces ?? []) inherited.set(type, inheritance.add(fd));
  if (prewarmedNetwork !== undefined) inherited.set("network", inheritance.add(prewarmedNetwork.netns));
  return inherited;
}

async function openMounts(
  options: StartOptions,
  { idMaps, ...sinks }: Sinks & { readonly idMaps: IdMaps | undefined },
): Promise<PreparedMounts> {
  const { config, bindSources, ownTrees } = options;
  const isIdmapped = config.mounts.some((mount) => idmapDepth(mount) !== "none");
  return prepareMounts(config.mounts, {
    ...sinks,
    idmaps: isIdmapped ? await openIdmaps(config, options, sinks.opened) : new Map(),
    devices: config.linux.devices ?? [],
    idMaps,
    layout: options.cgroupLayout,
    cgroupPath: options.cgroup?.path ?? "",
    cgroupNamespace: config.linux.namespaces.some(({ type }) => type === "cgroup") ? "private" : "host",
    sources: bindSources,
    ownTrees,
  });
}

function inheritLog(
  { logDirectory, logRotation = defaultRotation, runDirectory }: StartOptions,
  { inheritance, opened }: Sinks,
): Plan["log"] {
  if (logDirectory === undefined) return undefined;
  return {
    directoryFd: inheritance.add(opened.use(openDirectoryPath(logDirectory)).fd),
    ...logRotation,
    // Without a record of its end, an earlier keeper may have been killed in the middle of a record.
    rotateFirst: existsSync(`${logDirectory}/log.0`) && !existsSync(`${runDirectory}/exit`),
  };
}

/**
 * Interfaces are attached concurrently with the set-up, unless the process would see the difference. With a user
 * namespace they are attached before: there the child waits for the engine in any case.
 */
function networkOrder(
  { attachNetwork, config, prewarmedNetwork }: StartOptions,
  idMaps: IdMaps | undefined,
): PreparedStart["network"] {
  if (prewarmedNetwork !== undefined)
    return prewarmedNetwork.attached === undefined ? undefined : "concurrently";
  if (attachNetwork === undefined) return undefined;
  return idMaps !== undefined || areOfInterfaces(config.linux.sysctl ?? {}) ? "before" : "concurrently";
}

const nullDevice = makeDevice(1, 3);

/** SAFETY: masked paths are covered with it, so it must be the null device. */
function checkNullDevice(): void {
  const { rdev } = lstatSync("/dev/null");
  if (rdev !== nullDevice)
    throw new Failure("unavailable", `cannot mask paths: the host's "/dev/null" is not the null device`);
}
