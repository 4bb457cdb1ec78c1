import type { LogForwardingStatus } from "../model/logs.ts";
import { defined } from "../base/defined.ts";
import { posix } from "node:path";
import { parseContainerSpec } from "../api/container/parse-spec.ts";
import { parseCreateRequest } from "../api/container/create-request.ts";
import type * as api from "../api/types/container.ts";
import type { HostConfig } from "../api/types/host-config.ts";
import type { ImageInspect, ImageSummary as ApiImageSummary } from "../api/types/image.ts";
import type { ContainerSizes } from "../model/container-sizes.ts";
import type { ContainerHealth } from "../model/health.ts";
import type { ContainerState, StartTiming } from "../model/container-state.ts";
import type { ContainerDetails, ContainerSummary } from "../model/containers.ts";
import type { Denial } from "../model/denials.ts";
import { parseContainerId } from "../model/ids.ts";
import type { ImageDetails, ImageSummary } from "../model/images.ts";
import type { ContainerMount } from "../model/mounts.ts";
import { endpointsOf, portsOfSettings } from "./network-reply.ts";
import { parseIdRange } from "../spec/id-map.ts";
import { parseDigest } from "../spec/digest.ts";
import type { ImageConfig } from "../spec/image/config.ts";
import { normalizePlatform } from "../spec/platform.ts";
import type { PodMembership } from "../api/types/pod-membership.ts";

