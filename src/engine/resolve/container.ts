import { Failure } from "../../base/failure.ts";
import { type CapabilityName, resolveCapabilities } from "../../linux/process/capability.ts";
import {
  clampResourceLimit,
  findResourceName,
  type ResourceLimit,
  type ResourceName,
} from "../../linux/process/rlimit.ts";
import { formatSignal, parseSignal } from "../../spec/signal.ts";
import type { ImageDefaults } from "../../spec/image/config.ts";
import type { ContainerIsolation, ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerId } from "../../model/ids.ts";
import type { ContainerLimits } from "../../model/limits.ts";
import type { ContainerMount } from "../../model/mounts.ts";
import { resolveAppArmor } from "./app-armor.ts";
import { checkCgroupMode, isWithoutDeviceList } from "./cgroup-mode.ts";
import { checkChroots } from "./chroot-files.ts";
import { cleanPath } from "./clean-path.ts";
import { resolveCommand } from "./command.ts";
import { checkDeviceRules, checkDevices } from "./devices.ts";
import { defaultPath, expandMerges, mergeEnvironment, resolveEnvironment } from "./environment.ts";
import { checkHealthcheck } from "./health-check.ts";
import { checkMounts, defaultShmBytes } from "./mounts.ts";
import { checkHostsBase, type ExtraHost, parseExtraHosts } from "./network-files.ts";
import { quote, refuse } from "./refusal.ts";
import { checkNetworkMode } from "./network-mode.ts";
import { checkResolverWishes } from "./resolver.ts";
import { resolveResourceLimits } from "./resource-limits.ts";
import { checkRestartPolicy } from "./restart-policy.ts";
import { resolveSecrets, type ResolvedSecrets } from "./secrets.ts";
import { resolveSysctls } from "./sysctls.ts";
import { resolveSystemd } from "./systemd.ts";
import { maskedPaths, readonlyPaths } from "./system-paths.ts";

/** The facts about the machine that a plan needs. */
export interface HostFacts {
  readonly hostname: string;
  readonly domainname?: string | undefined;
  /** This process's bounding set: what it may give to a container at all. */
  readonly capabilities: ReadonlySet<CapabilityName>;
  readonly hasAppArmor?: boolean | undefined;
  readonly hasSelinux?: boolean | undefined;
  /** The highest possible values for a container; absent: no ceiling (the engine has CAP_SYS_RESOURCE). */
  readonly ceilings?:
    | {
        readonly limitOf: (resource: ResourceName) => ResourceLimit;
        /** No process that it starts can have a lower one. */
        readonly oomScoreAdj: number;
      }
    | undefined;
}

