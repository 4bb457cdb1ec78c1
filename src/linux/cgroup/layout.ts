import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { listMounts, type MountEntry } from "../mount/mountinfo.ts";
import { isForcedAbsent } from "../kernel/without.ts";

/** A v1 hierarchy: one or more controllers together, or none and a name (`systemd`). */
export interface CgroupV1Hierarchy {
  readonly version: 1;
  readonly mountPath: string;
  readonly controllers: readonly string[];
  /** `systemd` for one mounted with `name=systemd`. */
  readonly name?: string | undefined;
}

export interface CgroupV2Hierarchy {
  readonly version: 2;
  readonly mountPath: string;
  /** Those that no v1 hierarchy holds; on a hybrid host often none. */
  readonly controllers: readonly string[];
}

export type CgroupHierarchy = CgroupV1Hierarchy | CgroupV2Hierarchy;

/** How this host has its cgroups: v1, v2, or both (hybrid). A controller lives in at most one of them. */
export interface CgroupLayout {
  readonly v1: readonly CgroupV1Hierarchy[];
  readonly v2?: CgroupV2Hierarchy | undefined;
  /** Whether swap can be limited. */
  readonly swapAccounting: boolean;
  /** Usable here, as lists: `0-3,8`. */
  readonly cpus: string;
  readonly memoryNodes: string;
  /** Sizes of huge pages, as the files name them: `2MB`. Read when it is first asked for. */
  readonly hugePageSizes?: readonly string[] | undefined;
  /** Whether this kernel's cgroups have that file of a controller; absent: all that its documentation names. */
  readonly hasFile?: ((controller: string, file: string) => boolean) | undefined;
}

/** Where a controller lives; undefined when the kernel lacks it or nothing has it mounted. */
export function findController(layout: CgroupLayout, controller: string): CgroupHierarchy | undefined {
  const v1 = layout.v1.find((hierarchy) => hierarchy.controllers.includes(controller));
  if (v1 !== undefined) return v1;
  return layout.v2?.controllers.includes(controller) === true ? layout.v2 : undefined;
}

/** Whether that limit can be kept: the controller is there, and the file of it. */
export function hasControlFile(layout: CgroupLayout, controller: string, file: string): boolean {
  return findController(layout, controller) !== undefined && (layout.hasFile?.(controller, file) ?? true);
}

/** All hierarchies, v2 first. */
export function hierarchiesOf(layout: CgroupLayout): readonly CgroupHierarchy[] {
  return layout.v2 === undefined ? layout.v1 : [layout.v2, ...layout.v1];
}

/** The hierarchies on a mount table; of several mounts of one the first counts. */
export function parseCgroupHierarchies(
  mounts: readonly MountEntry[],
  v2Controllers: (mountPath: string) => readonly string[],
): Pick<CgroupLayout, "v1" | "v2"> {
  const v1 = new Map<string, CgroupV1Hierarchy>();
  for (const mount of mounts.filter((entry) => entry.type === "cgroup")) {
    const key = mount.device;
    if (v1.has(key)) continue;
    const name = mount.superOptions.find((option) => option.startsWith("name="))?.slice("name=".length);
    v1.set(key, {
      version: 1,
      mountPath: mount.target,
      controllers: mount.superOptions.filter((option) => knownV1.has(option)),
      name,
    });
  }
  const unified = mounts.find((entry) => entry.type === "cgroup2");
  return {
    v1: [...v1.values()],
    v2: unified && { version: 2, mountPath: unified.target, controllers: v2Controllers(unified.target) },
  };
}

/** The other words among the mount options (`rw`, `xattr`, `release_agent=…`) are not controllers. */
const knownV1: ReadonlySet<string> = new Set([
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
]);

/** Reads this host's layout: some ten small files. Nothing mounted gives a layout without hierarchies. */
export function detectCgroups(): CgroupLayout {
  const found = parseCgroupHierarchies(listMounts(), (mountPath) =>
    readWords(join(mountPath, "cgroup.controllers")),
  );
  const v1 = isForcedAbsent("cgroup1") ? [] : found.v1;
  const v2 = isForcedAbsent("cgroup2") ? undefined : found.v2;
  const hierarchies = { v1, v2 };
  const partial: CgroupLayout = { ...hierarchies, swapAccounting: false, cpus: "", memoryNodes: "" };
  return {
    ...hierarchies,
    swapAccounting: !isForcedAbsent("swap-accounting") && hasSwapAccounting(partial),
    cpus: readCpuset(partial, "cpus") ?? readText("/sys/devices/system/cpu/online") ?? "0",
    memoryNodes: readCpuset(partial, "mems") ?? readText("/sys/devices/system/node/online") ?? "0",
  };
}

function readCpuset(layout: CgroupLayout, kind: "cpus" | "mems"): string | undefined {
  const hierarchy = findController(layout, "cpuset");
  if (hierarchy === undefined) return undefined;
  const names =
    hierarchy.version === 1 ? [`cpuset.effective_${kind}`, `cpuset.${kind}`] : [`cpuset.${kind}.effective`];
  return names.map((name) => readText(join(hierarchy.mountPath, name))).find((text) => text !== undefined);
}

function hasSwapAccounting(layout: CgroupLayout): boolean {
  const hierarchy = findController(layout, "memory");
  if (hierarchy === undefined) return false;
  if (hierarchy.version === 1) return existsSync(join(hierarchy.mountPath, "memory.memsw.limit_in_bytes"));
  // The root has no limits: ask any cgroup below it that has the controller.
  const child = [".", ...readdirSync(hierarchy.mountPath)].find((name) =>
    existsSync(join(hierarchy.mountPath, name, "memory.max")),
  );
  if (child !== undefined) return existsSync(join(hierarchy.mountPath, child, "memory.swap.max"));
  return existsSync("/proc/swaps") && !(readText("/proc/cmdline") ?? "").includes("swapaccount=0");
}

function readWords(path: string): string[] {
  return (readText(path) ?? "").split(/\s+/).filter((word) => word !== "");
}

function readText(path: string): string | undefined {
  try {
    const text = readFileSync(path, "latin1").trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

/** The name of a v1 hierarchy's directory below /sys/fs/cgroup: `cpu,cpuacct`, `systemd`. */
export function directoryNameOf(hierarchy: CgroupHierarchy): string {
  return basename(hierarchy.mountPath);
}
