import { Failure } from "../../base/failure.ts";
import { type ProcessDetails, ticksPerSecond } from "../../linux/process/process-details.ts";
import { cell } from "./process-table.ts";
import type { ProcessColumn, ProcessTableFacts } from "./process-column.ts";

const column = (title: string, format: ProcessColumn["format"]): ProcessColumn => ({ title, format });
const user = ({ uid }: ProcessDetails, { users }: ProcessTableFacts): string => users.get(uid) ?? String(uid);
const group = ({ gid }: ProcessDetails, { groups }: ProcessTableFacts): string =>
  groups.get(gid) ?? String(gid);
const kib = (bytes: number): string => String(Math.trunc(bytes / 1024));
const terminal = ({ terminal: name = "?" }: ProcessDetails): string => name;

/** By the names that `ps -o` has for them. */
const known: ReadonlyMap<string, ProcessColumn> = new Map(
  Object.entries({
    "pid tgid": column("PID", ({ pid }) => String(pid)),
    ppid: column("PPID", ({ parentPid }) => String(parentPid)),
    "pgid pgrp": column("PGID", ({ groupId }) => String(groupId)),
    "sid sess session": column("SID", ({ sessionId }) => String(sessionId)),
    "uid euid": column("UID", ({ uid }) => String(uid)),
    "gid egid": column("GID", ({ gid }) => String(gid)),
    "user euser uname": column("USER", user),
    "group egroup": column("GROUP", group),
    c: column("C", (process, facts) => cell.cpuPercent(process, facts, 0)),
    "pcpu %cpu": column("%CPU", (process, facts) => cell.cpuPercent(process, facts, 1)),
    "pmem %mem": column("%MEM", ({ residentBytes }, { memoryBytes }) =>
      ((residentBytes * 100) / memoryBytes).toFixed(1),
    ),
    "vsz vsize": column("VSZ", ({ virtualBytes }) => kib(virtualBytes)),
    "rss rssize rsz": column("RSS", ({ residentBytes }) => kib(residentBytes)),
    "tty tt tname": column("TT", terminal),
    stat: column("STAT", cell.status),
    "s state": column("S", ({ state }) => state),
    "stime start_time": column("STIME", cell.startTime),
    "time cputime": column("TIME", cell.cpuTime),
    bsdtime: column("TIME", cell.shortCpuTime),
    cputimes: column("TIME", ({ cpuTicks }) => String(Math.trunc(cpuTicks / ticksPerSecond))),
    etime: column("ELAPSED", cell.elapsed),
    etimes: column("ELAPSED", cell.elapsedSeconds),
    "comm ucmd ucomm": column("COMMAND", ({ name }) => name),
    "args command": column("COMMAND", cell.command),
    cmd: column("CMD", cell.command),
    "nlwp thcount": column("NLWP", ({ threads }) => String(threads)),
    "pri priority": column("PRI", ({ priority }) => String(priority)),
    "ni nice": column("NI", ({ nice }) => String(nice)),
  }).flatMap(([names, value]) => names.split(" ").map((name) => [name, value] as const)),
);

const full: readonly ProcessColumn[] = [
  column("UID", user),
  ...named("pid", "ppid", "c", "stime"),
  column("TTY", terminal),
  ...named("time", "cmd"),
];
const userOriented: readonly ProcessColumn[] = [
  ...named("user", "pid", "%cpu", "%mem", "vsz", "rss"),
  column("TTY", terminal),
  ...named("stat"),
  column("START", cell.startTime),
  ...named("bsdtime", "args"),
];
const short: readonly ProcessColumn[] = [
  ...named("pid"),
  column("TTY", terminal),
  ...named("time"),
  column("CMD", ({ name }) => name),
];

/**
 * The columns that the options of ps(1) request; the default is `-ef`. Options cannot select processes. Pure; "invalid"
 * for unsupported options.
 */
export function parseProcessColumns(options: string): readonly ProcessColumn[] {
  const words = options.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return full;
  let columns = short;
  const asked: ProcessColumn[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    // `-eo LIST`, `axoLIST` and `--format=LIST`: letters of other options, then the list or nothing for the next word.
    const [isList, letters, list] =
      /^--()format(?:=(.*))?$/.exec(word) ?? /^(-?[A-Za-np-z]*)o(.*)$/.exec(word) ?? [];
    if (isList !== undefined) {
      asked.push(...parseList(list === undefined || list === "" ? (words.shift() ?? "") : list));
    }
    const cluster = letters ?? word;
    if (/^(-[eAadxwf]*f[eAadxwf]*)$/.test(cluster)) columns = full;
    else if (/^-?aux$|^(?=[axw]*u)[auxw]+$/.test(cluster)) columns = userOriented;
    else if (!/^(-?[axw]*|-[eAadxw]*)$/.test(cluster)) {
      throw refuse(
        `ps option "${word.slice(0, 50)}" is not supported; there are -ef, aux and -o with columns`,
      );
    }
  }
  return asked.length === 0 ? columns : asked;
}

/** `pid,user` or `pid=Process`, whose heading goes on to the end. */
function parseList(text: string): readonly ProcessColumn[] {
  const at = text.indexOf("=");
  const names = (at === -1 ? text : text.slice(0, at)).split(",");
  if (names.some((name) => !known.has(name))) {
    const name = names.find((each) => !known.has(each)) ?? "";
    throw refuse(name === "" ? "ps -o needs columns" : `ps has no column "${name.slice(0, 50)}" here`);
  }
  return named(...names).map((each, index) =>
    at !== -1 && index === names.length - 1 ? { ...each, title: text.slice(at + 1) } : each,
  );
}

function named(...names: readonly string[]): readonly ProcessColumn[] {
  return names.flatMap((name) => known.get(name) ?? []);
}

function refuse(why: string): Failure {
  return new Failure("invalid", `cannot list the processes: ${why}`);
}