/** Everything about a container that follows from its spec, its image and the machine, before anything is made. */
export interface ResolvedContainer {
  readonly args: readonly string[];
  /** The container's own variables, which `inspect` shows. */
  readonly ownEnv: readonly string[];
  /** The variables of the spec and those of the engine, without HOME. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostname: string;
  readonly domainname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly terminal: boolean;
  readonly isSystemd: boolean;
  readonly stopSignal: string;
  readonly stopGraceMs: number;
  readonly capabilities: readonly string[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly mounts: readonly ContainerMount[];
  readonly secrets: ResolvedSecrets;
  readonly shmBytes: number;
  readonly extraHosts: readonly ExtraHost[];
  readonly appArmorProfile?: string | undefined;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly devices: ReturnType<typeof checkDevices>;
  readonly deviceRules: ReturnType<typeof checkDeviceRules>;
  readonly rlimits: ReturnType<typeof resolveResourceLimits>;
  readonly limits: ContainerLimits;
  readonly seccomp: "default" | "unconfined" | { readonly profile: string };
  readonly warnings: readonly string[];
}

/** Docker's time between the stop signal and KILL. */
export const defaultStopGraceMs = 10_000;

/** Decides all that can be decided without touching anything. Throws "invalid" in one sentence for what can't work. */
export function resolveContainer(
  id: ContainerId,
  {
    spec,
    image,
    host,
    networkOwner,
  }: {
    readonly spec: ContainerSpec;
    readonly image: ImageDefaults;
    readonly host: HostFacts;
    /** Another container whose network it has: it is called the same. */
    readonly networkOwner?: { readonly id: ContainerId; readonly spec: ContainerSpec } | undefined;
  },
): ResolvedContainer {
  const isOwn = networkOwner === undefined || sharesUts(spec) || (spec.network?.hostname ?? "") !== "";
  const named = isOwn ? { id, spec } : networkOwner;
  const hostname = resolveHostname(named.id, named.spec, host);
  const terminal = spec.process?.terminal ?? false;
  const privileged = spec.isolation?.privileged ?? false;
  const isOpen = privileged || spec.isolation?.systemPaths === "unconfined";
  const ownEnv = resolveOwnEnvironment(spec, image);
  checkChroots(spec.network?.chrootDirectories);
  const asked = checkMounts(spec.storage?.mounts);
  const args = resolveCommand(spec, image);
  const systemd = resolveSystemd(id, spec, { args, mounts: asked });
  const mounts = [...asked, ...(systemd?.mounts ?? [])];
  const limits = spec.resources?.limits ?? {};
  checkCgroupMode(spec);
  const capabilities = resolveCapabilities({
    add: spec.isolation?.capabilities?.add ?? [],
    drop: droppedCapabilities(spec),
    privileged,
    available: host.capabilities,
  });
  const appArmorProfile = resolveAppArmor(spec, { hasAppArmor: host.hasAppArmor === true });
  if (spec.isolation?.writableCgroups === true && spec.isolation?.namespaces?.cgroup === "host") {
    throw refuse("writable cgroups need a cgroup namespace of the container's own");
  }
  checkRestartPolicy(spec);
  checkNamespaces(spec);
  checkNetworkMode(spec);
  checkHostsBase(spec);
  checkResolverWishes(spec.network);
  return {
    args,
    ownEnv,
    env: resolveEnvironment([...(systemd?.env ?? []), ...ownEnv], {
      hostname,
      terminal,
      isBare: spec.process?.clearEnv === true,
    }),
    workingDirectory: resolveWorkingDirectory(spec.process?.workingDirectory, image.workingDirectory),
    user: spec.process?.user ?? image.user,
    hostname,
    domainname: named.spec.network?.domainname ?? "",
    labels: { ...image.labels, ...spec.labels },
    terminal,
    isSystemd: systemd !== undefined,
    stopSignal: resolveStopSignal(spec.lifecycle?.stopSignal || image.stopSignal || systemd?.stopSignal),
    stopGraceMs: spec.lifecycle?.stopGraceMs ?? defaultStopGraceMs,
    capabilities: [...capabilities],
    maskedPaths: isOpen ? [] : (checkPaths(spec.isolation?.maskedPaths, "masked") ?? maskedPaths),
    readonlyPaths: isOpen ? [] : (checkPaths(spec.isolation?.readonlyPaths, "read-only") ?? readonlyPaths),
    mounts,
    secrets: resolveSecrets(spec),
    shmBytes: resolveShm(spec.storage?.shmBytes),
    extraHosts: parseExtraHosts(spec.network?.extraHosts),
    appArmorProfile,
    sysctls: resolveSysctls(spec),
    devices: checkDevices(spec.resources?.devices),
    deviceRules: checkDeviceRules(spec.resources?.deviceRules),
    rlimits: resolveResourceLimits(spec.resources?.rlimits),
    limits,
    seccomp:
      privileged && spec.isolation?.seccomp === undefined
        ? "unconfined"
        : resolveSeccomp(spec.isolation?.seccomp),
    warnings: [
      ...(spec.isolation?.namespaces?.network === "host" &&
      ((spec.network?.ports ?? []).length > 0 || spec.network?.publishAll === true)
        ? ["Published ports are discarded when using host network mode"]
        : []),
      ...missingCapabilities(spec, { capabilities, available: host.capabilities }),
      ...clampWarnings(spec, host),
      ...resolveSelinux(spec, host),
      ...checkHealthcheck(spec, image),
    ],
  };
}

function resolveOwnEnvironment(
  { process: { env = [], envMerge, clearEnv = false } = {} }: ContainerSpec,
  image: ImageDefaults,
): readonly string[] {
  const own = mergeEnvironment(env, clearEnv ? [] : image.env);
  const merged = expandMerges(envMerge, clearEnv ? own : [`PATH=${defaultPath}`, ...own]);
  return merged.length === 0 ? own : mergeEnvironment(merged, own);
}

function sharesUts({ isolation: { namespaces } = {} }: ContainerSpec): boolean {
  return namespaces?.uts !== undefined && namespaces.uts !== "private";
}

function resolveHostname(id: string, spec: ContainerSpec, host: HostFacts): string {
  // The pod's, whose UTS namespace it shares.
  if (sharesUts(spec) && spec.pod !== undefined && spec.network?.hostname !== undefined)
    return spec.network?.hostname;
  if (sharesUts(spec)) {
    if (spec.network?.hostname !== undefined && spec.network?.hostname !== "") {
      throw refuse("conflicting options: hostname and the UTS mode");
    }
    return spec.isolation?.namespaces?.uts === "host" ? host.hostname : id.slice(0, 12);
  }
  const hostname =
    spec.network?.hostname === undefined || spec.network?.hostname === ""
      ? undefined
      : spec.network?.hostname;
  if (hostname !== undefined && !/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}$/.test(hostname)) {
    throw refuse(`invalid hostname: ${quote(hostname)}`);
  }
  if (spec.network?.domainname !== undefined && !/^[a-zA-Z0-9_.-]{0,64}$/.test(spec.network?.domainname)) {
    throw refuse(`invalid domainname: ${quote(spec.network?.domainname)}`);
  }
  // A container in the host's network namespace has the host's name, unless an option sets another one.
  return hostname ?? (spec.isolation?.namespaces?.network === "host" ? host.hostname : id.slice(0, 12));
}

