import { Failure } from "../../base/failure.ts";
import type { FieldShapes } from "../http/field-shapes.ts";
import { formatSecret, type PlannedSecret, planSecret, secretShapes } from "../secret/secret-request.ts";
import type { TareHostConfig } from "../types/host-config.ts";

/** Fields of `HostConfig.Tare` for what podman's flags can say and Docker's can't. */
export const podmanShapes: FieldShapes = {
  Pod: "text",
  Requires: "texts",
  EnvMerge: "texts",
  ImageVolumes: "text",
  PasswdEntry: "text",
  GroupEntry: "text",
  HostUsers: "texts",
  ChrootDirs: "texts",
  TimeoutSeconds: "integer",
  HostsFile: "text",
  RdtClass: "text",
  PidFile: "text",
  KeeperPidFile: "text",
  UnsetEnvAll: "boolean",
  RemoveImage: "boolean",
  NotifySocket: "text",
  NotifyPid: "integer",
  Cgroups: "text",
  Systemd: "text",
  ShmSizeSystemd: "integer",
  Secrets: { list: secretShapes },
};

const imageVolumeWords = ["anonymous", "tmpfs", "ignore"] as const;
type ImageVolumes = (typeof imageVolumeWords)[number];

/** What they ask for, in the engine's words. */
export interface PlannedPodmanFields {
  readonly pod?: string;
  readonly requires?: readonly string[];
  readonly envMerge?: readonly string[];
  readonly imageVolumes?: ImageVolumes;
  readonly passwdEntry?: string;
  readonly groupEntry?: string;
  readonly hostUsers?: readonly string[];
  readonly chrootDirectories?: readonly string[];
  readonly timeoutMs?: number;
  readonly hostsFile?: string;
  readonly rdtClass?: string;
  readonly pidFile?: string;
  readonly keeperPidFile?: string;
  readonly clearEnv?: boolean;
  readonly removeImage?: boolean;
  readonly notify?: { readonly socket: string; readonly pid?: number };
  readonly cgroups?: "disabled" | "split";
  readonly systemd?: "always" | "auto";
  readonly systemdTmpfsBytes?: number;
  readonly secrets?: readonly PlannedSecret[];
}

/** Throws Failure("invalid") for values that can never work. */
export function planPodmanFields(fields: TareHostConfig): PlannedPodmanFields {
  const { TimeoutSeconds: seconds = 0, ImageVolumes: word = "" } = fields;
  if (seconds < 0 || seconds > mostSeconds)
    throw new Failure("invalid", `invalid timeout ${seconds}: want 0 to ${mostSeconds} seconds`);
  const imageVolumes = imageVolumeWords.find((known) => known === word);
  if (word !== "" && imageVolumes === undefined) {
    throw new Failure(
      "invalid",
      `invalid way of image volumes "${word.slice(0, 50)}": want ${imageVolumeWords.join(", ")}`,
    );
  }
  const planned: PlannedPodmanFields = {
    pod: fields.Pod ?? "",
    requires: fields.Requires ?? [],
    envMerge: fields.EnvMerge ?? [],
    passwdEntry: fields.PasswdEntry ?? "",
    groupEntry: fields.GroupEntry ?? "",
    hostUsers: fields.HostUsers ?? [],
    chrootDirectories: fields.ChrootDirs ?? [],
    hostsFile: fields.HostsFile ?? "",
    rdtClass: fields.RdtClass ?? "",
    pidFile: planPath(fields.PidFile, "PidFile"),
    keeperPidFile: planPath(fields.KeeperPidFile, "KeeperPidFile"),
    secrets: (fields.Secrets ?? []).map(planSecret),
  };
  return {
    ...(Object.fromEntries(
      Object.entries(planned).filter(([, value]) => (value as string).length > 0),
    ) as PlannedPodmanFields),
    ...(imageVolumes === undefined ? {} : { imageVolumes }),
    ...(fields.UnsetEnvAll === true ? { clearEnv: true } : {}),
    ...(fields.RemoveImage === true ? { removeImage: true } : {}),
    ...planNotify(fields),
    ...planCgroups(fields),
    ...planSystemd(fields),
    ...(seconds === 0 ? {} : { timeoutMs: seconds * 1000 }),
  };
}

function planPath(path = "", name: string): string {
  if (path === "" || (path.startsWith("/") && !path.includes("\0"))) return path;
  throw new Failure(
    "invalid",
    `invalid ${name} ${JSON.stringify(path.slice(0, 100))}: want an absolute path`,
  );
}

function planNotify({
  NotifySocket: socket = "",
  NotifyPid: pid,
}: TareHostConfig): Pick<PlannedPodmanFields, "notify"> {
  if (socket === "") return {};
  if (!/^[/@]./.test(socket)) {
    throw new Failure(
      "invalid",
      `invalid socket to notify "${socket.slice(0, 100)}": want an absolute path, or an abstract name with @ before it`,
    );
  }
  return { notify: { socket, ...(pid === undefined || pid <= 0 ? {} : { pid }) } };
}

function planCgroups({ Cgroups: word = "" }: TareHostConfig): Pick<PlannedPodmanFields, "cgroups"> {
  if (word === "disabled" || word === "split") return { cgroups: word };
  if (["", "enabled", "no-conmon"].includes(word)) return {};
  throw new Failure(
    "invalid",
    `invalid mode of cgroups "${word.slice(0, 50)}": want enabled, disabled, no-conmon or split`,
  );
}

function planSystemd({
  Systemd: word = "",
  ShmSizeSystemd: bytes,
}: TareHostConfig): Pick<PlannedPodmanFields, "systemd" | "systemdTmpfsBytes"> {
  if (!["", "false", "true", "always"].includes(word))
    throw new Failure("invalid", `invalid systemd mode "${word.slice(0, 50)}": want true, false or always`);
  if (bytes !== undefined && bytes < 0)
    throw new Failure("invalid", "the size of systemd's tmpfs can not be less than 0");
  return {
    ...(word === "true" || word === "always" ? { systemd: word === "true" ? "auto" : word } : {}),
    ...(bytes === undefined ? {} : { systemdTmpfsBytes: bytes }),
  };
}

/** The way back. */
export function formatPodmanFields(spec: PlannedPodmanFields): TareHostConfig {
  const fields: { readonly [Name in keyof TareHostConfig]: TareHostConfig[Name] | undefined } = {
    Pod: spec.pod,
    Requires: spec.requires,
    EnvMerge: spec.envMerge,
    ImageVolumes: spec.imageVolumes,
    PasswdEntry: spec.passwdEntry,
    GroupEntry: spec.groupEntry,
    HostUsers: spec.hostUsers,
    ChrootDirs: spec.chrootDirectories,
    HostsFile: spec.hostsFile,
    RdtClass: spec.rdtClass,
    PidFile: spec.pidFile,
    KeeperPidFile: spec.keeperPidFile,
    UnsetEnvAll: spec.clearEnv,
    RemoveImage: spec.removeImage,
    NotifySocket: spec.notify?.socket,
    NotifyPid: spec.notify?.pid,
    Cgroups: spec.cgroups,
    Systemd: spec.systemd === "auto" ? "true" : spec.systemd,
    ShmSizeSystemd: spec.systemdTmpfsBytes,
    Secrets: spec.secrets?.map(formatSecret),
    TimeoutSeconds: spec.timeoutMs === undefined ? undefined : Math.ceil(spec.timeoutMs / 1000),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** As long as a timer can wait: 24 days. */
const mostSeconds = Math.floor((2 ** 31 - 1) / 1000);
