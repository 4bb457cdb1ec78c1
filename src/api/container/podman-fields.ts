import { Failure } from "../../base/failure.ts";
import { mergeDefined } from "../../base/defined.ts";
import type {
  ContainerLifecycle,
  ContainerProcess,
  ContainerResources,
  ContainerSpec,
} from "../../model/container-spec.ts";
import { formatSecret, parseSecret } from "../secret/secret-request.ts";
import type { TareHostConfig } from "../types/host-config.ts";
import { formatPlainTareFields, parsePlainTareFields } from "./plain-tare-fields.ts";

/** Settings of `HostConfig.Tare`, by the groups of ContainerSpec. */
export type TareSettings = Pick<
  ContainerSpec,
  "pod" | "process" | "isolation" | "resources" | "storage" | "network" | "lifecycle"
>;

/** Throws Failure("invalid") for values that can never work. */
export function parsePodmanFields(fields: TareHostConfig): TareSettings {
  const { TimeoutSeconds: seconds = 0 } = fields;
  if (seconds < 0 || seconds > mostSeconds)
    throw new Failure("invalid", `invalid timeout ${seconds}: want 0 to ${mostSeconds} seconds`);
  const plain = parsePlainTareFields(fields);
  return {
    pod: fields.Pod || undefined,
    process: mergeDefined<ContainerProcess>(plain.process ?? {}, parseSystemd(fields)),
    resources: { ...plain.resources, cgroups: parseCgroups(fields.Cgroups) },
    storage: { ...plain.storage, secrets: nonEmpty(fields.Secrets)?.map(parseSecret) },
    network: plain.network,
    lifecycle: {
      ...plain.lifecycle,
      timeoutMs: seconds === 0 ? undefined : seconds * 1000,
      notify: parseNotify(fields),
      pidFile: parsePath(fields.PidFile, "PidFile"),
      keeperPidFile: parsePath(fields.KeeperPidFile, "KeeperPidFile"),
    },
  };
}

function parsePath(path = "", name: string): string | undefined {
  if (path === "") return undefined;
  if (path.startsWith("/") && !path.includes("\0")) return path;
  throw new Failure(
    "invalid",
    `invalid ${name} ${JSON.stringify(path.slice(0, 100))}: want an absolute path`,
  );
}

function parseNotify({
  NotifySocket: socket = "",
  NotifyPid: pid,
  NotifyHealthy: whenHealthy,
}: TareHostConfig): ContainerLifecycle["notify"] {
  if (socket === "") return undefined;
  if (!/^[/@]./.test(socket)) {
    throw new Failure(
      "invalid",
      `invalid socket to notify "${socket.slice(0, 100)}": want an absolute path, or an abstract name with @ before it`,
    );
  }
  return {
    socket,
    pid: pid === undefined || pid <= 0 ? undefined : pid,
    whenHealthy: whenHealthy || undefined,
  };
}

function parseCgroups(word = ""): ContainerResources["cgroups"] {
  if (word === "disabled" || word === "split") return word;
  if (["", "enabled", "no-conmon"].includes(word)) return undefined;
  throw new Failure(
    "invalid",
    `invalid mode of cgroups "${word.slice(0, 50)}": want enabled, disabled, no-conmon or split`,
  );
}

function parseSystemd({
  Systemd: word = "",
  ShmSizeSystemd: bytes,
}: TareHostConfig): Pick<ContainerProcess, "systemd" | "systemdTmpfsBytes"> {
  if (!["", "false", "true", "always"].includes(word))
    throw new Failure("invalid", `invalid systemd mode "${word.slice(0, 50)}": want true, false or always`);
  if (bytes !== undefined && bytes < 0)
    throw new Failure("invalid", "the size of systemd's tmpfs can not be less than 0");
  return {
    systemd: word === "true" || word === "always" ? (word === "true" ? "auto" : word) : undefined,
    systemdTmpfsBytes: bytes,
  };
}

/** The way back. */
export function formatPodmanFields(spec: TareSettings): TareHostConfig {
  const { process = {}, resources = {}, storage = {}, lifecycle = {} } = spec;
  return mergeDefined(formatPlainTareFields(spec), {
    Pod: spec.pod,
    PidFile: lifecycle.pidFile,
    KeeperPidFile: lifecycle.keeperPidFile,
    NotifySocket: lifecycle.notify?.socket,
    NotifyPid: lifecycle.notify?.pid,
    NotifyHealthy: lifecycle.notify?.whenHealthy,
    Cgroups: resources.cgroups,
    Systemd: process.systemd === "auto" ? "true" : process.systemd,
    ShmSizeSystemd: process.systemdTmpfsBytes,
    Secrets: storage.secrets?.map(formatSecret),
    TimeoutSeconds: lifecycle.timeoutMs === undefined ? undefined : Math.ceil(lifecycle.timeoutMs / 1000),
  });
}

function nonEmpty<T>(list: readonly T[] | null | undefined): readonly T[] | undefined {
  return list === undefined || list === null || list.length === 0 ? undefined : list;
}

/** As long as a timer can wait: 24 days. */
const mostSeconds = Math.floor((2 ** 31 - 1) / 1000);
