import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { codeOf, Failure, within } from "../../base/failure.ts";

/** Clock ticks a second in /proc: USER_HZ, which is 100 on every architecture we run on. */
export const ticksPerSecond = 100;

/** The fields of a process for `ps`. IDs are those of our own namespaces; times are clock ticks. */
export interface ProcessDetails {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** Effective. */
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  /** The command line, words apart by a space; empty for one that has none. Cut at 16 KiB. */
  readonly commandLine: string;
  /** One letter of proc_pid_stat(5). */
  readonly state: string;
  /** `pts/0`; absent without a terminal. */
  readonly terminal?: string | undefined;
  readonly isForeground: boolean;
  /** Since boot. */
  readonly startTicks: number;
  readonly cpuTicks: number;
  readonly priority: number;
  readonly nice: number;
  readonly threads: number;
  readonly virtualBytes: number;
  readonly residentBytes: number;
}

const mostCommandLineBytes = 16 * 1024;

/** Reads `/proc/PID/stat`, `status` and `cmdline` as texts. Control characters become `?`: a program names itself. */
export function parseProcessDetails(texts: {
  readonly stat: string;
  readonly status: string;
  readonly commandLine: string;
}): ProcessDetails {
  const { stat, status, commandLine } = texts;
  const open = stat.indexOf("(");
  const close = stat.lastIndexOf(")");
  const fields = stat
    .slice(close + 2)
    .trim()
    .split(" ");
  const number = (index: number): number => Number(fields[index - 3]); // numbered as in proc_pid_stat(5)
  if (open < 0 || close < open || fields.length < 22 || !Number.isFinite(number(24))) {
    throw new Failure("corrupt", `cannot read process statistics: ${JSON.stringify(stat.slice(0, 80))}`);
  }
  const idOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*\\d+\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  // Not field 24 of stat, which counts pages: arm64 has some of 4, of 16 and of 64 KiB.
  const residentKib = Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const terminal = terminalName(number(7));
  return {
    pid: Number(stat.slice(0, open)),
    parentPid: number(4),
    groupId: number(5),
    sessionId: number(6),
    uid: idOf("Uid"),
    gid: idOf("Gid"),
    name: printable(stat.slice(open + 1, close)),
    commandLine: printable(commandLine.replace(/\0+$/, "").replaceAll("\0", " ")),
    state: fields[0] ?? "",
    terminal,
    isForeground: number(8) === number(5),
    startTicks: number(22),
    cpuTicks: number(14) + number(15),
    priority: number(18),
    nice: number(19),
    threads: number(20),
    virtualBytes: number(23),
    residentBytes: residentKib * 1024,
  };
}

/** Undefined when there is no such process. */
export function findProcessDetails(pid: number): ProcessDetails | undefined {
  try {
    return parseProcessDetails({
      stat: readFileSync(`/proc/${pid}/stat`, "utf8"),
      status: readFileSync(`/proc/${pid}/status`, "utf8"),
      commandLine: readBeginning(`/proc/${pid}/cmdline`),
    });
  } catch (thrown) {
    if (["ENOENT", "ESRCH"].includes(codeOf(thrown) ?? "")) return undefined;
    throw within(`cannot read about process ${pid}`, thrown);
  }
}

/** Seconds since boot, with a fraction. */
export function readUptimeSeconds(): number {
  return Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
}

function readBeginning(path: string): string {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(mostCommandLineBytes);
    return bytes.subarray(0, readSync(fd, bytes)).toString("utf8");
  } finally {
    closeSync(fd);
  }
}

/** SPEC: proc_pid_stat(5): minor in bits 31–20 and 7–0, major in 15–8. */
function terminalName(device: number): string | undefined {
  const major = (device >> 8) & 0xff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${minor + (major - 136) * 256}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return device === 0 ? undefined : "?";
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
