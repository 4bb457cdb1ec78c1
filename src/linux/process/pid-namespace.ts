import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { findProcessStatistics, isSameProcess, type ProcessIdentity } from "./process.ts";
import { ticksPerSecond } from "./process-details.ts";

/**
 * The processes of the pid namespace whose first process this is, and those in nested namespaces; none when it has
 * ended. They may come and go during the scan: repeat it to find all of them.
 */
export function listNamespacePids({ pid, startTime }: ProcessIdentity): number[] {
  const namespace = namespaceOf(pid);
  if (namespace === undefined || !isSameProcess(pid, startTime)) return [];
  const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const found = new Set<number>();
  const left = new Map<number, number>();
  for (const name of others) {
    const number = Number(name);
    const theirs = namespaceOf(number);
    if (theirs === namespace) found.add(number);
    else if (theirs !== undefined) left.set(number, findProcessStatistics(number)?.parentPid ?? 0);
  }
  // The first process of a namespace below is the child of one in this one, or of one in another below.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [number, parent] of left) if (found.has(parent)) found.add(number);
  }
  return [...found];
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // it has ended
  }
}

/** The resources that processes have used, including their waited-for children. */
export interface ProcessUsage {
  readonly userNs: number;
  readonly systemNs: number;
  /** Counts a page that several processes share proportionally. */
  readonly memoryBytes: number;
  readonly threads: number;
}

export function readProcessUsage(pids: readonly number[]): ProcessUsage {
  let [userTicks, systemTicks, memoryBytes, threads] = [0, 0, 0, 0];
  for (const pid of pids) {
    const stat = readText(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const number = (index: number): number => Number(fields[index - 3] ?? 0); // numbered as in proc_pid_stat(5)
    if (fields.length < 22) continue;
    userTicks += number(14) + number(16);
    systemTicks += number(15) + number(17);
    threads += number(20);
    memoryBytes += Number(/^Pss:\s+(\d+)/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
  }
  const tickNs = 1e9 / ticksPerSecond;
  return { userNs: userTicks * tickNs, systemNs: systemTicks * tickNs, memoryBytes, threads };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
