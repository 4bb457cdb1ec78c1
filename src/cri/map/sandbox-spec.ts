import { Failure } from "../../base/failure.ts";
import type { CriNamespaceMode, CriNamespaces } from "../../model/cri.ts";
import type { PortSpec } from "../../model/networks.ts";
import type { PodSpec } from "../../model/pods.ts";
import type { IdMaps, IdRange } from "../../spec/id-map.ts";
import type { Message } from "../codings.ts";
import { namespaceModes, protocols } from "./enums.ts";
import { nameOf } from "./names.ts";

type SandboxConfig = Message<"PodSandboxConfig">;

/**
 * The pod that stands for a sandbox. `network`: where a sandbox with a network of its own is connected; "none": to
 * nothing, because the pod network connects it. Throws "invalid" for what can't work.
 */
export function sandboxSpec(
  config: SandboxConfig,
  { network }: { readonly network: "bridge" | "none" },
): PodSpec & { readonly cri: NonNullable<PodSpec["cri"]> } {
  const { metadata, linux } = config;
  if (metadata === null || metadata.name === "" || metadata.uid === "" || metadata.namespace === "")
    throw refuse("its metadata has no name, uid or namespace");
  const { name, uid, namespace, attempt } = metadata;
  const context = linux?.security_context ?? null;
  const namespaces = sandboxNamespaces(context?.namespace_options ?? null);
  const isHostNetwork = namespaces.network === "node";
  const shared = [
    "network",
    "uts",
    ...(namespaces.ipc === "pod" ? ["ipc"] : []),
    ...(namespaces.pid === "pod" ? ["pid"] : []),
  ];
  return {
    name: nameOf([name, namespace, uid, attempt]),
    labels: config.labels,
    annotations: config.annotations,
    cri: {
      kind: "sandbox",
      name,
      uid,
      namespace,
      attempt,
      logDirectory: config.log_directory,
      namespaces,
      isPrivileged: context?.privileged ?? false,
    },
    share: shared,
    hostname: config.hostname === "" ? undefined : config.hostname,
    network: isHostNetwork ? "host" : network === "none" ? "none" : undefined,
    ports: isHostNetwork || network === "none" ? [] : portsOf(config),
    dns: config.dns_config?.servers,
    dnsSearch: config.dns_config?.searches,
    dnsOptions: config.dns_config?.options,
    sysctls: linux === null || Object.keys(linux.sysctls).length === 0 ? undefined : linux.sysctls,
    cgroupParent: cgroupParentOf(linux?.cgroup_parent ?? ""),
    user: namespaces.user === undefined ? undefined : { maps: namespaces.user },
  };
}

/** Ports with a port of the host. */
export function portsOf({ port_mappings: mappings }: SandboxConfig): readonly PortSpec[] {
  return mappings
    .filter(({ host_port: port }) => port !== 0)
    .map(({ protocol, container_port, host_port, host_ip }) => {
      const name = protocols[protocol];
      if (name === undefined) throw refuse(`the protocol ${protocol} of a port mapping is unknown`);
      return {
        protocol: name,
        containerPort: container_port,
        hostPort: host_port,
        hostAddress: host_ip === "" ? undefined : host_ip,
      };
    });
}

/** SPEC: runtime.v1.NamespaceOption; without options everything is the pod's. */
export function sandboxNamespaces(options: Message<"NamespaceOption"> | null): CriNamespaces {
  const { network = 0, pid = 0, ipc = 0, userns_options: user = null } = options ?? {};
  const of = (kind: string, value: number, allowed: readonly CriNamespaceMode[]): CriNamespaceMode => {
    const mode = namespaceModes[value];
    if (mode !== undefined && allowed.includes(mode)) return mode;
    throw refuse(`the mode ${mode ?? value} of its ${kind} namespace is not supported`);
  };
  return {
    network: of("network", network, ["pod", "node"]),
    // With TARGET, a container names the one whose namespace it joins.
    pid: of("PID", pid, ["pod", "container", "node", "target"]),
    ipc: of("IPC", ipc, ["pod", "node"]),
    user: userNamespace(user),
  };
}

/** Undefined for the host's. */
function userNamespace(options: Message<"UserNamespace"> | null): IdMaps | undefined {
  if (options === null) return undefined;
  const mode = namespaceModes[options.mode];
  if (mode === "node") return undefined;
  if (mode !== "pod") throw refuse(`the mode ${mode ?? options.mode} of its user namespace is not supported`);
  if (options.uids.length === 0 && options.gids.length === 0) return undefined;
  if (options.uids.length !== 1 || options.gids.length !== 1)
    throw refuse("its user namespace needs exactly one mapping of uids and one of gids");
  return { uids: options.uids.map(rangeOf), gids: options.gids.map(rangeOf) };
}

function rangeOf({ host_id, container_id, length }: Message<"IDMapping">): IdRange {
  return { hostID: host_id, containerID: container_id, size: length };
}

/** Absolute, as the cgroupfs driver of a kubelet gives it; "": none. */
function cgroupParentOf(text: string): string | undefined {
  if (text === "") return undefined;
  if (text.endsWith(".slice") && !text.includes("/"))
    throw refuse(
      `its cgroup_parent "${text.slice(0, 200)}" is a slice of systemd: set the kubelet's cgroupDriver to cgroupfs`,
    );
  return text.startsWith("/") ? text : `/${text}`;
}

function refuse(reason: string): Failure {
  return new Failure("invalid", `cannot run the pod sandbox: ${reason}`);
}
