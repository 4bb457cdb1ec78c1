import { Failure } from "../../base/failure.ts";
import { requireTarget } from "./bind-text.ts";
import type { CreateRequest } from "./create-request.ts";
import { planDevices, type PlannedDevices } from "./device-fields.ts";
import { parseConsoleSize } from "./exec-request.ts";
import { type PlannedLog, planLog } from "./log-config.ts";
import { type PlannedLimits, planLimits } from "./limits.ts";
import { type NamespaceModes, planNamespaces } from "./modes.ts";
import { type PlannedEndpoint, planEndpoints } from "./endpoints.ts";
import { type PlannedPorts, planExposed, planPorts } from "./published-ports.ts";
import { type PlannedMount, planMounts, planVolumesFrom } from "./mounts.ts";
import { checkPlatform, planStorageSize } from "./platform.ts";
import { type PlannedSecurity, planSecurity } from "./security.ts";
import { type PlannedRestartPolicy, planRestartPolicy } from "./restart-policy.ts";
import { type PlannedTareFields, planTareFields } from "./tare-fields.ts";
import { refuseUnsupported } from "./unsupported-fields.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig } from "../types/host-config.ts";

/** A request in the engine's units and unions; assignable to its ContainerSpec. */
export interface ContainerPlan extends PlannedSecurity, PlannedDevices, PlannedTareFields {
  readonly image: string;
  readonly name?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly cgroupParent?: string;
  readonly workingDirectory?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly terminal: boolean;
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly stopSignal?: string;
  readonly stopGraceMs?: number;
  readonly autoRemove: boolean;
  readonly namespaces: NamespaceModes;
  readonly limits: PlannedLimits;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly privileged: boolean;
  readonly readOnlyRoot: boolean;
  readonly mounts: readonly PlannedMount[];
  readonly restartPolicy?: PlannedRestartPolicy;
  readonly init?: boolean;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly volumesFrom?: ReturnType<typeof planVolumesFrom>;
  readonly shmBytes?: number;
  readonly extraHosts: readonly string[];
  readonly networks?: readonly PlannedEndpoint[];
  readonly ports?: readonly PlannedPorts[];
  readonly exposedPorts?: readonly string[];
  readonly publishAll?: boolean;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly rlimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly storageBytes?: number;
  readonly oomScoreAdj?: number;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  readonly log?: PlannedLog;
  readonly healthcheck?: readonly string[];
  readonly received: { readonly config: ContainerConfig; readonly hostConfig: HostConfig };
}

/** As long as a timer can wait: 24 days. */
const endlessMs = 2 ** 31 - 1;

/** Seconds of grace as the API has them: negative means without end. */
export function graceMsOf(seconds: number): number {
  return seconds < 0 ? endlessMs : Math.min(seconds * 1000, endlessMs);
}

/**
 * Judges a request and translates it. Throws Failure("unsupported") naming every field that asks for what we do not
 * have yet, "invalid" for what can never work.
 */
