import { mergeDefined } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { CreateRequest } from "./create-request.ts";
import type { EndpointSpec } from "../../model/networks.ts";
import { parseSettings } from "../network/endpoint-settings.ts";

/**
 * Networks of a container: the one of its mode first. Empty for the default one, `none`, `host` and another
 * container's.
 */
export function parseEndpoints({
  config,
  hostConfig,
  networkingConfig,
}: CreateRequest): readonly EndpointSpec[] {
  const ends = Object.entries(networkingConfig.EndpointsConfig ?? {});
  const mode = nameOf(hostConfig.NetworkMode ?? "");
  const isFixed = config.NetworkDisabled === true || isFixedMode(mode);
  if (isFixed) {
    const foreign = ends.find(([network]) => nameOf(network) !== mode && !isFixedMode(nameOf(network)));
    if (foreign !== undefined && !mode.startsWith("container:")) {
      throw new Failure(
        "invalid",
        `conflicting options: cannot attach both user-defined and non-user-defined network-modes`,
      );
    }
    return [];
  }
  const own = ends.find(([network]) => nameOf(network) === mode)?.[1];
  const first = parseSettings(own ?? {});
  const mac = config.MacAddress ?? "";
  if (mac !== "" && first.macAddress !== undefined && first.macAddress !== mac) {
    throw new Failure(
      "invalid",
      "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty",
    );
  }
  const links = hostConfig.Links ?? [];
  const settings = mergeDefined(first, {
    macAddress: mac || undefined,
    // Docker's clients send links in both fields.
    links: links.length === 0 ? undefined : [...new Set([...(first.links ?? []), ...links])],
  });
  const others = ends.filter(([network]) => nameOf(network) !== mode);
  if (mode === "bridge" && others.length === 0 && Object.keys(settings).length === 0) return [];
  return [
    { ...settings, network: mode },
    ...others.map(([network, end]) => ({ ...parseSettings(end ?? {}), network })),
  ];
}

function nameOf(mode: string): string {
  return mode === "" || mode === "default" ? "bridge" : mode;
}

function isFixedMode(mode: string): boolean {
  return mode === "none" || mode === "host" || mode.startsWith("container:");
}
