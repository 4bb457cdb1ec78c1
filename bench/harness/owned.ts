import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
} from "node:fs";
import { join } from "node:path";

/** The environment of every process that the benchmark starts: a mark and, with an Owned, an empty home directory. */
export const marker: { readonly environment: Record<string, string> } = {
  environment: { TARE_BENCH: `${process.pid}-${Date.now().toString(36)}` },
};

const cgroupRoot = "/sys/fs/cgroup";

/**
 * Everything of one run: a temporary directory with the roots of all engines, and the names of their cgroups. Disposing
 * ends what the engines left behind, should one have failed: processes by pid, mounts, cgroups, the directory.
 */
export class Owned implements AsyncDisposable {
  readonly directory: string;
  readonly #cgroups = new Set<string>();

  /** Below `parent`, whose file system is measured along. */
  constructor(parent: string) {
    this.directory = mkdtempSync(join(parent, "tare-bench-"));
    marker.environment["HOME"] = this.path("home"); // of a user without any configuration
    mkdirSync(this.path("home"));
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** A cgroup, relative to each hierarchy's mount, that has only cgroups of this run below it. */
  addCgroup(path: string): void {
    const relative = path.replace(/^\/+/, "");
    if (relative !== "") this.#cgroups.add(relative);
  }

  /** Lists what still exists, a line each: nothing, after a good run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const left: string[] = [];
    for (let round = 0; round < 100; round++) {
      const pids = this.#ownProcesses();
      if (pids.length === 0) break;
      // Daemons and shims that are just ending get two seconds.
      if (round >= 40) for (const pid of pids) kill(pid, left);
      await Bun.sleep(50);
    }
    for (const point of mountPointsBelow(this.directory).reverse()) {
      const { exitCode } = Bun.spawnSync(["umount", "-l", point], { stderr: "ignore" });
      left.push(`mount ${point}${exitCode === 0 ? "" : " (cannot unmount)"}`);
    }
    for (const cgroup of this.#cgroups) left.push(...(await removeCgroups(cgroup)));
    rmSync(this.directory, { recursive: true, force: true });
    if (left.length > 0) console.error(`bench: had to clear up:\n  ${left.join("\n  ")}`);
  }

  /**
   * Those with the mark, those that have the run's directory as their root file system, and our keepers with files in
   * it.
   */
  #ownProcesses(): number[] {
    const mark = `TARE_BENCH=${marker.environment["TARE_BENCH"]}`;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter(
        (pid) =>
          read(`/proc/${pid}/environ`).includes(mark) ||
          this.#isContained(pid) ||
          (read(`/proc/${pid}/cmdline`).startsWith("tare-keeper") && this.#hasFiles(pid)),
      )
      .map(Number);
  }

  #isContained(pid: string): boolean {
    const root = read(`/proc/${pid}/mountinfo`)
      .split("\n")
      .find((line) => line.split(" ")[4] === "/");
    return root?.includes(this.directory) === true;
  }

  #hasFiles(pid: string): boolean {
    const folder = `/proc/${pid}/fd`;
    try {
      return readdirSync(folder).some((fd) => link(join(folder, fd)).startsWith(this.directory));
    } catch {
      return false;
    }
  }
}

function kill(pid: number, left: string[]): void {
  try {
    const name = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    process.kill(pid, "SIGKILL");
    left.push(`process ${pid} ${name}`);
  } catch {
    // It ended by itself.
  }
}

function mountPointsBelow(directory: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((point) => point.startsWith(`${directory}/`));
}

/** On every hierarchy there is; those that are empty go quietly, processes in them had their end before. */
async function removeCgroups(name: string): Promise<string[]> {
  const left: string[] = [];
  const mounts = existsSync(join(cgroupRoot, "cgroup.controllers"))
    ? [cgroupRoot]
    : readdirSync(cgroupRoot).map((entry) => join(cgroupRoot, entry));
  for (const mount of mounts) {
    const top = join(mount, name);
    if (!existsSync(top)) continue;
    for (let attempt = 0; ; attempt++) {
      try {
        removeTree(top);
        break;
      } catch (thrown) {
        if (attempt >= 20) {
          left.push(`cgroup ${top} (${String(thrown)})`);
          break;
        }
        await Bun.sleep(50);
      }
    }
  }
  return left;
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
