import { commonOptions, driverOptions, logDrivers } from "../../../spec/log-driver/log-drivers.ts";
import type { Mount, TareHostConfig } from "../../../api/types/host-config.ts";
import { Failure } from "../../../base/failure.ts";
import { paths } from "../../builtin-modules.ts";
import { optionFailure } from "../../flags/flag.ts";
import { bool, int, list, map, string } from "../../flags/kinds.ts";
import { checkLabel } from "../../flags/label.ts";
import { readKeyValueFile } from "./parsers/key-value-file.ts";
import { parseRestartPolicy } from "./parsers/restart-policy.ts";
import { type FieldTable, type Surroundings, toHost, toTare } from "./request-fields.ts";
import { splitAll } from "./storage-flags.ts";

/** Flags about the container as an object of the engine: name, labels, pod, logs, restarts, removal. */
export interface LifecycleValues {
  readonly annotation: Readonly<Record<string, string>>;
  readonly cidfile: string;
  readonly "conmon-pidfile": string;
  readonly label: readonly string[];
  readonly "label-file": readonly string[];
  readonly "log-driver": string;
  readonly "log-opt": readonly string[];
  readonly name: string;
  readonly pidfile: string;
  readonly "init-ctr": string;
  readonly pod: string;
  readonly "pod-id-file": string;
  readonly replace: boolean;
  readonly requires: readonly string[];
  readonly restart: string;
  readonly rm: boolean;
  readonly sdnotify: string;
  readonly timeout: number | undefined;
}

export const lifecycleFlags: FieldTable<LifecycleValues> = {
  annotation: toHost(
    "Annotations",
    map("Add an annotation to the container (passed through to the OCI runtime)"),
  ),
  cidfile: toHost("ContainerIDFile", string("Write the container ID to the file", { isFile: true })),
  "conmon-pidfile": toTare(
    "KeeperPidFile",
    string("Write the PID of the container's keeper to the file at each start (not in Docker)", {
      isFile: true,
    }),
    absolute,
  ),
  "init-ctr": toTare(
    "InitContainer",
    string(
      "Run the container to its end before the others of its pod, at each start or once (not in Docker)",
      {
        words: ["always", "once"],
      },
    ),
  ),
  label: list("Set meta data on a container", { short: "l", check: checkLabel }),
  "label-file": list("Read in a line delimited file of labels", { isFile: true }),
  "log-driver": string("Logging driver for the container", { words: logDrivers }),
  "log-opt": list("Log driver options", {
    words: [...new Set([...commonOptions, ...Object.values(driverOptions).flat()])].map((name) => `${name}=`),
  }),
  name: string("Assign a name to the container"),
  pidfile: toTare(
    "PidFile",
    string("Write the PID of the container to the file at each start (not in Docker)", { isFile: true }),
    absolute,
  ),
  pod: string("Run the container in a pod: its name or ID, or new:NAME to create one (not in Docker)", {
    words: ["new:"],
    names: "pod",
    check: checkPod,
  }),
  "pod-id-file": string("Read the ID of the pod from the file (not in Docker)", { isFile: true }),
  replace: bool("Remove an existing container with the same name by force (not in Docker)"),
  requires: toTare("Requires", list("Start these containers first (not in Docker)"), splitAll),
  restart: toHost(
    "RestartPolicy",
    string("Restart policy to apply when a container exits", {
      initial: "no",
      words: ["no", "always", "on-failure", "unless-stopped"],
    }),
    (text) => (text === "" ? undefined : parseRestartPolicy(text)),
    { whenGiven: true },
  ),
  rm: toHost("AutoRemove", bool("Automatically remove the container when it exits")),
  sdnotify: string(
    'Sender of the start notification to systemd ($NOTIFY_SOCKET): "container", "conmon" for the engine, "healthy" for the engine with the first healthy check, or "ignore" for none (not in Docker)',
    { words: ["container", "conmon", "healthy", "ignore"], check: checkNotify },
  ),
  timeout: toTare(
    "TimeoutSeconds",
    int("Kill the container after this many seconds, 0 for never (not in Docker)"),
    (seconds) => {
      if (seconds < 0) throw optionFailure("--timeout: must not be negative");
      return seconds === 0 ? undefined : seconds;
    },
  ),
};

/** `--label` and `--label-file`, by name. */
export function parseLabels(
  values: Pick<LifecycleValues, "label" | "label-file">,
  cwd: string,
): Readonly<Record<string, string>> {
  if (values.label.length === 0 && values["label-file"].length === 0) return {};
  const entries = [
    ...values["label-file"].flatMap((path) => readKeyValueFile(path, { cwd })),
    ...values.label,
  ];
  return Object.fromEntries(entries.map(splitAtEquals));
}

/** `--log-driver` and `--log-opt`. Throws optionFailure(). */
export function parseLogConfig({
  "log-driver": driver,
  "log-opt": options,
}: Pick<LifecycleValues, "log-driver" | "log-opt">): {
  readonly LogConfig?:
    | { readonly Type: string; readonly Config: Readonly<Record<string, string>> }
    | undefined;
} {
  if (driver === "" && options.length === 0) return {};
  if (driver === "none" && options.length > 0) throw optionFailure("invalid logging opts for driver none");
  return { LogConfig: { Type: driver, Config: Object.fromEntries(options.map(splitAtEquals)) } };
}

function splitAtEquals(entry: string): readonly [string, string] {
  const at = entry.indexOf("=");
  return at === -1 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}

/** Path in the container of the socket that `--sdnotify container` binds. */
const notifyPath = "/run/notify/notify.sock";

/** The socket that `--sdnotify container` binds and its variable; nothing if systemd expects no notification. */
export function parseNotify(
  { sdnotify }: Pick<LifecycleValues, "sdnotify">,
  env: Surroundings["env"],
): { readonly env: readonly string[]; readonly mounts: readonly Mount[] } {
  const socket = env["NOTIFY_SOCKET"] ?? "";
  if (sdnotify !== "container" || socket === "") return { env: [], mounts: [] };
  if (!socket.startsWith("/"))
    throw optionFailure(`--sdnotify: cannot bind the socket ${JSON.stringify(socket)}: it has no path`);
  // A mount, not a bind of -v: a missing socket must not become a directory of the host.
  const mount: Mount = { Type: "bind", Source: socket, Target: notifyPath };
  return { env: [`NOTIFY_SOCKET=${notifyPath}`], mounts: [mount] };
}

/** The notification that `--sdnotify conmon` and `healthy` request; nothing if systemd expects no notification. */
export function parseEngineNotify(
  { sdnotify }: Pick<LifecycleValues, "sdnotify">,
  { env, pid }: { readonly env: Surroundings["env"]; readonly pid: number },
): TareHostConfig {
  const socket = env["NOTIFY_SOCKET"] ?? "";
  if (socket === "" || (sdnotify !== "conmon" && sdnotify !== "healthy")) return {};
  return { NotifySocket: socket, NotifyPid: pid, NotifyHealthy: sdnotify === "healthy" || undefined };
}

function absolute(path: string, { cwd }: Surroundings): string {
  return paths().resolve(cwd, path);
}

function checkPod(text: string): string {
  if (text !== "" && text !== "new:") return text;
  throw new Failure("invalid", "want the name or ID of a pod, or new:NAME");
}

function checkNotify(text: string): string {
  if (["container", "conmon", "healthy", "ignore"].includes(text)) return text;
  throw new Failure("invalid", "must be container, conmon, healthy or ignore");
}
