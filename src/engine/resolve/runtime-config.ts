import { defined } from "../../base/defined.ts";
import type { ResolvedUser } from "../../spec/passwd.ts";
import type { SeccompProfile } from "../../spec/seccomp.ts";
import type {
  RuntimeConfig,
  RuntimeDevice,
  RuntimeMount,
  RuntimeNamespaceType,
  RuntimeResources,
} from "../../spec/runtime-config.ts";
import { findHostId, type IdMaps } from "../../spec/id-map.ts";
import { splitSeconds } from "../../spec/time-offsets.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { isWithoutDeviceList } from "./cgroup-mode.ts";
import { resolveDevices } from "./devices.ts";
import { withHome } from "./environment.ts";
import { resolveMounts } from "./mounts.ts";
import type { ResolvedContainer } from "./container.ts";
import { withSecrets } from "./secrets.ts";

/** Facts that are available only when a container is about to start. */
export interface StartFacts {
  readonly user: ResolvedUser;
  /** Of the user namespace. */
  readonly idMaps?: IdMaps | undefined;
  /** With one: namespaces that belong to another. */
  readonly foreign?: readonly RuntimeNamespaceType[] | undefined;
  /** See MountPlanInput. */
  readonly idmaps?: ReadonlyMap<string, IdMaps> | undefined;
  /** Sources of /etc/hosts and its like, by target. */
  readonly files: Readonly<Record<string, string>>;
  /** Cgroup path below each hierarchy. */
  readonly cgroup: string;
  /** For a privileged container. */
  readonly hostDevices: readonly RuntimeDevice[];
  /** Those asked for. */
  readonly devices: readonly RuntimeDevice[];
  readonly seccomp: "default" | SeccompProfile | undefined;
  /** Of device requests. */
  readonly injectedMounts?: readonly RuntimeMount[] | undefined;
  /** Where the shared /dev/shm of an IPC namespace is, on the host or through a container's root. */
  readonly sharedShm?: string | undefined;
  /** `NAME=value` of secrets. */
  readonly secretVariables?: readonly string[] | undefined;
}

/** The runtime's input. Pure. */
export function toRuntimeConfig(
  spec: ContainerSpec,
  {
    plan,
    facts,
    resources,
  }: {
    readonly plan: ResolvedContainer;
    readonly facts: StartFacts;
    readonly resources: RuntimeResources;
  },
): RuntimeConfig {
  const privileged = spec.isolation?.privileged ?? false;
  const { user } = facts;
  const ownsUts = (spec.isolation?.namespaces?.uts ?? "private") === "private";
  return {
    ociVersion: "1.2.0",
    process: {
      terminal: plan.terminal,
      consoleSize: spec.process?.consoleSize && {
        height: spec.process?.consoleSize.rows,
        width: spec.process?.consoleSize.columns,
      },
      user: {
        uid: user.uid,
        gid: user.gid,
        additionalGids: user.additionalGids,
        umask: spec.process?.umask,
      },
      args: plan.args,
      env: withSecrets(withHome(plan.env, user.home), facts.secretVariables ?? []),
      cwd: plan.workingDirectory,
      capabilities: {
        bounding: plan.capabilities,
        effective: plan.capabilities,
        permitted: plan.capabilities,
      },
      rlimits: plan.rlimits,
      noNewPrivileges: spec.isolation?.noNewPrivileges ?? false,
      personality: spec.process?.personality,
      apparmorProfile: plan.appArmorProfile,
      oomScoreAdj: spec.resources?.oomScoreAdj,
    },
    root: {
      path: "rootfs",
      readonly: spec.storage?.readOnlyRoot ?? false,
      nodev: isWithoutDeviceList(spec) || undefined,
    },
    hostname: ownsUts ? plan.hostname : undefined,
    domainname: ownsUts && plan.domainname !== "" ? plan.domainname : undefined,
    mounts: resolveMounts({
      privileged,
      nodev: isWithoutDeviceList(spec) || undefined,
      cgroups:
        spec.resources?.cgroups === "disabled"
          ? "absent"
          : privileged || spec.isolation?.writableCgroups === true
            ? "writable"
            : plan.isSystemd && spec.isolation?.namespaces?.cgroup !== "host"
              ? "systemd"
              : "readonly",
      shmBytes: spec.isolation?.namespaces?.ipc === "none" ? undefined : plan.shmBytes,
      files: facts.files,
      readOnlyRoot: spec.storage?.readOnlyRoot ?? false,
      mounts: plan.mounts,
      secrets: plan.secrets.files,
      injected: facts.injectedMounts,
      sharedShm: facts.sharedShm,
      idmaps: facts.idmaps,
      foreign: facts.idMaps && (facts.foreign ?? []),
      hasTerminalGroup: facts.idMaps && findHostId(facts.idMaps.gids, terminalGroup) !== undefined,
    }),
    annotations: spec.annotations,
    linux: {
      namespaces: toRuntimeNamespaces(spec),
      uidMappings: facts.idMaps?.uids,
      gidMappings: facts.idMaps?.gids,
      ...toRuntimeTimeOffsets(spec),
      devices: resolveDevices(
        // systemd would take the host's consoles over.
        (privileged ? facts.hostDevices : []).filter(
          ({ path }) => !plan.isSystemd || !/^\/dev\/tty\d+$/.test(path),
        ),
        facts.devices,
      ),
      cgroupsPath: facts.cgroup,
      resources,
      rootfsPropagation: "rprivate",
      seccomp: facts.seccomp,
      maskedPaths: plan.maskedPaths,
      readonlyPaths: plan.readonlyPaths,
      sysctl: plan.sysctls,
    },
  };
}

/** Those that are new or joined; the runtime gets descriptors of the latter. */
function toRuntimeNamespaces(spec: ContainerSpec): RuntimeConfig["linux"]["namespaces"] {
  const modes: readonly (readonly [RuntimeNamespaceType, unknown])[] = [
    ["mount", "private"],
    ["network", spec.isolation?.namespaces?.network],
    ["uts", spec.isolation?.namespaces?.uts],
    ["pid", spec.isolation?.namespaces?.pid],
    ["ipc", spec.isolation?.namespaces?.ipc],
    ["cgroup", spec.isolation?.namespaces?.cgroup],
    ["user", spec.isolation?.namespaces?.user ?? "host"],
    ["time", spec.isolation?.timeOffsets === undefined ? "host" : "private"],
  ];
  return modes.filter(([, mode]) => mode !== "host").map(([type]) => ({ type }));
}

/** "tty", whose members may write to every terminal. */
const terminalGroup = 5;

function toRuntimeTimeOffsets({
  isolation: { timeOffsets } = {},
}: ContainerSpec): Pick<RuntimeConfig["linux"], "timeOffsets"> {
  if (timeOffsets === undefined) return {};
  const { monotonicMs, boottimeMs } = timeOffsets;
  return {
    timeOffsets: defined({
      monotonic: monotonicMs === undefined ? undefined : splitSeconds(monotonicMs),
      boottime: boottimeMs === undefined ? undefined : splitSeconds(boottimeMs),
    }),
  };
}
