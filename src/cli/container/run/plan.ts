import type { ContainerCreateRequest } from "../../../api/types/container.ts";
import type { HostConfig } from "../../../api/types/host-config.ts";
import { optionFailure } from "../../flags/flag.ts";
import { parseDevice } from "../flags/devices.ts";
import { readFile, readKeyValueFile } from "../flags/key-value-file.ts";
import { planNamespaces } from "../flags/namespace-modes.ts";
import { planNetworkFlags } from "../flags/network-flags.ts";
import { ownEnvironment, ownMounts, ownTmpfs } from "../flags/own-flags.ts";
import { withoutPodWishes } from "./pod-of-container.ts";
import { planNotify } from "../flags/podman-flags.ts";
import { planPlatformFlags } from "../flags/platform-flags.ts";
import { planResourceFlags } from "../flags/resource-flags.ts";
import { planSecurity } from "../flags/security-options.ts";
import { parseRestartPolicy } from "../flags/restart-policy.ts";
import { planTareFields } from "./tare-fields.ts";
import { parseUlimit } from "../flags/ulimit.ts";
import type { ContainerValues } from "../flags/values.ts";
import { type PlannedVolumes, planTmpfs, planVolumes } from "../flags/volumes.ts";

export interface PlanInput {
  readonly values: ContainerValues;
  readonly given: ReadonlySet<string>;
  readonly image: string;
  readonly command: readonly string[];
  /** Runs without us: nothing is attached. */
  readonly isDetached: boolean;
  /** Rows and columns of our terminal, where it is one. */
  readonly consoleSize?: readonly [rows: number, columns: number];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The streams that a client joins: those asked for, else output, and input with `-i`. */
export interface Attached {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export function planAttached(values: ContainerValues, isDetached: boolean): Attached {
  const { attach, interactive } = values;
  if (isDetached) return { stdin: false, stdout: false, stderr: false };
  if (attach.length === 0) return { stdin: interactive, stdout: true, stderr: true };
  return {
    stdin: attach.includes("stdin"),
    stdout: attach.includes("stdout"),
    stderr: attach.includes("stderr"),
  };
}

/** The body of the request that makes the container. Reads the files its options name; throws optionFailure(). */
export function planContainer(input: PlanInput): ContainerCreateRequest {
  const { given, image, command, cwd, env } = input;
  const values = withoutPodWishes(input.values);
  const attached = planAttached(values, input.isDetached);
  if (values.rm && given.has("restart") && !["no", ""].includes(values.restart)) {
    throw optionFailure("Conflicting options: --restart and --rm");
  }
  if (values["no-healthcheck"] && given.has("health-cmd")) {
    throw optionFailure("--no-healthcheck conflicts with --health-* options");
  }
  const volumes = planVolumes(values.volume, cwd);
  const networks = planNetworkFlags(values);
  return {
    Hostname: values.hostname,
    Domainname: values.domainname,
    User: values.user,
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    Tty: values.tty,
    OpenStdin: values.interactive,
    StdinOnce: values.interactive && attached.stdin,
    Env: [...ownEnvironment(values, env), ...planNotify(values, env).env, ...planEnv(values, { cwd, env })],
    Cmd: command.length === 0 ? null : command,
    Image: image,
    WorkingDir: values.workdir,
    Entrypoint: values.entrypoint === undefined ? null : [values.entrypoint],
    Labels: planLabels(values, cwd),
    ...(values["no-healthcheck"] ? { Healthcheck: { Test: ["NONE"] } } : {}),
    ...(values["stop-signal"] === "" ? {} : { StopSignal: values["stop-signal"] }),
    ...(values["stop-timeout"] === undefined ? {} : { StopTimeout: values["stop-timeout"] }),
    ...(volumes.anonymous.length === 0
      ? {}
      : { Volumes: Object.fromEntries(volumes.anonymous.map((path) => [path, {}])) }),
    ...(Object.keys(networks.exposed).length === 0 ? {} : { ExposedPorts: networks.exposed }),
    ...(networks.macAddress === undefined ? {} : { MacAddress: networks.macAddress }),
    HostConfig: { ...planHostConfig({ ...input, values }, volumes), ...networks.hostConfig },
    ...(networks.networkingConfig === undefined ? {} : { NetworkingConfig: networks.networkingConfig }),
  };
}

function planHostConfig(
  { values, given, cwd, env, consoleSize }: PlanInput,
  volumes: PlannedVolumes,
): HostConfig {
  const security = planSecurity(values["security-opt"], (path) => readFile(path, cwd).toString("utf8"));
  const mounts = [...values.mount, ...ownMounts(values), ...planNotify(values, env).mounts];
  const asked = planTmpfs(values.tmpfs);
  const tmpfs = {
    ...ownTmpfs(values, () => [
      ...mounts.map(({ Target }) => Target),
      ...volumes.binds.map((bind) => bind.split(":")[1]),
      ...Object.keys(asked),
    ]),
    ...asked,
  };
  return {
    ...planNamespaces(values),
    ...planResources(values),
    ...planResourceFlags(values),
    ...planPlatformFlags(values),
    ...(volumes.binds.length === 0 ? {} : { Binds: volumes.binds }),
    ...(mounts.length === 0 ? {} : { Mounts: mounts }),
    ...(values["volume-driver"] === "" ? {} : { VolumeDriver: values["volume-driver"] }),
    ...(values["volumes-from"].length === 0 ? {} : { VolumesFrom: values["volumes-from"] }),
    ...(Object.keys(tmpfs).length === 0 ? {} : { Tmpfs: tmpfs }),
    ...(values.cidfile === "" ? {} : { ContainerIDFile: values.cidfile }),
    ...(Object.keys(values.annotation).length === 0 ? {} : { Annotations: values.annotation }),
    ...(security.isUnmasked ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    ...(consoleSize === undefined ? {} : { ConsoleSize: consoleSize }),
    ...(values["oom-score-adj"] === undefined ? {} : { OomScoreAdj: values["oom-score-adj"] }),
    ...(values["shm-size"] === undefined ? {} : { ShmSize: values["shm-size"] }),
    ...(Object.keys(values.sysctl).length === 0 ? {} : { Sysctls: values.sysctl }),
    ...(given.has("init") ? { Init: values.init } : {}),
    ...(values.device.length === 0 ? {} : { Devices: values.device.map(parseDevice) }),
    ...(values["device-cgroup-rule"].length === 0 ? {} : { DeviceCgroupRules: values["device-cgroup-rule"] }),
    ...(given.has("restart") ? { RestartPolicy: parseRestartPolicy(values.restart) } : {}),
    ...planLogFlags(values),
    AutoRemove: values.rm,
    Privileged: values.privileged,
    ReadonlyRootfs: values["read-only"],
    CapAdd: orNull(values["cap-add"]),
    CapDrop: orNull(values["cap-drop"]),
    ExtraHosts: orNull(values["add-host"]),
    GroupAdd: orNull(values["group-add"]),
    SecurityOpt: orNull(security.options),
    ...planTareFields(values, { env, cwd }),
  };
}

function planLogFlags({ "log-driver": driver, "log-opt": options }: ContainerValues): HostConfig {
  if (driver === "" && options.length === 0) return {};
  if (driver === "none" && options.length > 0) throw optionFailure("invalid logging opts for driver none");
  return { LogConfig: { Type: driver, Config: Object.fromEntries(options.map(splitAtEquals)) } };
}

function planResources(values: ContainerValues): HostConfig {
  const { ulimit } = values;
  return {
    ...planLimitFlags(values),
    ...(values["cpu-period"] === undefined ? {} : { CpuPeriod: values["cpu-period"] }),
    ...(values["cpu-quota"] === undefined ? {} : { CpuQuota: values["cpu-quota"] }),
    ...(values["cgroup-parent"] === "" ? {} : { CgroupParent: values["cgroup-parent"] }),
    ...(values["pids-limit"] === undefined ? {} : { PidsLimit: values["pids-limit"] }),
    ...(ulimit.length === 0 ? {} : { Ulimits: ulimit.map(parseUlimit) }),
  };
}

/** Those that a pod has, too. */
export function planLimitFlags(
  values: Pick<
    ContainerValues,
    "cpu-shares" | "cpus" | "cpuset-cpus" | "cpuset-mems" | "memory" | "memory-swap"
  >,
): HostConfig {
  const { memory, cpus } = values;
  return {
    ...(memory === undefined ? {} : { Memory: memory }),
    ...(values["memory-swap"] === undefined ? {} : { MemorySwap: values["memory-swap"] }),
    ...(cpus === undefined ? {} : { NanoCpus: cpus }),
    ...(values["cpu-shares"] === undefined ? {} : { CpuShares: values["cpu-shares"] }),
    ...(values["cpuset-cpus"] === "" ? {} : { CpusetCpus: values["cpuset-cpus"] }),
    ...(values["cpuset-mems"] === "" ? {} : { CpusetMems: values["cpuset-mems"] }),
  };
}

/** Files first, so that `--env` wins. A name alone takes our own value, or says that the image's is not wanted. */
export function planEnv(
  values: { readonly env: readonly string[]; readonly "env-file": readonly string[] },
  places: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): readonly string[] {
  if (values.env.length === 0 && values["env-file"].length === 0) return [];
  const fromFiles = values["env-file"].flatMap((path) => readKeyValueFile(path, places));
  const own = values.env.map((entry) => {
    const value = entry.includes("=") ? undefined : places.env[entry];
    return value === undefined ? entry : `${entry}=${value}`;
  });
  return [...fromFiles, ...own];
}

/** `--label` and `--label-file`, by name. */
export function planLabels(
  values: Pick<ContainerValues, "label" | "label-file">,
  cwd: string,
): Readonly<Record<string, string>> {
  if (values.label.length === 0 && values["label-file"].length === 0) return {};
  const entries = [
    ...values["label-file"].flatMap((path) => readKeyValueFile(path, { cwd })),
    ...values.label,
  ];
  return Object.fromEntries(entries.map(splitAtEquals));
}

function splitAtEquals(entry: string): readonly [string, string] {
  const at = entry.indexOf("=");
  return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

function orNull<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items;
}