/** The reply of `inspect`, in the engine's words. */
export function containerDetailsOf(reply: api.ContainerInspect, image: ImageConfig): ContainerDetails {
  const { Config: config, HostConfig: hostConfig, Tare: tare } = reply;
  const name = reply.Name.replace(/^\//, "");
  // Not what was asked for: the two lists that came into force.
  const { MaskedPaths: _, ReadonlyPaths: __, ...asked } = hostConfig;
  const request = { ...config, HostConfig: asked };
  return defined({
    id: parseContainerId(reply.Id),
    name,
    image: config.Image ?? reply.Image,
    imageId: reply.Image,
    command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
    createdAt: Date.parse(reply.Created),
    state: containerStateOf(reply.State),
    health: reply.State.Health && healthOf(reply.State.Health),
    labels: config.Labels ?? {},
    networkMode: hostConfig.NetworkMode ?? "bridge",
    endpoints: endpointsOf(reply.NetworkSettings.Networks),
    ...portsOfSettings(reply.NetworkSettings),
    mounts: [...reply.Mounts.flatMap(mountOf), ...tmpfsOf(hostConfig.Tmpfs)],
    ...membershipOf(tare?.Pod),
    spec: parseContainerSpec(parseCreateRequest(JSON.parse(JSON.stringify(request))), name),
    restartCount: reply.RestartCount,
    process: {
      path: reply.Path,
      args: reply.Args,
      env: config.Env ?? [],
      workingDirectory: config.WorkingDir === undefined || config.WorkingDir === "" ? "/" : config.WorkingDir,
      user: config.User ?? "",
    },
    imageConfig: image,
    effective: {
      hostname: config.Hostname ?? "",
      domainname: config.Domainname ?? "",
      capabilities: tare?.Capabilities ?? [],
      maskedPaths: hostConfig.MaskedPaths ?? [],
      readonlyPaths: hostConfig.ReadonlyPaths ?? [],
      stopSignal: config.StopSignal ?? "SIGTERM",
      cgroup: tare?.Cgroup ?? "",
      appArmorProfile: reply.AppArmorProfile || undefined,
      idMaps:
        tare?.UidMap === undefined || tare.GidMap === undefined
          ? undefined
          : { uids: tare.UidMap.map(parseIdRange), gids: tare.GidMap.map(parseIdRange) },
    },
    files: {
      log: reply.LogPath,
      hosts: reply.HostsPath,
      hostname: reply.HostnamePath,
      resolvConf: reply.ResolvConfPath,
    },
    storage: { driver: reply.GraphDriver.Name, data: reply.GraphDriver.Data ?? {} },
    execIds: reply.ExecIDs ?? [],
    lastTiming: tare?.Timing && timingOf(tare.Timing),
    denials: tare?.Denials?.map(denialOf),
    unrecordedCalls: tare?.UnrecordedCalls,
    recordedProfile: tare?.RecordedProfile,
    logForwarding: tare?.LogForwarding && logForwardingOf(tare.LogForwarding),
  });
}

function logForwardingOf(found: api.LogForwarding): LogForwardingStatus {
  return {
    driver: found.Driver,
    receiver: found.Receiver,
    isConnected: found.Connected,
    sent: found.Sent,
    pendingBytes: found.PendingBytes,
    droppedBytes: found.DroppedBytes,
    lastError:
      found.LastErrorAt === undefined
        ? undefined
        : { sentence: found.LastError, at: Date.parse(found.LastErrorAt) },
  };
}

function membershipOf(pod: PodMembership | undefined): Pick<ContainerSummary, "pod"> {
  return pod === undefined
    ? {}
    : { pod: { id: parseContainerId(pod.Id), name: pod.Name, isInfra: pod.IsInfra } };
}

function denialOf(denial: api.Denial): Denial {
  const { Text: text, Error: error, ExecID: execId } = denial;
  return {
    call: denial.Call,
    architecture: denial.Architecture,
    args: denial.Args.map((argument) => BigInt(argument)),
    text,
    error,
    by: denial.By,
    advice: denial.Advice,
    count: denial.Count,
    firstAt: Date.parse(denial.FirstAt),
    lastAt: Date.parse(denial.LastAt),
    pid: denial.Pid,
    execId,
  };
}

/** A row of images as the engine has it. */
export function imageSummaryOf(row: ApiImageSummary): ImageSummary {
  return {
    id: row.Id,
    references: row.RepoTags,
    digests: row.RepoDigests,
    createdAt: row.Created * 1000,
    parent: row.ParentId || undefined,
    sizeBytes: row.Size,
    containers: Math.max(0, row.Containers),
    labels: row.Labels ?? {},
    ...artifactTypeIn(row),
    ...manifestsIn(row),
  };
}

/** The manifests, where they were asked for. */
function manifestsIn({ Manifests }: Pick<ApiImageSummary, "Manifests">): Pick<ImageSummary, "manifests"> {
  if (Manifests === undefined) return {};
  const manifests = Manifests.map(({ Descriptor, ...manifest }) => ({
    digest: Descriptor.digest,
    mediaType: Descriptor.mediaType,
    sizeBytes: Descriptor.size,
    platform: manifest.ImageData?.Platform,
    isAvailable: manifest.Available,
    contentBytes: manifest.Size.Content,
    containers: manifest.ImageData?.Containers ?? [],
  }));
  return { manifests };
}

/** Undefined where sizes were not asked for. */
export function sizesOf({
  SizeRw,
  SizeRootFs,
}: Pick<api.ContainerSummary, "SizeRw" | "SizeRootFs">): ContainerSizes | undefined {
  return SizeRootFs === undefined ? undefined : { writtenBytes: SizeRw ?? 0, rootBytes: SizeRootFs };
}

export function timingOf(timing: api.StartTiming): StartTiming {
  return { totalMs: timing.TotalMs, phases: timing.Phases.map(({ Name, Ms }) => ({ name: Name, ms: Ms })) };
}

function containerStateOf(state: api.ContainerState): ContainerState {
  const startedAt = Date.parse(state.StartedAt);
  switch (state.Status) {
    case "running":
    case "paused":
      return {
        status: state.Status,
        pid: state.Pid,
        startedAt,
        oomKills: state.OOMKilled ? 1 : undefined, // Docker does not count them
      };
    case "exited":
    case "restarting":
      return {
        status: state.Status,
        code: state.ExitCode,
        oomKilled: state.OOMKilled,
        // SPEC: Docker writes year 1 for a time that never was.
        startedAt: startedAt > 0 ? startedAt : undefined,
        finishedAt: Date.parse(state.FinishedAt),
        error: state.Error || undefined,
      };
    case "removing":
      return { status: "removing" };
    case "dead":
      return { status: "dead", error: state.Error };
    case "created":
      return { status: "created" };
    default:
      return state.Status satisfies never;
  }
}

export function healthOf({
  Status: status,
  FailingStreak: failingStreak,
  Log: log,
}: api.Health): ContainerHealth {
  return {
    status: status === "none" ? "starting" : status,
    failingStreak,
    log: log.map(({ Start, End, ExitCode, Output }) => ({
      startedAt: Date.parse(Start),
      endedAt: Date.parse(End),
      code: ExitCode,
      output: Output,
    })),
  };
}

/** A row of `ps`. It contains only the times and the part of the state that a row contains. */
export function containerSummaryOf(
  row: api.ContainerSummary,
  details: api.ContainerInspect,
): ContainerSummary {
  return {
    id: parseContainerId(row.Id),
    name: (row.Names[0] ?? "").replace(/^\//, ""),
    image: row.Image,
    imageId: row.ImageID,
    command: [...(details.Config.Entrypoint ?? []), ...(details.Config.Cmd ?? [])],
    createdAt: row.Created * 1000,
    state: containerStateOf(details.State),
    health: details.State.Health && healthOf(details.State.Health),
    labels: row.Labels,
    networkMode: row.HostConfig.NetworkMode,
    endpoints: endpointsOf(row.NetworkSettings.Networks),
    ...portsOfSettings(details.NetworkSettings),
    mounts: row.Mounts.flatMap(mountOf),
  };
}

/** Those that `Mounts` leaves out, as dockerd does. */
function tmpfsOf(asked: HostConfig["Tmpfs"]): readonly ContainerMount[] {
  return Object.entries(asked ?? {}).map(([path, options]) => ({
    kind: "tmpfs",
    target: posix.resolve("/", path),
    options: options || undefined,
  }));
}

function mountOf(mount: api.MountPoint): readonly ContainerMount[] {
  if (mount.Type === "tmpfs") {
    return [{ kind: "tmpfs", target: mount.Destination, options: mount.Mode || undefined }];
  }
  const common = {
    target: mount.Destination,
    readonly: !mount.RW,
    mode: mount.Mode || undefined,
  };
  if (mount.Type === "bind") return [{ kind: "bind", source: mount.Source, ...common }];
  if (mount.Type !== "volume") return [];
  const name = mount.Name ?? "";
  return [{ kind: "volume", name, mountpoint: mount.Source, ...common }];
}

/** The reply of `image inspect`. */
export function imageDetailsOf(reply: ImageInspect, containers: number): ImageDetails {
  return {
    id: reply.Id,
    references: reply.RepoTags,
    digests: reply.RepoDigests,
    createdAt: reply.Created === undefined ? 0 : Date.parse(reply.Created),
    sizeBytes: reply.Size,
    containers,
    labels: reply.Config.Labels ?? {},
    config: imageConfigOf(reply),
    layers: reply.RootFS.Layers,
    layerBytes: reply.Tare?.LayerBytes ?? [],
    ...artifactTypeIn(reply),
    ...manifestsIn(reply),
    storage: { driver: reply.GraphDriver.Name, data: reply.GraphDriver.Data ?? {} },
  };
}

function artifactTypeIn({ Tare: tare }: Pick<ApiImageSummary, "Tare">): {
  readonly artifactType?: string | undefined;
} {
  return tare?.ArtifactType === undefined ? {} : { artifactType: tare.ArtifactType };
}

export function imageConfigOf(reply: ImageInspect): ImageConfig {
  const { Config: config } = reply;
  return {
    platform: normalizePlatform(reply.Os, reply.Architecture, reply.Variant),
    created: reply.Created ?? undefined,
    author: reply.Author || undefined,
    comment: reply.Comment || undefined,
    defaults: {
      user: config.User ?? "",
      env: config.Env ?? [],
      entrypoint: config.Entrypoint ?? undefined,
      cmd: config.Cmd ?? undefined,
      workingDirectory: config.WorkingDir ?? "",
      labels: config.Labels ?? {},
      exposedPorts: Object.keys(config.ExposedPorts ?? {}),
      volumes: Object.keys(config.Volumes ?? {}),
      stopSignal: config.StopSignal ?? undefined,
      onBuild: config.OnBuild ?? [],
      shell: config.Shell ?? undefined,
    },
    diffIds: reply.RootFS.Layers.map(parseDigest),
    history: [],
  };
}
