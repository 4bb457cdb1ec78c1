import { Failure } from "../../base/failure.ts";
import { parseUserNamespaceMode, type UserNamespaceMode } from "../../spec/user-namespace-mode.ts";
import type { CreateRequest } from "./create-request.ts";

export type SharedMode = "private" | "host" | { readonly container: string };

export interface NamespaceModes {
  readonly pid?: SharedMode | undefined;
  readonly ipc?: SharedMode | "shareable" | "none" | undefined;
  readonly uts?: SharedMode | undefined;
  readonly cgroup?: "private" | "host" | undefined;
  readonly network?: "none" | "host" | { readonly container: string } | undefined;
  readonly user?: UserNamespaceMode | undefined;
}

/** Which namespaces the container has of its own. Absent: the engine's default. */
export function parseNamespaces({ config, hostConfig }: CreateRequest): NamespaceModes {
  const pid = mode("PID", hostConfig.PidMode, ["private"]);
  const { IpcMode: ipcMode } = hostConfig;
  const isOwn = ipcMode === "shareable" || ipcMode === "none";
  const ipc = isOwn ? ipcMode : mode("IPC", ipcMode, ["private"]);
  const uts = mode("UTS", hostConfig.UTSMode, ["private"]);
  const cgroup = mode("cgroup namespace", hostConfig.CgroupnsMode, ["private"]);
  if (typeof cgroup === "object") throw refused("cgroup namespace", hostConfig.CgroupnsMode ?? "");
  const network = config.NetworkDisabled === true ? "none" : networkMode(hostConfig.NetworkMode ?? "");
  const user = parseUserNamespaceMode(hostConfig.UsernsMode ?? "");
  return {
    pid,
    ipc,
    uts,
    cgroup,
    network,
    user,
  };
}

function mode(what: string, text: string | undefined, own: readonly string[]): SharedMode | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "host") return "host";
  if (own.includes(text)) return "private";
  const container = /^container:(.+)$/.exec(text)?.[1];
  if (container !== undefined) return { container };
  throw refused(what, text);
}

/** Undefined: a namespace of its own, with the networks of parseEndpoints(). */
function networkMode(text: string): NamespaceModes["network"] {
  if (text === "none" || text === "host") return text;
  const container = /^container:(.*)$/.exec(text)?.[1];
  if (container === "") {
    throw new Failure("invalid", "invalid container format container:<name|id>");
  }
  return container === undefined ? undefined : { container };
}

function refused(what: string, text: string): Failure {
  return new Failure("invalid", `invalid ${what} mode: ${text.slice(0, 100)}`);
}
