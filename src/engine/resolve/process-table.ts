import { type ProcessDetails, ticksPerSecond } from "../../linux/process/process-details.ts";
import type { ProcessColumn, ProcessTableFacts } from "./process-column.ts";

/** The cells of each process, by pid. Pure. */
export function formatProcesses(
  processes: readonly ProcessDetails[],
  columns: readonly ProcessColumn[],
  facts: ProcessTableFacts,
): readonly (readonly string[])[] {
  return processes
    .toSorted((one, other) => one.pid - other.pid)
    .map((process) => columns.map(({ format }) => format(process, facts)));
}

export const cell = {
  /** CPU time of its life in percent of that life. */
  cpuPercent: (process: ProcessDetails, facts: ProcessTableFacts, digits: number): string => {
    const alive = ageSeconds(process, facts);
    const used = process.cpuTicks / ticksPerSecond;
    const percent = alive <= 0 ? 0 : (used * 100) / alive;
    return digits === 0 ? String(Math.trunc(percent)) : percent.toFixed(digits);
  },

  /** `10:31` of the last day, `Nov24` of this year, else the year. */
  startTime: (process: ProcessDetails, facts: ProcessTableFacts): string => {
    const started = new Date(facts.nowMs - ageSeconds(process, facts) * 1000);
    if (facts.nowMs - started.getTime() < 24 * 3600 * 1000) {
      return `${two(started.getHours())}:${two(started.getMinutes())}`;
    }
    if (started.getFullYear() !== new Date(facts.nowMs).getFullYear()) return String(started.getFullYear());
    return `${months[started.getMonth()]}${two(started.getDate())}`;
  },

  /** `[DD-]HH:MM:SS` */
  cpuTime: ({ cpuTicks }: ProcessDetails): string => {
    const seconds = Math.trunc(cpuTicks / ticksPerSecond);
    const clock = [Math.trunc(seconds / 3600) % 24, Math.trunc(seconds / 60) % 60, seconds % 60];
    return `${seconds >= 86_400 ? `${Math.trunc(seconds / 86_400)}-` : ""}${clock.map(two).join(":")}`;
  },

  /** `M:SS`, as `ps aux` has it. */
  shortCpuTime: ({ cpuTicks }: ProcessDetails): string => {
    const seconds = Math.trunc(cpuTicks / ticksPerSecond);
    return `${Math.trunc(seconds / 60)}:${two(seconds % 60)}`;
  },

  /** `[[DD-]HH:]MM:SS` */
  elapsed: (process: ProcessDetails, facts: ProcessTableFacts): string => {
    const seconds = Math.max(0, Math.trunc(ageSeconds(process, facts)));
    const [days, hours] = [Math.trunc(seconds / 86_400), Math.trunc(seconds / 3600) % 24];
    const rest = `${two(Math.trunc(seconds / 60) % 60)}:${two(seconds % 60)}`;
    if (days > 0) return `${days}-${two(hours)}:${rest}`;
    return hours > 0 ? `${two(hours)}:${rest}` : rest;
  },

  elapsedSeconds: (process: ProcessDetails, facts: ProcessTableFacts): string => {
    return String(Math.max(0, Math.trunc(ageSeconds(process, facts))));
  },

  /** The letter and what `ps` adds to it. */
  status: ({ state, nice, pid, sessionId, threads, isForeground, terminal }: ProcessDetails): string => {
    const flags = [
      nice < 0 ? "<" : nice > 0 ? "N" : "",
      pid === sessionId ? "s" : "",
      threads > 1 ? "l" : "",
      isForeground && terminal !== undefined ? "+" : "",
    ];
    return state + flags.join("");
  },

  command: ({ commandLine, name }: ProcessDetails): string => {
    return commandLine === "" ? `[${name}]` : commandLine;
  },
} as const;

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function ageSeconds({ startTicks }: ProcessDetails, { uptimeSeconds }: ProcessTableFacts): number {
  return uptimeSeconds - startTicks / ticksPerSecond;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
