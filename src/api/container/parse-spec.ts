import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type {
  ContainerIsolation,
  ContainerLifecycle,
  ContainerNetwork,
  ContainerProcess,
  ContainerResources,
  ContainerSpec,
  ContainerStorage,
} from "../../model/container-spec.ts";
import { requireTarget } from "./bind-text.ts";
import { checkCreateRequest } from "./create-checks.ts";
import type { CreateRequest } from "./create-request.ts";
import { parseDevices } from "./device-fields.ts";
import { parseConsoleSize } from "./exec-request.ts";
import { parseLog } from "./log-config.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { parseLimits } from "./limits.ts";
import { parseNamespaces } from "./modes.ts";
import { parseEndpoints } from "./endpoints.ts";
import { parseExposed, parsePorts } from "./published-ports.ts";
import { parseMounts, parseVolumesFrom } from "./mounts.ts";
import { checkPlatform, parseStorageSize } from "./platform.ts";
import { parseSecurity } from "./security.ts";
import { readRestartPolicy } from "./restart-policy.ts";
import { parseTareFields } from "./tare-fields.ts";
import { refuseUnsupported } from "./unsupported-fields.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig } from "../types/host-config.ts";

/** As long as a timer can wait: 24 days. */
const endlessMs = 2 ** 31 - 1;

/** Seconds of grace as the API has them: negative means without end. */
export function graceMsOf(seconds: number): number {
  return seconds < 0 ? endlessMs : Math.min(seconds * 1000, endlessMs);
}

/**
 * The configuration that a request describes. Throws Failure("unsupported") naming every field that asks for what Tare
 * lacks, "invalid" for what can never work.
 */
