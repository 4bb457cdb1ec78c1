import type { HostConfig, PortBinding } from "../../api/types/host-config.ts";
import type { PodCreateRequest } from "../../api/types/pod.ts";
import type { VolumeCreateRequest } from "../../api/types/volume.ts";
import { mergeDefined } from "../../base/defined.ts";
import type { FieldReader } from "../../spec/kube/field-reader.ts";
import type { PodManifest } from "../../spec/kube/manifest.ts";
import { type ContainerPlan, planContainer } from "./plan-container.ts";
import type { Sources } from "./plan-environment.ts";
import { planVolumes } from "./plan-mounts.ts";

/** What is made for one pod of a manifest. */
export interface PodPlan {
  readonly pod: PodCreateRequest & { readonly Name: string };
  /** Those that run to their end before the others come first. */
  readonly containers: readonly ContainerPlan[];
  readonly volumes: readonly VolumeCreateRequest[];
  /** Sentences on what is ignored. */
  readonly warnings: readonly string[];
}

/** What the command line adds. */
export interface PlayWishes {
  /** Of the pod: networks, addresses, more published ports, user namespace, … */
  readonly pod: Pick<PodCreateRequest, "HostConfig" | "NetworkingConfig" | "MacAddress" | "ExposedPorts">;
  readonly annotations: Readonly<Record<string, string>>;
  /** Container ports without a host port are published, too. */
  readonly publishAll: boolean;
  readonly logConfig?: HostConfig["LogConfig"];
  readonly seccompRoot: string;
  readonly readFile: (path: string) => string;
}

/** What only a scheduler or an API server can do; it changes nothing on one machine. */
const clusterFields = [
  "affinity",
  "automountServiceAccountToken",
  "enableServiceLinks",
  "nodeName",
  "nodeSelector",
  "preemptionPolicy",
  "priority",
  "priorityClassName",
  "schedulerName",
  "serviceAccount",
  "serviceAccountName",
  "setHostnameAsFQDN",
  "tolerations",
  "topologySpreadConstraints",
];

const restarts = { Always: "always", OnFailure: "on-failure", Never: "no" } as const;

export function planPod(manifest: PodManifest, sources: Sources, wishes: PlayWishes): PodPlan {
  const { spec } = manifest;
  const pod = { ...manifest, annotations: { ...manifest.annotations, ...wishes.annotations } };
  const containers = spec.objects("containers");
  if (containers.length === 0) throw spec.refused("containers", "is missing");
  const inits = spec.objects("initContainers");
  const volumes = planVolumes(pod, sources);
  const security = { context: spec.object("securityContext") };
  const restart =
    restarts[spec.word("restartPolicy", ["Always", "OnFailure", "Never"]) ?? pod.defaultRestart];
  const context = {
    pod,
    sources,
    volumes,
    security,
    restart,
    grace: spec.integer("terminationGracePeriodSeconds"),
    deadline: spec.integer("activeDeadlineSeconds"),
    logConfig: wishes.logConfig,
    seccompRoot: wishes.seccompRoot,
    readFile: wishes.readFile,
  };
  const plans = [
    ...inits.map((each) => planContainer(each, context, { isInit: true })),
    ...containers.map((each) => planContainer(each, context, { isInit: false })),
  ];
  const names = plans.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw spec.refused("containers", `two containers have the name ${twice}`);
  spec.skip(...clusterFields);
  return {
    pod: planSandbox(pod, containers, { security: security.context, wishes }),
    containers: plans,
    volumes: volumes.created,
    warnings: spec.unread().map((path) => `${path} is ignored: it is not supported`),
  };
}

function planSandbox(
  pod: PodManifest,
  containers: readonly FieldReader[],
  { security, wishes }: { readonly security: FieldReader | undefined; readonly wishes: PlayWishes },
): PodPlan["pod"] {
  const { spec } = pod;
  const { bindings, exposed } = planPorts(containers, wishes.publishAll);
  const sharesPid = spec.boolean("shareProcessNamespace") ?? false;
  const isOn = (name: string): boolean => spec.boolean(name) ?? false;
  const [hostNetwork, hostPid, hostIpc] = [isOn("hostNetwork"), isOn("hostPID"), isOn("hostIPC")];
  const given = wishes.pod.HostConfig ?? {};
  const sysctls = (security?.objects("sysctls") ?? []).map(
    (each) => [each.required("name"), each.required("value")] as const,
  );
  return {
    Name: pod.name,
    Labels: pod.labels,
    Hostname: spec.text("hostname") ?? (hostNetwork ? "" : pod.name),
    Share: ["ipc", "net", "uts", ...(sharesPid || hostPid ? ["pid"] : [])],
    ...wishes.pod,
    ExposedPorts: { ...exposed, ...wishes.pod.ExposedPorts },
    HostConfig: mergeDefined<HostConfig>(
      {
        ...planNames(spec),
        ...(hostNetwork ? { NetworkMode: "host" } : {}),
        ...(hostPid ? { PidMode: "host" } : {}),
        ...(hostIpc ? { IpcMode: "host" } : {}),
        ...(spec.boolean("hostUsers") === false ? { UsernsMode: "auto" } : {}),
        ...(sysctls.length === 0 ? {} : { Sysctls: Object.fromEntries(sysctls) }),
      },
      given,
      // With a network of the host's, its ports are the pod's.
      { PortBindings: hostNetwork ? {} : { ...bindings, ...given.PortBindings } },
    ),
  };
}

function planNames(spec: FieldReader): HostConfig {
  const policy = spec.word("dnsPolicy", ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]);
  const dns = spec.object("dnsConfig");
  const servers = dns?.texts("nameservers") ?? [];
  if (policy === "None" && servers.length === 0)
    throw spec.refused("dnsPolicy", "None needs dnsConfig.nameservers");
  const options = (dns?.objects("options") ?? []).map((each) => {
    const value = each.scalar("value");
    return value === undefined ? each.required("name") : `${each.required("name")}:${value}`;
  });
  const hosts = spec
    .objects("hostAliases")
    .flatMap((each) => (each.texts("hostnames") ?? []).map((name) => `${name}:${each.required("ip")}`));
  const searches = dns?.texts("searches") ?? [];
  return {
    ...(servers.length === 0 ? {} : { Dns: servers }),
    ...(searches.length === 0 ? {} : { DnsSearch: searches }),
    ...(options.length === 0 ? {} : { DnsOptions: options }),
    ...(hosts.length === 0 ? {} : { ExtraHosts: hosts }),
  };
}

function planPorts(
  containers: readonly FieldReader[],
  publishAll: boolean,
): {
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
  readonly exposed: Readonly<Record<string, object>>;
} {
  const bindings: Record<string, PortBinding[]> = {};
  const exposed: Record<string, object> = {};
  for (const port of containers.flatMap((each) => each.objects("ports"))) {
    port.skip("name");
    const number = port.integer("containerPort");
    if (number === undefined || number < 1 || number > 65_535)
      throw port.refused("containerPort", "must be a port from 1 to 65535");
    const protocol = (port.word("protocol", ["TCP", "UDP", "SCTP"]) ?? "TCP").toLowerCase();
    const hostPort = port.integer("hostPort") ?? 0;
    const hostIp = port.text("hostIP") ?? "";
    const key = `${number}/${protocol}`;
    exposed[key] = {};
    if (hostPort === 0 && !publishAll) continue;
    const list = (bindings[key] ??= []);
    list.push({ HostIp: hostIp, HostPort: String(hostPort === 0 ? number : hostPort) });
  }
  return { bindings, exposed };
}
