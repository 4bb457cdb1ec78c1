/**
 * What a test may leave behind, as a snapshot before and a comparison after.
 *
 *     test("…", async () => {
 *       await using _guard = guardLeaks({ cgroupParent: "tare-test-1", directories: [runRoot] });
 *       …
 *     });
 *
 * Or by hand: `const before = takeSnapshot(scope)`, then `await expectNoLeaks(before)` (in an afterEach, say). Things
 * that end on their own, as keepers do, get a moment to do so. Only what is new counts as a leak: what was there before
 * may go.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../src/base/failure.ts";
import { detectCgroups, hierarchiesOf } from "../../src/linux/cgroup/layout.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { poll } from "./patience.ts";

export interface LeakScope {
  /** Below each hierarchy's mount; all directories from it down count. */
  readonly cgroupParent?: string;
  /** Run roots: files below them count, and so do keepers that have one of them open. */
  readonly directories?: readonly string[];
  /** For what ends on its own. Default 3 s. */
  readonly patienceMs?: number;
}

export interface LeakSnapshot {
  readonly scope: LeakScope;
  /** Lines that name one thing each, sorted. */
  readonly things: readonly string[];
}

export function takeSnapshot(scope: LeakScope = {}): LeakSnapshot {
  return { scope, things: listThings(scope) };
}

/** Waits until nothing is there that was not there before; throws an error that lists what is left. */
export async function expectNoLeaks(before: LeakSnapshot): Promise<void> {
  let left: readonly string[] = [];
  try {
    await poll(
      () => {
        left = without(listThings(before.scope), before.things);
        return left.length === 0 ? true : undefined;
      },
      {
        everyMs: 10,
        timeoutMs: before.scope.patienceMs ?? 3_000,
        what: "see nothing left behind",
      },
    );
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.kind !== "deadline") throw thrown;
    throw new Error(`left behind:\n  ${left.join("\n  ")}`, { cause: thrown });
  }
}

/** A snapshot now, expectNoLeaks() at the end of the scope. */
export function guardLeaks(scope: LeakScope = {}): AsyncDisposable {
  const before = takeSnapshot(scope);
  return { [Symbol.asyncDispose]: () => expectNoLeaks(before) };
}

/** The elements of `all` that are more often in it than in `known`. */
function without(all: readonly string[], known: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const thing of known) counts.set(thing, (counts.get(thing) ?? 0) + 1);
  return all.filter((thing) => {
    const count = counts.get(thing) ?? 0;
    counts.set(thing, count - 1);
    return count <= 0;
  });
}

function listThings(scope: LeakScope): string[] {
  return [
    ...listMounts(),
    ...listCgroups(scope.cgroupParent),
    ...listKeepers(scope.directories ?? []),
    ...listZombies(),
    ...listDescriptors(),
    ...listLinks(),
    ...(scope.directories ?? []).flatMap((directory) => listFiles(directory)),
  ].sort();
}

/** Not from /sys/class/net, which shows the network namespace that mounted it: the host's. */
function listLinks(): string[] {
  return [...readFileSync("/proc/self/net/dev", "latin1").matchAll(/^ *(\S+):/gm)].map(
    ([, name]) => `link ${name}`,
  );
}

function listMounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `mount ${line}`);
}

function listCgroups(parent: string | undefined): string[] {
  if (parent === undefined) return [];
  return hierarchiesOf(detectCgroups()).flatMap(({ mountPath }) => listDirectories(join(mountPath, parent)));
}

function listDirectories(path: string): string[] {
  try {
    return [
      `cgroup ${path}`,
      ...readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? listDirectories(join(path, entry.name)) : [],
      ),
    ];
  } catch {
    return [];
  }
}

/** Keepers with an open file below one of the directories, with any parent process. */
function listKeepers(directories: readonly string[]): string[] {
  return processes()
    .filter((pid) => findProcessStatistics(pid)?.name === "tare-keeper")
    .filter((pid) =>
      descriptorsOf(pid).some((target) =>
        directories.some((directory) => target === directory || target.startsWith(`${directory}/`)),
      ),
    )
    .map((pid) => `keeper ${pid}`);
}

/** Children of this process that were not waited for. */
function listZombies(): string[] {
  return processes()
    .filter((pid) => {
      const statistics = findProcessStatistics(pid);
      return statistics?.parentPid === process.pid && statistics.state === "Z";
    })
    .map((pid) => `zombie ${pid}`);
}

function processes(): number[] {
  return namesIn("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The targets of a process's descriptors. */
export function descriptorsOf(pid: number | "self"): string[] {
  return namesIn(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // it is closed by now
    }
  });
}

/** By kind when the name is a meaningless number; descriptors of the JavaScript engine are left out. */
function listDescriptors(): string[] {
  return descriptorsOf("self")
    .filter((target) => !/^anon_inode:\[(eventpoll|eventfd|timerfd|io_uring)\]$/.test(target))
    .filter((target) => !target.startsWith("/proc/") && !target.startsWith("/dev/"))
    .map((target) => `descriptor ${target.replace(/^(socket|pipe):\[\d+\]$/, "$1")}`);
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => `file ${join(entry.parentPath, entry.name)}`);
  } catch {
    return [];
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
