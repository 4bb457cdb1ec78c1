import type { ContainerCreateRequest } from "../api/types/container.ts";
import { formatHostConfig } from "../api/container/format-host-config.ts";
import { formatLimits } from "../api/container/format-limits.ts";
import { formatSettings } from "../api/network/endpoint-settings.ts";
import { formatPortBindings, formatRemoval } from "../api/container/published-ports.ts";
import { formatTareFields } from "../api/container/tare-fields.ts";
import { formatRestartPolicy } from "../api/container/restart-policy.ts";
import type { HostConfig } from "../api/types/host-config.ts";
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
    ...given("Cmd", spec.process?.command),
    ...given("Entrypoint", spec.process?.entrypoint),
    ...given("Env", spec.process?.env),
    ...given("Labels", spec.labels),
    ...given("User", spec.process?.user),
    ...given("WorkingDir", spec.process?.workingDirectory),
    ...given("Hostname", spec.network?.hostname),
    ...given("Domainname", spec.network?.domainname),
    ...given("Tty", spec.process?.terminal),
    ...given("OpenStdin", spec.process?.openStdin),
    ...given("StdinOnce", spec.process?.stdinOnce),
    ...given(
      "Volumes",
      spec.storage?.volumes && Object.fromEntries(spec.storage?.volumes.map((path) => [path, {}])),
    ),
    ...given(
      "ExposedPorts",
      spec.network?.exposedPorts && Object.fromEntries(spec.network?.exposedPorts.map((port) => [port, {}])),
    ),
    ...networkingOf(spec.network?.networks),
    ...given("StopSignal", spec.lifecycle?.stopSignal),
    ...given("Healthcheck", spec.lifecycle?.healthcheck && { Test: spec.lifecycle?.healthcheck }),
    ...given(
      "StopTimeout",
      spec.lifecycle?.stopGraceMs === undefined ? undefined : Math.ceil(spec.lifecycle?.stopGraceMs / 1000),
    ),
    HostConfig: formatHostConfig(spec),
  };
}

/** The body of an update. */
export function updateRequestOf(update: ContainerUpdate): HostConfig {
  const { restartPolicy, publishAdd, publishRemove, ...limits } = update;
  const ports = {
    ...given("PublishAdd", publishAdd && formatPortBindings(publishAdd)),
    ...given("PublishRemove", publishRemove?.map(formatRemoval)),
  };
  const tare = { ...formatTareFields({ resources: { limits } }).Tare, ...ports };
  return {
    ...formatLimits(limits),
    ...(Object.keys(tare).length === 0 ? {} : { Tare: tare }),
    ...given("RestartPolicy", restartPolicy && formatRestartPolicy(restartPolicy)),
  };
}

function given<T, K extends string>(key: K, value: T | undefined): { [P in K]?: T | undefined } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T | undefined };
}

function networkingOf(
  networks: ContainerNetwork["networks"] = [],
): Pick<ContainerCreateRequest, "NetworkingConfig"> {
  if (networks.length === 0) return {};
  const ends = networks.map(({ network, ...settings }) => [network, formatSettings(settings)] as const);
  return { NetworkingConfig: { EndpointsConfig: Object.fromEntries(ends) } };
}