function resolveWorkingDirectory(asked: string | undefined, image: string): string {
  const path = asked === undefined || asked === "" ? image : asked;
  if (path === "") return "/";
  if (!path.startsWith("/") || path.includes("\0")) {
    throw refuse(`the working directory '${path.slice(0, 300)}' is invalid, it needs to be an absolute path`);
  }
  return cleanPath(path);
}

/** Paths of the caller's in place of the default ones. */
function checkPaths(paths: readonly string[] | undefined, what: string): readonly string[] | undefined {
  for (const path of paths ?? []) {
    if (!path.startsWith("/") || path.includes("\0"))
      throw refuse(`invalid ${what} path ${quote(path)}: it must be absolute`);
  }
  return paths?.map(cleanPath);
}

function resolveStopSignal(text: string | undefined): string {
  return text === undefined || text === "" ? "SIGTERM" : formatSignal(parseSignal(text));
}

function resolveShm(bytes: number | undefined): number {
  if (bytes === undefined || bytes === 0) return defaultShmBytes;
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw refuse("SHM size can not be less than 0");
  return bytes;
}

function resolveSeccomp(asked: ContainerIsolation["seccomp"]): ResolvedContainer["seccomp"] {
  return asked === undefined || asked === "builtin" ? "default" : asked;
}

function checkNamespaces(spec: ContainerSpec): void {
  const user = spec.isolation?.namespaces?.user ?? "host";
  if (user !== "host" && spec.isolation?.privileged === true) {
    // Docker's own words, spaces included.
    throw refuse(
      "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode",
    );
  }
  if (
    spec.process?.umask !== undefined &&
    !(Number.isInteger(spec.process?.umask) && spec.process?.umask >= 0 && spec.process?.umask <= 0o777)
  ) {
    throw refuse(`invalid umask ${spec.process?.umask}: must be 0 to 0o777`);
  }
  if (
    spec.resources?.oomScoreAdj !== undefined &&
    (spec.resources?.oomScoreAdj < -1000 || spec.resources?.oomScoreAdj > 1000)
  ) {
    throw refuse(`Invalid value ${spec.resources?.oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  }
}

/** SELinux labels are not written yet: options that would have an effect are refused. Returns warnings. */
function resolveSelinux(
  { isolation: { selinux = [] } = {} }: ContainerSpec,
  { hasSelinux }: HostFacts,
): readonly string[] {
  const wrong = selinux.find(
    (label) => !/^(?:user|role|type|level|filetype):[^\0]{1,200}$|^nested$/.test(label),
  );
  if (wrong !== undefined) throw refuse(`invalid SELinux label ${quote(wrong)}`);
  const [label] = selinux;
  if (label === undefined) return [];
  if (hasSelinux === true) {
    throw new Failure(
      "unsupported",
      `cannot create the container: not supported yet: SELinux labels (HostConfig.SecurityOpt "label=${label}")`,
    );
  }
  return [`this host has no SELinux: label=${label} changes nothing`];
}

/** Nothing of these stops a start: what the engine can't give is left as it is. */
function clampWarnings(
  { resources: { rlimits = [], oomScoreAdj } = {} }: ContainerSpec,
  { ceilings }: HostFacts,
): string[] {
  if (ceilings === undefined) return [];
  const clamped = rlimits.flatMap(({ name, soft, hard }) => {
    const resource = findResourceName(name);
    if (resource === undefined) return [];
    return clampResourceLimit({ resource, soft, hard }, ceilings.limitOf(resource)).warning ?? [];
  });
  if (oomScoreAdj === undefined || oomScoreAdj >= ceilings.oomScoreAdj) return clamped;
  return [
    ...clamped,
    `cannot lower the out-of-memory score to ${oomScoreAdj} without CAP_SYS_RESOURCE: it stays ${ceilings.oomScoreAdj}`,
  ];
}

function droppedCapabilities(spec: ContainerSpec): readonly string[] {
  return [...(spec.isolation?.capabilities?.drop ?? []), ...(isWithoutDeviceList(spec) ? ["MKNOD"] : [])];
}

function missingCapabilities(
  spec: ContainerSpec,
  sets: {
    readonly capabilities: ReadonlySet<CapabilityName>;
    readonly available: ReadonlySet<CapabilityName>;
  },
): readonly string[] {
  if (spec.isolation?.privileged === true) return [];
  const wanted = resolveCapabilities({
    add: spec.isolation?.capabilities?.add ?? [],
    drop: droppedCapabilities(spec),
  });
  const isAll = (spec.isolation?.capabilities?.add ?? []).some((name) => name.toUpperCase() === "ALL");
  const missing = isAll ? [] : [...wanted].filter((name) => !sets.capabilities.has(name));
  if (missing.length === 0) return [];
  return [`${missing.join(", ")} cannot be given: the engine itself lacks it`];
}
