import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, isFailure, sentenceOf } from "../base/failure.ts";
import { Client } from "../client/client.ts";
import { defaultCdiDirectories, readCdiDevices } from "../engine/host/cdi-specs.ts";
import { findHostFaults, readHost } from "../engine/host-check/check-host.ts";
import type { DaemonFacts } from "../engine/host-check/facts.ts";
import type { HostFinding } from "../model/host-check.ts";
import { parseGroup } from "../spec/passwd.ts";

/** Which installation is checked. */
export interface HostCheckOptions {
  /** Default: that of the daemon that serves, else `/var/lib/tare`. */
  readonly dataRoot?: string | undefined;
  /** Default: that of the daemon that serves, else `/run/tare`. */
  readonly runRoot?: string | undefined;
  /** Of the daemon, `unix:///path`. Default: the socket in the run root. No daemon is started. */
  readonly host?: string | undefined;
}

/** A daemon that is this busy is in trouble. */
const answerWithinMs = 3_000;

/** See checkHost() in mod.ts; `client` is what the daemon's build is compared with. */
export async function checkHost(
  { dataRoot, runRoot, host = `unix://${runRoot ?? "/run/tare"}/tare.sock` }: HostCheckOptions,
  client?: DaemonFacts["client"],
): Promise<readonly HostFinding[]> {
  const { facts, roots, cdiDirectories } = await askDaemon(host);
  const { devices, problems } = await readCdiDevices(cdiDirectories ?? defaultCdiDirectories);
  return findHostFaults(
    readHost({
      dataRoot: dataRoot ?? roots?.dataRoot ?? "/var/lib/tare",
      runRoot: runRoot ?? roots?.runRoot ?? "/run/tare",
      daemon: { ...facts, client },
      cdi: { devices: [...devices.keys()].sort(), problems },
    }),
  );
}

async function askDaemon(host: string): Promise<{
  readonly facts: DaemonFacts;
  readonly roots?: { readonly dataRoot: string; readonly runRoot: string } | undefined;
  readonly cdiDirectories?: readonly string[] | undefined;
}> {
  const known = { host, hasService: hasService(), ...findSocket(host) };
  try {
    using client = new Client({ host });
    const answer = await client.system.build({ signal: AbortSignal.timeout(answerWithinMs) });
    const { Version: version, BuildId: buildId, DataRoot: dataRoot, RunRoot: runRoot } = answer;
    return {
      facts: { ...known, state: "serves", version, buildId },
      roots: { dataRoot, runRoot },
      cdiDirectories: await findCdiDirectories(client),
    };
  } catch (thrown) {
    return { facts: { ...known, state: stateOf(thrown, host), problem: sentenceOf(thrown) } };
  }
}

/** Undefined: the daemon does not say. */
async function findCdiDirectories(client: Client): Promise<readonly string[] | undefined> {
  try {
    const info = await client.system.info({ signal: AbortSignal.timeout(answerWithinMs) });
    return info.CDISpecDirs ?? undefined;
  } catch {
    return undefined;
  }
}

function stateOf(thrown: unknown, host: string): DaemonFacts["state"] {
  if (isFailure(thrown, "not-permitted")) return "denied";
  if (isFailure(thrown, "not-found")) return "foreign";
  if (isFailure(thrown, "unavailable")) return isAbsent(host) ? "absent" : "refused";
  if (thrown instanceof Failure && thrown.kind !== "canceled" && thrown.kind !== "deadline") return "failed";
  return "silent";
}

function pathOf(host: string): string | undefined {
  return host.startsWith("unix://") ? host.slice("unix://".length) : undefined;
}

function isAbsent(host: string): boolean {
  const path = pathOf(host);
  return path !== undefined && !existsSync(path);
}

function findSocket(host: string): Pick<DaemonFacts, "socketMode" | "group" | "isInGroup"> {
  const path = pathOf(host);
  if (path === undefined) return {};
  const socket = statOf(path);
  const gid = (socket ?? statOf(dirname(path)))?.gid;
  if (gid === undefined) return {};
  const name = groups().find((each) => each.gid === gid)?.name ?? String(gid);
  return {
    socketMode: socket === undefined ? undefined : socket.mode & 0o777,
    group: { gid, name },
    isInGroup: process.getgid?.() === gid || process.getgroups?.().includes(gid) === true,
  };
}

function statOf(path: string): { readonly mode: number; readonly gid: number } | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function groups(): ReturnType<typeof parseGroup> {
  try {
    return parseGroup(readFileSync("/etc/group", "utf8"));
  } catch {
    return [];
  }
}

function hasService(): boolean {
  return ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"].some((directory) =>
    existsSync(`${directory}/tare.service`),
  );
}
