import { secretSchemas } from "../secret/secret-request.ts";
import { plainTareSchemas } from "./plain-tare-fields.ts";
import { Failure } from "../../base/failure.ts";
import { mergeDefined } from "../../base/defined.ts";
import { formatPodmanFields, parsePodmanFields, type TareSettings } from "./podman-fields.ts";
import { formatTimeOffsets, parseTimeOffsets } from "../../spec/time-offsets.ts";
import type { HostConfig, TareHostConfig } from "../types/host-config.ts";
import type { SchemasOf } from "../http/field-schemas.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { portBindingSchemas } from "./port-binding-schemas.ts";

/** Fields of `HostConfig.Tare`. */
export const tareSchemas: SchemasOf<TareHostConfig> = {
  Umask: "text",
  Personality: "text",
  NoHosts: "boolean",
  NoHostname: "boolean",
  TimeOffset: "text",
  RecordCalls: "boolean",
  HugePageLimits: "text-map",
  CgroupConf: "text-map",
  ...plainTareSchemas,
  Pod: "text",
  TimeoutSeconds: "integer",
  PidFile: "text",
  KeeperPidFile: "text",
  NotifySocket: "text",
  NotifyPid: "integer",
  NotifyHealthy: "boolean",
  Cgroups: "text",
  Systemd: "text",
  ShmSizeSystemd: "integer",
  Secrets: { list: secretSchemas },
  PublishAdd: { mapOfLists: portBindingSchemas },
  PublishRemove: "texts",
};

/**
 * Settings of `HostConfig.Tare`, by the groups of ContainerSpec. Throws Failure("invalid") for values that can never
 * work.
 */
export function parseTareFields(fields: TareHostConfig): TareSettings {
  const { Umask: umask = "", Personality: personality = "", TimeOffset: timeOffset = "" } = fields;
  const podman = parsePodmanFields(fields);
  return {
    ...podman,
    process: {
      ...podman.process,
      umask: umask === "" ? undefined : parseUmask(umask),
      personality: personality === "" ? undefined : parsePersonality(personality),
    },
    isolation: {
      timeOffsets: timeOffset === "" ? undefined : parseTimeOffsets(timeOffset),
      recordCalls: fields.RecordCalls || undefined,
    },
    network: {
      ...podman.network,
      ownsHosts: fields.NoHosts || undefined,
      ownsHostname: fields.NoHostname || undefined,
    },
  };
}

/** The way back: `HostConfig.Tare` of a spec; left out when there is nothing of it. */
export function formatTareFields(spec: Omit<ContainerSpec, "image">): Pick<HostConfig, "Tare"> {
  const { process: { umask, personality } = {}, isolation: { timeOffsets, recordCalls } = {} } = spec;
  const {
    network: { ownsHosts, ownsHostname } = {},
    resources: { limits: { hugePages, unified } = {} } = {},
  } = spec;
  const fields = mergeDefined<TareHostConfig>(
    {
      Umask: umask?.toString(8).padStart(4, "0"),
      TimeOffset: timeOffsets && formatTimeOffsets(timeOffsets),
      HugePageLimits: hugePages && textsOf(hugePages),
      CgroupConf: unified,
      Personality: personality,
      NoHosts: ownsHosts || undefined,
      NoHostname: ownsHostname || undefined,
      RecordCalls: recordCalls || undefined,
    },
    formatPodmanFields(spec),
  );
  return Object.keys(fields).length === 0 ? {} : { Tare: fields };
}

function textsOf(numbers: Readonly<Record<string, number>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(numbers).map(([key, number]) => [key, String(number)]));
}

function parsePersonality(text: string): "LINUX" | "LINUX32" {
  if (text === "LINUX" || text === "LINUX32") return text;
  throw new Failure("invalid", `invalid personality "${text.slice(0, 50)}": must be LINUX or LINUX32`);
}

function parseUmask(text: string): number {
  if (!/^0*[0-7]{1,3}$/.test(text) || text.length > 8) {
    throw new Failure("invalid", `invalid umask "${text.slice(0, 50)}": must be octal, 0000 to 0777`);
  }
  return Number.parseInt(text, 8);
}
