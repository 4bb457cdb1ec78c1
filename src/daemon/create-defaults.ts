import type { HostConfig, LogConfig, Ulimit } from "../api/types/host-config.ts";
import type { ContainerSpec } from "../model/container-spec.ts";
import { mergeDefined } from "../base/defined.ts";
import type { CreateRequest } from "../api/container/create-request.ts";

/** What a daemon's configuration gives to containers whose creation does not ask for anything else. */
export interface CreateDefaults {
  readonly init?: boolean | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly shmBytes?: number | undefined;
  readonly ipcMode?: string | undefined;
  readonly cgroupnsMode?: string | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  readonly log?: LogConfig | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly dnsOptions?: readonly string[] | undefined;
  readonly dnsSearch?: readonly string[] | undefined;
}

/**
 * The request with the defaults that dockerd records in a container's HostConfig: inspect shows them, and a later
 * change of the configuration does not change the container.
 */
export function applyRecordedDefaults(request: CreateRequest, defaults: CreateDefaults): CreateRequest {
  const { hostConfig } = request;
  const added: HostConfig = {
    ShmSize: (hostConfig.ShmSize ?? 0) === 0 ? defaults.shmBytes : undefined,
    IpcMode: isEmpty(hostConfig.IpcMode) ? defaults.ipcMode : undefined,
    CgroupnsMode: isEmpty(hostConfig.CgroupnsMode) ? defaults.cgroupnsMode : undefined,
    Ulimits: defaults.ulimits === undefined ? undefined : mergeUlimits(hostConfig, defaults.ulimits),
    LogConfig: defaults.log === undefined ? undefined : mergeLog(hostConfig.LogConfig ?? {}, defaults.log),
  };
  return { ...request, hostConfig: mergeDefined(hostConfig, added) };
}

/** The container with the defaults that dockerd applies without recording them in its HostConfig. */
export function applyUnrecordedDefaults(spec: ContainerSpec, defaults: CreateDefaults): ContainerSpec {
  const { process = {}, isolation = {}, network = {} } = spec;
  const hasOwnFiles = typeof isolation.namespaces?.network !== "object";
  return {
    ...spec,
    process: { ...process, init: process.init ?? defaults.init },
    isolation: { ...isolation, noNewPrivileges: isolation.noNewPrivileges ?? defaults.noNewPrivileges },
    network: hasOwnFiles
      ? {
          ...network,
          dns: network.dns ?? defaults.dns,
          dnsOptions: network.dnsOptions ?? defaults.dnsOptions,
          dnsSearch: network.dnsSearch ?? defaults.dnsSearch,
        }
      : network,
  };
}

function mergeUlimits({ Ulimits }: HostConfig, defaults: readonly Ulimit[]): readonly Ulimit[] {
  const own = Ulimits ?? [];
  const names = new Set(own.map(({ Name }) => Name));
  return [...own, ...defaults.filter(({ Name }) => !names.has(Name))];
}

/** Options are for the driver that they were configured with. */
function mergeLog(own: LogConfig, defaults: LogConfig): LogConfig {
  const type = isEmpty(own.Type) ? defaults.Type : own.Type;
  if (type !== defaults.Type) return own;
  return { Type: type, Config: { ...defaults.Config, ...own.Config } };
}

function isEmpty(text: string | null | undefined): boolean {
  return text === undefined || text === null || text === "";
}
