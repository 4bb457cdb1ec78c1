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
    hostConfig: parts.HostConfig ?? {},
    networkingConfig: parts.NetworkingConfig ?? {},
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