export function planContainer(request: CreateRequest, name: string | undefined): ContainerPlan {
  refuseUnsupported(request);
  checkPlatform(request.hostConfig);
  const { config, hostConfig } = request;
  if (config.Image === undefined || config.Image === "") {
    throw new Failure("invalid", "cannot create the container: the request names no image");
  }
  return {
    image: config.Image,
    ...(name === undefined ? {} : { name: name.replace(/^\//, "") }),
    ...planConfig(config),
    ...planHost(hostConfig),
    ...planSecurity(hostConfig),
    ...planDevices(hostConfig),
    ...planTareFields(hostConfig.Tare ?? {}),
    namespaces: planNamespaces(request),
    limits: planLimits(hostConfig),
    mounts: planMounts(hostConfig),
    ...given({
      volumes: nonEmpty(Object.keys(config.Volumes ?? {}).map(requireVolume)),
      volumesFrom: nonEmpty(planVolumesFrom(hostConfig.VolumesFrom)),
      networks: nonEmpty(planEndpoints(request)),
      ports: nonEmpty(planPorts(hostConfig)),
      exposedPorts: nonEmpty(planExposed(config)),
    }),
    rlimits: (hostConfig.Ulimits ?? []).map(planUlimit),
    received: withoutPorts(config, hostConfig),
  };
}

/** Ports are told from the plan, where a range is one entry, and an update changes them. */
function withoutPorts(config: ContainerConfig, hostConfig: HostConfig): ContainerPlan["received"] {
  const { ExposedPorts: exposed, ...rest } = config;
  const { PortBindings: _, ...host } = hostConfig;
  return { config: Object.keys(exposed ?? {}).length === 0 ? config : rest, hostConfig: host };
}

function requireVolume(path: string): string {
  requireTarget(path, "volume");
  return path;
}

function planConfig(config: ContainerConfig) {
  return {
    terminal: config.Tty ?? false,
    openStdin: config.OpenStdin ?? false,
    stdinOnce: config.StdinOnce ?? false,
    ...given({
      // An empty list is how clients write "nothing said". `[""]` is docker-cli's `--entrypoint ""`: not even the image's.
      command: nonEmpty(config.Cmd),
      entrypoint: nonEmpty(config.Entrypoint),
      env: nonEmpty(config.Env),
      labels: config.Labels ?? undefined,
      user: config.User || undefined,
      workingDirectory: config.WorkingDir || undefined,
      hostname: config.Hostname || undefined,
      domainname: config.Domainname || undefined,
      stopSignal: config.StopSignal || undefined,
      healthcheck: nonEmpty(config.Healthcheck?.Test),
      stopGraceMs: typeof config.StopTimeout === "number" ? graceMsOf(config.StopTimeout) : undefined,
    }),
  };
}

function planHost(hostConfig: HostConfig) {
  const shmBytes = hostConfig.ShmSize ?? 0;
  const policy = planRestartPolicy(hostConfig.RestartPolicy);
  if (shmBytes < 0) throw new Failure("invalid", "SHM size can not be less than 0");
  return {
    autoRemove: hostConfig.AutoRemove ?? false,
    capabilities: { add: hostConfig.CapAdd ?? [], drop: hostConfig.CapDrop ?? [] },
    privileged: hostConfig.Privileged ?? false,
    readOnlyRoot: hostConfig.ReadonlyRootfs ?? false,
    extraHosts: (hostConfig.ExtraHosts ?? []).map(requireHost),
    ...given({
      restartPolicy: policy?.name === "no" ? undefined : policy,
      init: hostConfig.Init ?? undefined,
      annotations: hostConfig.Annotations ?? undefined,
      sysctls: Object.keys(hostConfig.Sysctls ?? {}).length === 0 ? undefined : (hostConfig.Sysctls ?? {}),
      groupAdd: nonEmpty(hostConfig.GroupAdd),
      cgroupParent: hostConfig.CgroupParent || undefined,
      publishAll: hostConfig.PublishAllPorts || undefined,
      dns: nonEmpty(hostConfig.Dns),
      dnsSearch: nonEmpty(hostConfig.DnsSearch),
      dnsOptions: nonEmpty(hostConfig.DnsOptions),
      shmBytes: shmBytes === 0 ? undefined : shmBytes,
      storageBytes: planStorageSize(hostConfig.StorageOpt),
      oomScoreAdj: hostConfig.OomScoreAdj === 0 ? undefined : hostConfig.OomScoreAdj,
      consoleSize: parseConsoleSize(hostConfig.ConsoleSize),
      log: planLog(hostConfig.LogConfig ?? {}),
    }),
  };
}

function requireHost(text: string): string {
  const [, address] = /^[^:=]+[:=](.+)$/.exec(text) ?? [];
  if (address === undefined) throw new Failure("invalid", `bad format for add-host: "${text.slice(0, 200)}"`);
  return text.replace("=", ":");
}

function planUlimit({ Name = "", Soft = 0, Hard = 0 }: { Name?: string; Soft?: number; Hard?: number }) {
  if (!/^[a-z]{1,20}$/.test(Name)) throw new Failure("invalid", `invalid ulimit type: ${Name.slice(0, 50)}`);
  if (Hard >= 0 && (Soft > Hard || Soft < 0)) {
    throw new Failure(
      "invalid",
      `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
    );
  }
  return { name: Name, soft: Soft, hard: Hard };
}

function nonEmpty<T>(list: readonly T[] | null | undefined): readonly T[] | undefined {
  return list === undefined || list === null || list.length === 0 ? undefined : list;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}
