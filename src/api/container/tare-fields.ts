import { Failure } from "../../base/failure.ts";
import {
  formatPodmanFields,
  planPodmanFields,
  type PlannedPodmanFields,
  podmanShapes,
} from "./podman-fields.ts";
import { formatTimeOffsets, parseTimeOffsets, type TimeOffsets } from "../../spec/time-offsets.ts";
import type { HostConfig, TareHostConfig } from "../types/host-config.ts";
import type { FieldShapes } from "../http/field-shapes.ts";
import type { PlannedLimits } from "./limits.ts";
import { portBindingShapes } from "./port-binding-shapes.ts";

/** Fields of `HostConfig.Tare`. */
export const tareShapes: FieldShapes = {
  Umask: "text",
  Personality: "text",
  NoHosts: "boolean",
  NoHostname: "boolean",
  TimeOffset: "text",
  RecordCalls: "boolean",
  HugePageLimits: "text-map",
  CgroupConf: "text-map",
  ...podmanShapes,
  PublishAdd: { mapOfLists: portBindingShapes },
  PublishRemove: "texts",
};

/** What `HostConfig.Tare` asks for, in the engine's words. */
export interface PlannedTareFields extends PlannedPodmanFields {
  readonly umask?: number;
  readonly personality?: "LINUX" | "LINUX32";
  readonly ownsHosts?: boolean;
  readonly ownsHostname?: boolean;
  readonly timeOffsets?: TimeOffsets;
  readonly recordCalls?: boolean;
}

/** Throws Failure("invalid") for values that can never work. */
export function planTareFields(fields: TareHostConfig): PlannedTareFields {
  const { Umask: umask = "", Personality: personality = "", TimeOffset: timeOffset = "" } = fields;
  return {
    ...(umask === "" ? {} : { umask: parseUmask(umask) }),
    ...(timeOffset === "" ? {} : { timeOffsets: parseTimeOffsets(timeOffset) }),
    ...(personality === "" ? {} : { personality: parsePersonality(personality) }),
    ...(fields.NoHosts === true ? { ownsHosts: true } : {}),
    ...(fields.NoHostname === true ? { ownsHostname: true } : {}),
    ...(fields.RecordCalls === true ? { recordCalls: true } : {}),
    ...planPodmanFields(fields),
  };
}

/** The way back: `HostConfig.Tare` of a spec; left out when there is nothing of it. */
export function formatTareFields(
  spec: PlannedTareFields & { readonly limits?: Pick<PlannedLimits, "hugePages" | "unified"> },
): Pick<HostConfig, "Tare"> {
  const { umask, timeOffsets, recordCalls, limits: { hugePages, unified } = {} } = spec;
  const fields: TareHostConfig = {
    ...(umask === undefined ? {} : { Umask: umask.toString(8).padStart(4, "0") }),
    ...(timeOffsets === undefined ? {} : { TimeOffset: formatTimeOffsets(timeOffsets) }),
    ...(hugePages === undefined ? {} : { HugePageLimits: textsOf(hugePages) }),
    ...(unified === undefined ? {} : { CgroupConf: unified }),
    ...(spec.personality === undefined ? {} : { Personality: spec.personality }),
    ...(spec.ownsHosts === true ? { NoHosts: true } : {}),
    ...(spec.ownsHostname === true ? { NoHostname: true } : {}),
    ...(recordCalls === true ? { RecordCalls: true } : {}),
    ...formatPodmanFields(spec),
  };
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
