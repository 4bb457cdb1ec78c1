import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly system: string;
  readonly cgroups: "v1" | "v2" | "hybrid";
  readonly fileSystem: string;
  readonly date: string;
}

/** What the figures were measured on. */
export function describeMachine(directory: string): Machine {
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  const hasV1 = / cgroup /.test(mounts);
  const hasV2 = / cgroup2 /.test(mounts);
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown",
    cgroups: hasV1 && hasV2 ? "hybrid" : hasV2 ? "v2" : "v1",
    fileSystem: execFileSync("stat", ["-f", "-c", "%T", directory], { encoding: "utf8" }).trim(),
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  };
}

/** Processes that wanted a processor over the last minute: figures taken on a busy machine are worth little. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
