import type { ContainerSpec } from "../../model/container-spec.ts";
import { refuse } from "./refusal.ts";

/**
 * Rejects options that conflict with the network of another container, or the host's. Throws "invalid" in Docker's
 * words.
 */
export function checkNetworkMode(spec: ContainerSpec): void {
  const mode = spec.isolation?.namespaces?.network;
  if (typeof mode === "object") {
    const has = (list: readonly unknown[] | undefined): boolean => (list ?? []).length > 0;
    // In a pod, names are shared or not whatever the network is.
    const isNamed = spec.network?.hostname !== undefined && spec.network?.hostname !== "";
    if (isNamed && spec.pod === undefined) conflict("hostname and the network mode");
    if (has(spec.network?.dns)) conflict("dns and the network mode");
    if (has(spec.network?.extraHosts)) conflict("custom host-to-IP mapping and the network mode");
    if (has(spec.network?.ports) || spec.network?.publishAll === true) {
      conflict("port publishing and the container type network mode");
    }
    if (has(spec.network?.exposedPorts)) conflict("port exposing and the container type network mode");
  }
}

function conflict(what: string): never {
  throw refuse(`conflicting options: ${what}`);
}
