import { mergeDefined } from "../base/defined.ts";
import type { ContainerCreateRequest } from "../api/types/container.ts";
import { formatHealthcheck } from "../api/container/healthcheck.ts";
import { formatHostConfig } from "../api/container/format-host-config.ts";
import { formatLimits } from "../api/container/format-limits.ts";
import { formatSettings } from "../api/network/endpoint-settings.ts";
import { formatPortBindings, formatRemoval } from "../api/container/published-ports.ts";
import { formatTareFields } from "../api/container/tare-fields.ts";
import { formatRestartPolicy } from "../api/container/restart-policy.ts";
import type { HostConfig, TareHostConfig } from "../api/types/host-config.ts";
import { Failure } from "../base/failure.ts";
import type { ContainerNetwork, ContainerSpec } from "../model/container-spec.ts";
import type { ContainerUpdate } from "../model/updates.ts";

/**
 * A spec in the words of the Docker Engine API. Throws "unsupported" for what only an engine in this process can do.
 */
export function createRequestOf(spec: ContainerSpec): ContainerCreateRequest {
  if (spec.lifecycle?.lifetime === "process") {
    throw new Failure(
      "unsupported",
      'cannot create the container: a lifetime of "process" needs an engine in this process (openEngine)',
    );
  }
  return {
    Image: spec.image,
    Cmd: spec.process?.command,
    Entrypoint: spec.process?.entrypoint,
    Env: spec.process?.env,
    Labels: spec.labels,
    User: spec.process?.user,
    WorkingDir: spec.process?.workingDirectory,
    Hostname: spec.network?.hostname,
    Domainname: spec.network?.domainname,
    Shell: spec.process?.shell,
    Tty: spec.process?.terminal,
    OpenStdin: spec.process?.openStdin,
    StdinOnce: spec.process?.stdinOnce,
    Volumes: spec.storage?.volumes && Object.fromEntries(spec.storage?.volumes.map((path) => [path, {}])),
    ExposedPorts:
      spec.network?.exposedPorts && Object.fromEntries(spec.network?.exposedPorts.map((port) => [port, {}])),
    ...networkingOf(spec.network?.networks),
    StopSignal: spec.lifecycle?.stopSignal,
    Healthcheck: spec.lifecycle?.healthcheck && formatHealthcheck(spec.lifecycle.healthcheck),
    StopTimeout:
      spec.lifecycle?.stopGraceMs === undefined ? undefined : Math.ceil(spec.lifecycle?.stopGraceMs / 1000),
    HostConfig: formatHostConfig(spec),
  };
}

/** The body of an update. */
export function updateRequestOf(update: ContainerUpdate): HostConfig {
  const { restartPolicy, publishAdd, publishRemove, ...limits } = update;
  const tare = mergeDefined<TareHostConfig>(formatTareFields({ resources: { limits } }).Tare ?? {}, {
    PublishAdd: publishAdd && formatPortBindings(publishAdd),
    PublishRemove: publishRemove?.map(formatRemoval),
  });
  return {
    ...formatLimits(limits),
    Tare: Object.keys(tare).length === 0 ? undefined : tare,
    RestartPolicy: restartPolicy && formatRestartPolicy(restartPolicy),
  };
}

function networkingOf(
  networks: ContainerNetwork["networks"] = [],
): Pick<ContainerCreateRequest, "NetworkingConfig"> {
  if (networks.length === 0) return {};
  const ends = networks.map(({ network, ...settings }) => [network, formatSettings(settings)] as const);
  return { NetworkingConfig: { EndpointsConfig: Object.fromEntries(ends) } };
}
