import type { ContainerInspect, MountPoint } from "../../api/types/container.ts";
import type { HealthConfig } from "../../api/types/container-config.ts";
import type { PortBinding } from "../../api/types/host-config.ts";
import type { ImageInspect } from "../../api/types/image.ts";
import type { Pod } from "../../api/types/pod.ts";
import { defined } from "../../base/defined.ts";
import { podVolumeLabel } from "./plan-mounts.ts";

/** What a manifest is made of. */
export interface PodFacts {
  readonly name: string;
  /** Absent: a container without a pod. */
  readonly pod?: Pod | undefined;
  /** In the order of their starts. */
  readonly members: readonly Member[];
  /** The labels of the volumes that they have, by name. */
  readonly volumeLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export interface Member {
  readonly container: ContainerInspect;
  readonly image: ImageInspect;
}

export interface DescribedPod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: object;
  /** Published ports, for a Service. */
  readonly ports: readonly DescribedPort[];
  /** Names of volumes that have to be claimed. */
  readonly claims: readonly string[];
  /** Sentences on what a manifest can't say. */
  readonly warnings: readonly string[];
}

interface DescribedPort {
  readonly containerPort: number;
  readonly hostPort?: number | undefined;
  readonly hostIP?: string | undefined;
  readonly protocol?: string | undefined;
}

interface Described {
  readonly volumes: Map<string, object>;
  readonly claims: Set<string>;
  readonly warnings: string[];
}

const restarts: Readonly<Record<string, string>> = {
  always: "Always",
  "unless-stopped": "Always",
  "on-failure": "OnFailure",
};

/** The metadata and specification of a pod that is as the one that is there. */
export function describePod(facts: PodFacts): DescribedPod {
  const { name, pod, members } = facts;
  const described: Described = { volumes: new Map(), claims: new Set(), warnings: [] };
  const first = members[0]?.container;
  const ports = portsOf(pod?.InfraConfig.PortBindings ?? first?.HostConfig.PortBindings ?? {});
  const isInit = ({ container }: Member): boolean => container.HostConfig.Tare?.InitContainer === "always";
  const mains = members.filter((member) => !isInit(member));
  const containers = mains.map((member, index) =>
    describeContainer(member, facts, { described, ports: index === 0 ? ports : [] }),
  );
  const inits = members
    .filter(isInit)
    .map((member) => describeContainer(member, facts, { described, ports: [] }));
  const restart = restarts[mains[0]?.container.HostConfig.RestartPolicy?.Name ?? ""] ?? "Never";
  const host = first?.HostConfig ?? {};
  const hosts = pod?.InfraConfig.HostAdd ?? host.ExtraHosts ?? [];
  const dns = defined({
    nameservers: filled(pod?.InfraConfig.DNSServer ?? host.Dns),
    searches: filled(pod?.InfraConfig.DNSSearch ?? host.DnsSearch),
    options: filled((pod?.InfraConfig.DNSOption ?? host.DnsOptions ?? []).map(dnsOption)),
  });
  const hostname = pod?.Hostname ?? "";
  const grace = mains[0]?.container.Config.StopTimeout;
  const labels = pod?.Labels ?? first?.Config.Labels ?? {};
  return {
    metadata: defined({ name, labels: filledMap(labels) }),
    spec: defined({
      hostname: hostname === "" || hostname === name ? undefined : hostname,
      hostNetwork:
        (pod === undefined ? host.NetworkMode === "host" : pod.InfraConfig.HostNetwork) || undefined,
      hostPID: host.PidMode === "host" || undefined,
      hostIPC: (pod === undefined && host.IpcMode === "host") || undefined,
      shareProcessNamespace: pod?.SharedNamespaces.includes("pid") === true || undefined,
      hostAliases: filled(hosts.flatMap(hostAlias)),
      dnsConfig: Object.keys(dns).length === 0 ? undefined : dns,
      restartPolicy: restart,
      terminationGracePeriodSeconds: grace ?? undefined,
      initContainers: filled(inits),
      containers,
      volumes: filled([...described.volumes.values()]),
    }),
    ports,
    claims: [...described.claims],
    warnings: described.warnings,
  };
}

