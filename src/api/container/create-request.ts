import { Failure } from "../../base/failure.ts";
import { membersOf } from "../../spec/json-members.ts";
import { endpointSchemas } from "../network/endpoint-schemas.ts";
import { configSchemas, hostConfigSchemas } from "./create-schemas.ts";
import { readFields } from "../http/field-schemas.ts";
import type { ContainerConfig } from "../types/container-config.ts";
import type { HostConfig } from "../types/host-config.ts";
import type { NetworkingConfig } from "../types/network.ts";

/**
 * The body of `POST /containers/create`, taken apart: known fields of the right types, without those that were null.
 */
export interface CreateRequest {
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly networkingConfig: NetworkingConfig;
}

const oldSchemas = {
  Memory: "integer",
  MemorySwap: "integer",
  CpuShares: "integer",
  CpusetCpus: "text",
  Cpuset: "text",
} as const;

/** Throws Failure("invalid"), in Docker's words for a request without a configuration. What fields ask for is not checked. */
export function parseCreateRequest(body: unknown): CreateRequest {
  if (body === undefined) throw new Failure("invalid", "invalid JSON: EOF");
  if (body === null) throw noConfig();
  const config = readFields(body, configSchemas, "");
  if (!hasConfig(body)) throw noConfig();
  const parts = readFields(
    body,
    {
      HostConfig: { object: hostConfigSchemas },
      NetworkingConfig: { object: { EndpointsConfig: { map: endpointSchemas } } },
    },
    "",
  );
  return {
    config,
    hostConfig: withOldFields(body, parts.HostConfig ?? {}),
    networkingConfig: parts.NetworkingConfig ?? {},
  };
}

/** SPEC: bodies before API 1.18 have some limits next to the configuration; dockerd still takes them where HostConfig has none. */
function withOldFields(body: unknown, hostConfig: HostConfig): HostConfig {
  const { Cpuset, CpusetCpus = Cpuset, Memory, MemorySwap, CpuShares } = readFields(body, oldSchemas, "");
  return {
    ...hostConfig,
    ...((hostConfig.Memory ?? 0) === 0 && Memory !== undefined && { Memory }),
    ...((hostConfig.MemorySwap ?? 0) === 0 && MemorySwap !== undefined && { MemorySwap }),
    ...((hostConfig.CpuShares ?? 0) === 0 && CpuShares !== undefined && { CpuShares }),
    ...((hostConfig.CpusetCpus ?? "") === "" && CpusetCpus !== undefined && { CpusetCpus }),
  };
}

function noConfig(): Failure {
  return new Failure("invalid", "config cannot be empty in order to create a container");
}

/** Whether the body of a request has a field of the container's configuration: dockerd refuses one without. */
function hasConfig(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  const names = new Set(Object.keys(configSchemas).map((name) => name.toLowerCase()));
  return membersOf(body).some(([name]) => names.has(name.toLowerCase()));
}
