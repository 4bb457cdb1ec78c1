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
    ...(values.hostname === "" ? {} : { Hostname: values.hostname }),
    ...(macAddress === undefined ? {} : { MacAddress: macAddress }),
    ...(Object.keys(exposed).length === 0 ? {} : { ExposedPorts: exposed }),
    HostConfig: {
      ...hostConfig,
      ...(user === "" ? {} : { UsernsMode: user }),
      ...(values["add-host"].length === 0 ? {} : { ExtraHosts: values["add-host"] }),
      ...(values["no-hosts"] ? { Tare: { NoHosts: true } } : {}),
    },
    ...(networkingConfig === undefined ? {} : { NetworkingConfig: networkingConfig }),
  };
}