function describeContainer(
  { container, image }: Member,
  { pod, volumeLabels }: PodFacts,
  { described, ports }: { readonly described: Described; readonly ports: readonly DescribedPort[] },
): object {
  const { Config: config, HostConfig: host } = container;
  const whole = container.Name.replace(/^\//, "");
  const prefix = `${pod?.Name ?? ""}-`;
  const name = pod !== undefined && whole.startsWith(prefix) ? whole.slice(prefix.length) : whole;
  const own = image.Config ?? {};
  const inherited = new Set(own.Env ?? []);
  const env = (config.Env ?? [])
    .filter((entry) => !inherited.has(entry) && !/^(?:PATH|HOSTNAME|TERM|container)=/.test(entry))
    .map((entry) => {
      const equals = entry.indexOf("=");
      return { name: entry.slice(0, equals), value: literal(entry.slice(equals + 1)) };
    });
  if ((host.Tare?.Secrets ?? []).length > 0)
    described.warnings.push(
      `the secrets of container ${whole} are left out: they have no values in a manifest`,
    );
  const mounts = container.Mounts.flatMap((mount) =>
    describeMount(mount, { whole, volumeLabels, described }),
  );
  const isSame = (
    one: readonly string[] | null | undefined,
    other: readonly string[] | null | undefined,
  ): boolean => JSON.stringify(one ?? []) === JSON.stringify(other ?? []);
  const sameEntrypoint = isSame(config.Entrypoint, own.Entrypoint);
  const sameCommand = sameEntrypoint && isSame(config.Cmd, own.Cmd);
  const workingDir = config.WorkingDir ?? "";
  return defined({
    name,
    image: config.Image,
    command: sameEntrypoint ? undefined : filled(config.Entrypoint?.map(literal)),
    args: sameCommand ? undefined : filled(config.Cmd?.map(literal)),
    workingDir: workingDir === "" || workingDir === (own.WorkingDir ?? "") ? undefined : workingDir,
    env: filled(env),
    ports: filled(ports.map((port) => defined({ ...port }))),
    stdin: config.OpenStdin === true || undefined,
    stdinOnce: config.StdinOnce === true || undefined,
    tty: config.Tty === true || undefined,
    livenessProbe: describeProbe(config.Healthcheck),
    resources: describeResources(container),
    securityContext: describeSecurity(container),
    volumeMounts: filled(mounts),
  });
}

function describeMount(
  mount: MountPoint,
  {
    whole,
    volumeLabels,
    described,
  }: {
    readonly whole: string;
    readonly volumeLabels: PodFacts["volumeLabels"];
    readonly described: Described;
  },
): readonly object[] {
  const source = mount.Source ?? "";
  const volume = mount.Name ?? "";
  const isOwn = volumeLabels.get(volume)?.[podVolumeLabel] !== undefined;
  const kinds: Readonly<Record<string, () => { readonly name: string; readonly volume: object }>> = {
    bind: () => ({ name: nameOf(source, "host"), volume: { hostPath: { path: source } } }),
    volume: () => {
      if (isOwn) return { name: nameOf(volume, "empty"), volume: { emptyDir: {} } };
      described.claims.add(volume);
      return { name: nameOf(volume, "pvc"), volume: { persistentVolumeClaim: { claimName: volume } } };
    },
    tmpfs: () => ({
      name: nameOf(`${whole}-${mount.Destination}`, "tmpfs"),
      volume: { emptyDir: { medium: "Memory" } },
    }),
    image: () => ({ name: nameOf(source, "image"), volume: { image: { reference: source } } }),
  };
  const made = kinds[mount.Type]?.();
  if (made === undefined) {
    described.warnings.push(
      `the mount ${mount.Destination} of container ${whole} is left out: a manifest has no such kind`,
    );
    return [];
  }
  described.volumes.set(made.name, { name: made.name, ...made.volume });
  return [defined({ name: made.name, mountPath: mount.Destination, readOnly: !mount.RW || undefined })];
}

/** A DNS label. */
function nameOf(text: string, kind: string): string {
  const words = text.toLowerCase().split(/[^a-z0-9]+/);
  return [...words.filter((word) => word !== ""), kind].join("-").slice(-63).replace(/^-/, "");
}

function portsOf(
  bindings: Readonly<Record<string, readonly PortBinding[] | null>>,
): readonly DescribedPort[] {
  return Object.entries(bindings).flatMap(([key, list]) => {
    const [port = "", protocol = "tcp"] = key.split("/");
    return (list ?? []).map(({ HostIp = "", HostPort = "" }) =>
      defined({
        containerPort: Number(port),
        hostPort: Number(HostPort) || undefined,
        hostIP: ["", "0.0.0.0", "::"].includes(HostIp) ? undefined : HostIp,
        protocol: protocol === "tcp" ? undefined : protocol.toUpperCase(),
      }),
    );
  });
}

const second = 1e9;

function describeProbe(health: HealthConfig | null | undefined): object | undefined {
  const [kind, ...words] = health?.Test ?? [];
  if (kind !== "CMD" && kind !== "CMD-SHELL") return undefined;
  const seconds = (ns: number | undefined): number | undefined =>
    ns === undefined || ns === 0 ? undefined : Math.max(1, Math.round(ns / second));
  return defined({
    exec: { command: kind === "CMD" ? words : ["/bin/sh", "-c", ...words] },
    initialDelaySeconds: seconds(health?.StartPeriod),
    periodSeconds: seconds(health?.Interval) ?? 30,
    timeoutSeconds: seconds(health?.Timeout) ?? 30,
    failureThreshold: health?.Retries || undefined,
  });
}

function describeResources({ HostConfig: host }: ContainerInspect): object | undefined {
  const {
    Memory = 0,
    NanoCpus = 0,
    MemoryReservation = 0,
    CpuShares = 0,
    CpuQuota = 0,
    CpuPeriod = 0,
  } = host;
  const cpus = NanoCpus > 0 ? NanoCpus / 1e9 : CpuQuota > 0 ? CpuQuota / (CpuPeriod || 100_000) : 0;
  const milli = (value: number): string => `${Math.round(value * 1000)}m`;
  const limits = defined({
    memory: Memory > 0 ? String(Memory) : undefined,
    cpu: cpus > 0 ? milli(cpus) : undefined,
  });
  const requests = defined({
    memory: MemoryReservation > 0 ? String(MemoryReservation) : undefined,
    cpu: CpuShares > 0 ? milli(CpuShares / 1024) : undefined,
  });
  const resources = defined({ limits: filledMap(limits), requests: filledMap(requests) });
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function describeSecurity({ Config: config, HostConfig: host }: ContainerInspect): object | undefined {
  const options = host.SecurityOpt ?? [];
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(config.User ?? "") ?? [];
  const selinux = options.flatMap((option): readonly (readonly [string, string])[] => {
    const [, key, value] = /^label[=:](user|role|type|level):(.+)$/.exec(option) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value]];
  });
  const capabilities = defined({ add: filled(host.CapAdd), drop: filled(host.CapDrop) });
  const isUnconfined = options.some((option) => /^seccomp[=:]unconfined$/.test(option));
  const context = defined({
    privileged: host.Privileged === true || undefined,
    readOnlyRootFilesystem: host.ReadonlyRootfs === true || undefined,
    allowPrivilegeEscalation: options.some((option) => /^no-new-privileges(?:[=:]true)?$/.test(option))
      ? false
      : undefined,
    runAsUser: uid === undefined ? undefined : Number(uid),
    runAsGroup: gid === undefined ? undefined : Number(gid),
    capabilities: Object.keys(capabilities).length === 0 ? undefined : capabilities,
    seLinuxOptions: selinux.length === 0 ? undefined : Object.fromEntries(selinux),
    seccompProfile: isUnconfined ? { type: "Unconfined" } : undefined,
  });
  return Object.keys(context).length === 0 ? undefined : context;
}

/** SPEC: Kubernetes replaces `$(NAME)` in commands and values, unless another `$` is before it. */
function literal(text: string): string {
  return text.replaceAll(/\$(?=[$(])/g, "$$$$");
}

/** `NAME:ADDRESS`, or with "=". */
function hostAlias(entry: string): readonly object[] {
  const [, name = "", ip = ""] = /^([^:=]+)[:=](.+)$/.exec(entry) ?? [];
  return ip === "" || ip === "host-gateway" ? [] : [{ ip, hostnames: [name] }];
}

function dnsOption(option: string): object {
  const colon = option.indexOf(":");
  return colon < 0 ? { name: option } : { name: option.slice(0, colon), value: option.slice(colon + 1) };
}

function filled<T>(list: readonly T[] | null | undefined): readonly T[] | undefined {
  return list === null || list === undefined || list.length === 0 ? undefined : list;
}

function filledMap<T extends object>(map: T): T | undefined {
  return Object.keys(map).length === 0 ? undefined : map;
}
