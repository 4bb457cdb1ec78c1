import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { environment } from "./command.ts";

/** A server that the bench started; disposing ends it by its pid and waits for its end. */
export interface Server extends AsyncDisposable {
  readonly pid: number;
}

export interface ServerOptions {
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called every 20 ms until it returns true. */
  readonly isReady: () => Promise<boolean>;
}

/** In a session of its own, so that Ctrl-C reaches only the bench, which ends it in order. */
export async function startServer(
  [program = "", ...words]: readonly string[],
  { log, env = {}, isReady }: ServerOptions,
): Promise<Server> {
  const output = openSync(log, "a");
  const child = spawn(program, words, {
    detached: true,
    stdio: ["ignore", output, output],
    env: environment(env),
    cwd: "/",
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const server: Server = {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await stop(child, ended);
    },
  };
  for (let waited = 0; waited < 20_000; waited += 20) {
    if (child.exitCode !== null || child.pid === undefined) break;
    if (await isReady()) return server;
    await Bun.sleep(20);
  }
  await server[Symbol.asyncDispose]();
  const said = readFileSync(log, "utf8").trim().split("\n").slice(-8).join("\n");
  throw new Error(`cannot start ${program}: it does not serve:\n${said}`);
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(late);
}

export interface Memory {
  readonly rssKb: number;
  readonly pssKb: number;
  /** Pages that no other process maps: what its end gives back. */
  readonly privateKb: number;
}

/** Of all these processes together (smaps_rollup); one that ended meanwhile counts nothing. */
export function memoryOf(pids: readonly number[]): Memory {
  let [rssKb, pssKb, privateKb] = [0, 0, 0];
  for (const pid of pids) {
    let text = "";
    try {
      text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    } catch {
      continue;
    }
    const kb = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
    rssKb += kb("Rss");
    pssKb += kb("Pss");
    privateKb += kb("Private_Clean") + kb("Private_Dirty");
  }
  return { rssKb, pssKb, privateKb };
}

/** From here on peakOf() counts. */
export function forgetPeak(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The most KB that each had since, summed. */
export function peakOf(pids: readonly number[]): number {
  const kb = (pid: number): number =>
    Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  return pids.reduce((sum, pid) => sum + kb(pid), 0);
}

const steadyKb = 1024;

/**
 * MemAvailable once it stays within 1 MB for 1.5 s (or after 20 s): what was removed before gives its memory back some
 * time later, and would count for what is started now.
 */
export async function steadyAvailableKb(): Promise<number> {
  const seen: number[] = [availableKb()];
  for (let i = 0; i < 40; i++) {
    await Bun.sleep(500);
    seen.push(availableKb());
    const last = seen.slice(-4);
    if (last.length === 4 && Math.max(...last) - Math.min(...last) < steadyKb) break;
  }
  return seen.at(-1) ?? 0;
}

function availableKb(): number {
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0);
}

/** The words of a process; none when it is gone, or a thread of the kernel. */
export function commandLineOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Pids whose words, joined by a space, match. */
export function findProcesses(pattern: RegExp): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pattern.test(commandLineOf(pid).join(" ")));
}
