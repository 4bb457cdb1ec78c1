import { Failure } from "../../base/failure.ts";
import { parseSysctlKey } from "../../spec/sysctl.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";

/**
 * The kernel parameters of a container: those asked for, over the two that let it ping and listen on every port without
 * rights in a network of its own, as with Docker. Throws "invalid" for a key of no namespace, or of one that is
 * not the container's alone.
 */
export function resolveSysctls(spec: ContainerSpec): Readonly<Record<string, string>> {
  const ownsNetwork = (spec.isolation?.namespaces?.network ?? "none") === "none";
  const ipc = spec.isolation?.namespaces?.ipc ?? "private";
  const ownsIpc = ipc === "private" || ipc === "shareable" || ipc === "none";
  for (const [key, value] of Object.entries(spec.isolation?.sysctls ?? {})) {
    const shown = JSON.stringify(key.slice(0, 100));
    const found = parseSysctlKey(key);
    if (found === undefined) throw refused(`sysctl ${shown} is not in a separate kernel namespace`);
    if (found.namespace === "network" && !ownsNetwork) {
      throw refused(
        `sysctl ${shown} not allowed in ${whose(spec.isolation?.namespaces?.network)} network namespace`,
      );
    }
    if (found.namespace === "ipc" && !ownsIpc) {
      throw refused(
        `sysctl ${shown} is not allowed in ${whose(spec.isolation?.namespaces?.ipc)} ipc namespace`,
      );
    }
    if (value.includes("\0") || value.length > 4096) throw refused(`sysctl ${shown} has an invalid value`);
  }
  return { ...(ownsNetwork ? defaultsOf(spec) : {}), ...spec.isolation?.sysctls };
}

const defaults: Readonly<Record<string, string>> = {
  "net.ipv4.ping_group_range": "0 2147483647",
  "net.ipv4.ip_unprivileged_port_start": "0",
};

/**
 * KERNEL: a user namespace refuses a range of groups that it does not map; and without a /proc of its own nothing is
 * set.
 */
function defaultsOf({ isolation: { namespaces } = {} }: ContainerSpec): Readonly<Record<string, string>> {
  if ((namespaces?.user ?? "host") === "host") return defaults;
  const { "net.ipv4.ping_group_range": _, ...rest } = defaults;
  return (namespaces?.pid ?? "private") === "private" ? rest : {};
}

function whose(mode: unknown): string {
  return typeof mode === "object" ? "another container's" : "host";
}

function refused(sentence: string): Failure {
  return new Failure("invalid", `cannot create the container: ${sentence}`);
}