export function parseContainerSpec(request: CreateRequest, name: string | undefined): ContainerSpec {
  refuseUnsupported(request);
  checkCreateRequest(request);
  checkPlatform(request.hostConfig);
  const { config, hostConfig } = request;
  if (config.Image === undefined || config.Image === "") {
    throw new Failure("invalid", "cannot create the container: the request names no image");
  }
  const { pod, process, isolation, resources, storage, network, lifecycle } = parseTareFields(
    hostConfig.Tare ?? {},
  );
  return {
    image: config.Image,
    name: name?.replace(/^\//, ""),
    labels: config.Labels ?? undefined,
    annotations: hostConfig.Annotations ?? undefined,
    pod,
    process: mergeDefined(parseProcess(config, hostConfig), process),
    isolation: mergeDefined(parseIsolation(request), isolation),
    resources: mergeDefined(parseResources(hostConfig), resources),
    storage: mergeDefined(parseStorage(config, hostConfig), storage),
    network: mergeDefined(parseNetwork(request), network),
    lifecycle: mergeDefined(parseLifecycle(config, hostConfig), lifecycle),
    received: withoutPorts(config, hostConfig),
  };
}

/** Ports come from the spec, where a range is one entry, and an update changes them. */
function withoutPorts(
  config: ContainerConfig,
  hostConfig: HostConfig,
): NonNullable<ContainerSpec["received"]> {
  const { ExposedPorts: exposed, ...rest } = config;
  const { PortBindings: _, ...host } = hostConfig;
  return { config: Object.keys(exposed ?? {}).length === 0 ? config : rest, hostConfig: host };
}

function requireVolume(path: string): string {
  requireTarget(path, "volume");
  return path;
}

function parseProcess(config: ContainerConfig, hostConfig: HostConfig): ContainerProcess {
  return {
    terminal: config.Tty ?? false,
    openStdin: config.OpenStdin ?? false,
    stdinOnce: config.StdinOnce ?? false,
    // Clients write an absent value as an empty list. `[""]` is docker-cli's `--entrypoint ""`: not even the image's.
    command: nonEmpty(config.Cmd),
    entrypoint: nonEmpty(config.Entrypoint),
    env: nonEmpty(config.Env),
    user: config.User || undefined,
    groupAdd: nonEmpty(hostConfig.GroupAdd),
    workingDirectory: config.WorkingDir || undefined,
    consoleSize: parseConsoleSize(hostConfig.ConsoleSize),
    init: hostConfig.Init ?? undefined,
    shell: nonEmpty(config.Shell),
  };
}

function parseIsolation(request: CreateRequest): ContainerIsolation {
  const { hostConfig } = request;
  const { Sysctls: sysctls } = hostConfig;
  return {
    ...parseSecurity(hostConfig),
    namespaces: parseNamespaces(request),
    privileged: hostConfig.Privileged ?? false,
    capabilities: { add: hostConfig.CapAdd ?? [], drop: hostConfig.CapDrop ?? [] },
    sysctls: Object.keys(sysctls ?? {}).length === 0 ? undefined : (sysctls ?? undefined),
  };
}

function parseResources(hostConfig: HostConfig): ContainerResources {
  return {
    limits: parseLimits(hostConfig),
    rlimits: (hostConfig.Ulimits ?? []).map(parseUlimit),
    ...parseDevices(hostConfig),
    cgroupParent: hostConfig.CgroupParent || undefined,
    oomScoreAdj: hostConfig.OomScoreAdj === 0 ? undefined : hostConfig.OomScoreAdj,
  };
}

function parseStorage(config: ContainerConfig, hostConfig: HostConfig): ContainerStorage {
  const { ShmSize: shmBytes = 0 } = hostConfig;
  if (shmBytes < 0) throw new Failure("invalid", "SHM size can not be less than 0");
  return {
    readOnlyRoot: hostConfig.ReadonlyRootfs ?? false,
    mounts: parseMounts(hostConfig),
    volumes: nonEmpty(Object.keys(config.Volumes ?? {}).map(requireVolume)),
    volumesFrom: nonEmpty(parseVolumesFrom(hostConfig.VolumesFrom)),
    storageBytes: parseStorageSize(hostConfig.StorageOpt),
    shmBytes: shmBytes === 0 ? undefined : shmBytes,
    log: parseLog(hostConfig.LogConfig ?? {}),
  };
}

function parseNetwork(request: CreateRequest): ContainerNetwork {
  const { config, hostConfig } = request;
  return {
    extraHosts: (hostConfig.ExtraHosts ?? []).map(requireHost),
    hostname: config.Hostname || undefined,
    domainname: config.Domainname || undefined,
    networks: nonEmpty(parseEndpoints(request)),
    ports: nonEmpty(parsePorts(hostConfig)),
    exposedPorts: nonEmpty(parseExposed(config)),
    publishAll: hostConfig.PublishAllPorts || undefined,
    dns: nonEmpty(hostConfig.Dns),
    dnsSearch: nonEmpty(hostConfig.DnsSearch),
    dnsOptions: nonEmpty(hostConfig.DnsOptions),
  };
}

function parseLifecycle(config: ContainerConfig, hostConfig: HostConfig): ContainerLifecycle {
  const policy = readRestartPolicy(hostConfig.RestartPolicy);
  return {
    autoRemove: hostConfig.AutoRemove ?? false,
    stopSignal: config.StopSignal || undefined,
    healthcheck: parseHealthcheck(config.Healthcheck),
    stopGraceMs: typeof config.StopTimeout === "number" ? graceMsOf(config.StopTimeout) : undefined,
    restartPolicy: policy?.name === "no" ? undefined : policy,
  };
}

function requireHost(text: string): string {
  const [, address] = /^[^:=]+[:=](.+)$/.exec(text) ?? [];
  if (address === undefined) throw new Failure("invalid", `bad format for add-host: "${text.slice(0, 200)}"`);
  return text.replace("=", ":");
}

function parseUlimit({
  Name = "",
  Soft = 0,
  Hard = 0,
}: {
  Name?: string | undefined;
  Soft?: number | undefined;
  Hard?: number | undefined;
}) {
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
