import { existsSync, readFileSync, readdirSync } from "node:fs";
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

/** A description of the machine that was measured. */
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
    fileSystem: describeFileSystem(directory, mounts),
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  };
}

/**
 * Of the mount that the directory is on. An ext4 without a journal is named so: there the kernel passes over each inode
 * that was deleted in the last minutes one by one, which makes every new file dear after many were removed.
 */
function describeFileSystem(directory: string, mounts: string): string {
  const [device = "", , type = "unknown"] = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point = ""]) => point === "/" || directory === point || directory.startsWith(`${point}/`))
    .reduce(
      (longest, fields) => ((fields[1] ?? "").length >= (longest[1] ?? "").length ? fields : longest),
      [""],
    );
  if (type !== "ext4" || !existsSync("/proc/fs/ext4")) return type;
  const name = device.split("/").at(-1) ?? "";
  const journals = existsSync("/proc/fs/jbd2") ? readdirSync("/proc/fs/jbd2") : [];
  return journals.some((journal) => journal.startsWith(`${name}-`)) ? type : `${type} without a journal`;
}

/** Processes that wanted a processor over the last minute: figures taken on a busy machine are worth little. */
export function load(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
