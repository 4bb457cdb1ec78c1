import type { PodCreateRequest } from "../../api/types/pod.ts";
import { parseUserNamespace, type UserNamespaceValues } from "../container/flags/namespace-modes.ts";
import { parseNetworkFlags, type EndpointValues } from "../container/flags/network-flags.ts";

/** The options of a pod from the flags, for a pod alone or for a new container. */
export interface PodWishes extends EndpointValues, UserNamespaceValues {
  readonly "add-host": readonly string[];
  readonly hostname: string;
  readonly "no-hosts": boolean;
}

/** The part of a request that network, names and user namespace make. Throws optionFailure(). */
export function toPodWishes(values: PodWishes): PodCreateRequest {
  const { hostConfig, networkingConfig, exposed, macAddress } = parseNetworkFlags(values);
  const user = parseUserNamespace(values);
  return {
    Hostname: values.hostname || undefined,
    MacAddress: macAddress,
    ExposedPorts: Object.keys(exposed).length === 0 ? undefined : exposed,
    HostConfig: {
      ...hostConfig,
      UsernsMode: user || undefined,
      ExtraHosts: values["add-host"].length === 0 ? undefined : values["add-host"],
      Tare: values["no-hosts"] ? { NoHosts: true } : undefined,
    },
    NetworkingConfig: networkingConfig,
  };
}
