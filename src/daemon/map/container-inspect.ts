import type * as api from "../../api/types/container.ts";
import { formatIdRange, type IdMaps } from "../../spec/id-map.ts";
import type { Denial } from "../../model/denials.ts";
import type { StartTiming } from "../../model/container-state.ts";
import type { LogForwardingStatus } from "../../model/logs.ts";
import type { ContainerDetails } from "../../model/containers.ts";
import { configOf } from "./container-config.ts";
import { sizesOf } from "./container-summary.ts";
import { stateOf, timeText } from "./container-state.ts";
import { hostConfigOf } from "./host-config.ts";
import { mountPointsOf } from "./mount-point.ts";
import { networkSettingsOf } from "./network.ts";
import { membershipOf } from "./pod.ts";
import { graphDriverOf } from "./graph-driver.ts";

/** `GET /containers/{id}/json` */
export function containerInspectOf(details: ContainerDetails): api.ContainerInspect {
  const { process, files, effective, lastTiming } = details;
  return {
    Id: details.id,
    Created: timeText(details.createdAt),
    Path: process.path,
    Args: process.args,
    State: stateOf(details.state, details.health),
    Image: details.imageId,
    ResolvConfPath: files.resolvConf,
    HostnamePath: files.hostname,
    HostsPath: files.hosts,
    LogPath: files.log,
    Name: `/${details.name}`,
    RestartCount: details.restartCount,
    Driver: details.storage.driver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: details.effective.appArmorProfile ?? "",
    ExecIDs: details.execIds.length === 0 ? null : details.execIds,
    HostConfig: hostConfigOf(details),
    GraphDriver: graphDriverOf(details.storage),
    ...sizesOf(details.sizes),
    Mounts: mountPointsOf(details.mounts, details.spec),
    Config: configOf(details),
    NetworkSettings: networkSettingsOf(details),
    Tare: {
      Cgroup: effective.cgroup,
      ...(details.pod === undefined ? {} : membershipOf(details.pod)),
      Capabilities: effective.capabilities,
      ...idMapsOf(effective.idMaps),
      Timing: lastTiming && timingOf(lastTiming),
      Denials: details.denials?.map(denialOf),
      UnrecordedCalls: details.unrecordedCalls,
      RecordedProfile: details.recordedProfile,
      LogForwarding: details.logForwarding && logForwardingOf(details.logForwarding),
    },
  };
}

function logForwardingOf(status: LogForwardingStatus): api.LogForwarding {
  return {
    Driver: status.driver,
    Receiver: status.receiver,
    Connected: status.isConnected,
    Sent: status.sent,
    PendingBytes: status.pendingBytes,
    DroppedBytes: status.droppedBytes,
    LastError: status.lastError?.sentence ?? "",
    LastErrorAt: status.lastError && timeText(status.lastError.at),
  };
}

function denialOf(denial: Denial): api.Denial {
  const { text, error, execId } = denial;
  return {
    Call: denial.call,
    Architecture: denial.architecture,
    Args: denial.args.map((argument) => `0x${argument.toString(16)}`),
    Text: text,
    Error: error,
    By: denial.by,
    Advice: denial.advice,
    Count: denial.count,
    FirstAt: timeText(denial.firstAt),
    LastAt: timeText(denial.lastAt),
    Pid: denial.pid,
    ExecID: execId,
  };
}

export function timingOf(timing: StartTiming): api.StartTiming {
  return { TotalMs: timing.totalMs, Phases: timing.phases.map(({ name, ms }) => ({ Name: name, Ms: ms })) };
}

function idMapsOf(maps: IdMaps | undefined): Pick<api.ContainerTareDetails, "UidMap" | "GidMap"> {
  if (maps === undefined) return {};
  return { UidMap: maps.uids.map(formatIdRange), GidMap: maps.gids.map(formatIdRange) };
}
