import { Failure } from "../../base/failure.ts";
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

/** Throws Failure("invalid") that names the wrong field. It does not validate what the fields request. */
export function parseCreateRequest(body: unknown): CreateRequest {
  if (body === undefined) throw new Failure("invalid", "cannot read the request: it is empty");
  const config = readFields(body, configSchemas, "");
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
