/**
 * Runs an operation on a daemon that dies at a point of it, and looks at what is left when the next one has come up.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "bun:test";
import type { FaultPoint } from "../../src/base/fault.ts";
import { kindOf } from "../../src/base/failure.ts";
import type { Engine } from "../../src/model/engine.ts";
import type { ContainerState } from "../../src/model/container-state.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { storageDriverNames } from "../../src/storage/drivers.ts";
import { poll } from "./patience.ts";
import { type Installation, isGone } from "./tare.ts";

/** The context of an operation: an installation with a healthy daemon, and names of its own. */
export interface FaultContext {
  readonly tare: Installation;
  readonly engine: Engine;
  readonly name: string;
}

export interface FaultOperation {
  /** Makes what it needs. */
  readonly prepare?: (context: FaultContext) => Promise<void>;
  /** Daemons that die, one after the other, before the one that it is about. */
  readonly before?: readonly {
    readonly args: (name: string) => readonly string[];
    readonly fault: FaultPoint;
  }[];
  readonly args: (name: string) => readonly string[];
  readonly input?: (name: string) => Uint8Array;
  /** Of the daemon that dies. */
  readonly env?: Readonly<Record<string, string>>;
  /** Describes the result in a few words. */
  readonly outcome: (context: FaultContext) => Promise<string>;
  /** Point → what is found when the daemon has died there. */
  readonly points: Readonly<Partial<Record<FaultPoint, string | readonly string[]>>>;
  /** It works now; given what was found. */
  readonly again: (context: FaultContext, outcome: string) => Promise<void>;
}

/** The state in a word, with the exit code. */
export async function stateOf({ engine, name }: FaultContext): Promise<string> {
  try {
    const { state } = await engine.containers.inspect(name);
    return wordOf(state);
  } catch (thrown) {
    if (kindOf(thrown) === "not-found") return "absent";
    throw thrown;
  }
}

function wordOf(state: ContainerState): string {
  return "code" in state ? `${state.status} ${state.code}` : state.status;
}

export async function crashAt(
  tare: Installation,
  operation: FaultOperation,
  { point, name }: { readonly point: FaultPoint; readonly name: string },
): Promise<void> {
  await onSound(tare, async (engine) => {
    await operation.prepare?.({ tare, engine, name });
    await engine.settle();
  });
  killDaemon(tare);
  for (const { args, fault } of operation.before ?? []) await dieAt(tare, { args: args(name), fault });
  const input = operation.input?.(name);
  const { env = {} } = operation;
  const args = operation.args(name);
  await dieAt(tare, { args, fault: point, env, ...(input === undefined ? {} : { input }) });
  await onSound(tare, async (engine) => {
    const context = { tare, engine, name };
    await expectNothingLeft(context);
    const outcome = await operation.outcome(context);
    expect([operation.points[point]].flat()).toContain(outcome);
    await operation.again(context, outcome);
    await engine.containers.remove(name, { force: true }).catch(ignoreMissing);
    await expectNothingLeft(context);
  });
}

function ignoreMissing(thrown: unknown): void {
  if (kindOf(thrown) !== "not-found") throw thrown;
}

async function onSound(tare: Installation, work: (engine: Engine) => Promise<void>): Promise<void> {
  await tare.must(["version"]);
  await using engine = await connectTo(`unix://${tare.socket}`);
  await work(engine);
}

/** The last that had the data root. */
function lastDaemon(tare: Installation): number {
  return Number(readFileSync(join(tare.dataRoot, "lock"), "latin1"));
}

/** As killDaemon(); resolves when the daemon runs no more. */
export async function killDaemonAndWait(tare: Installation): Promise<void> {
  const pid = tare.daemonPid();
  killDaemon(tare);
  if (pid === undefined) return;
  await poll(() => isGone(pid) || undefined, { timeoutMs: 60_000, what: "see the daemon gone" });
}

export function killDaemon(tare: Installation): void {
  process.kill(lastDaemon(tare), "SIGKILL");
}

/**
 * Runs a command whose daemon dies at the fault point. No daemon may run at the moment. A daemon that dies before its
 * first request is followed by another one, which is killed as well: it reaches the same fault.
 */
export async function dieAt(
  tare: Installation,
  {
    args,
    fault,
    env = {},
    input,
  }: {
    readonly args: readonly string[];
    /** With the turn on which it dies there: `blob.named:2`. */
    readonly fault: FaultPoint | `${FaultPoint}:${number}`;
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: Uint8Array;
  },
): Promise<void> {
  const before = lastDaemon(tare);
  const seen = new Set<number>();
  const look = (): void => {
    const pid = lastDaemon(tare);
    if (pid > 0 && pid !== before) seen.add(pid);
  };
  const looking = setInterval(look, 1);
  try {
    await tare.tare(args, { env: { ...env, TARE_FAULT: fault }, ...(input === undefined ? {} : { input }) });
  } finally {
    clearInterval(looking);
  }
  look();
  expect(seen.size).toBeGreaterThan(0);
  await poll(() => ([...seen].some(isGone) ? true : undefined), {
    everyMs: 2,
    timeoutMs: 10_000,
    what: `see the daemon die at "${fault}" in: ${args.join(" ")}`,
  });
  for (const pid of seen) if (!isGone(pid)) process.kill(pid, "SIGKILL");
  await poll(() => ([...seen].every(isGone) ? true : undefined), {
    everyMs: 2,
    timeoutMs: 10_000,
    what: "see the daemon after it die",
  });
}

/** Nothing of a killed engine's, and nothing that belongs to no container. */
export async function expectNothingLeft({
  tare,
  engine,
}: Pick<FaultContext, "tare" | "engine">): Promise<void> {
  await engine.settle();
  expect(await engine.check()).toEqual([]);
  const look = async (): Promise<readonly string[]> => {
    const containers = await engine.containers.list({ all: true });
    const ids = containers.map(({ id }) => id).sort();
    const isRunning = ({ state }: (typeof containers)[number]): boolean =>
      ["running", "paused"].includes(state.status);
    const running = containers.filter(isRunning).length;
    const ended = containers.filter((one) => !isRunning(one)).map(({ id }) => id);
    const cgroups = [...new Set(tare.cgroups().map((path) => path.slice(-64)))];
    const networks = containers.flatMap(({ state }) => ("pid" in state ? networkOf(state.pid) : []));
    return [
      ...(tare.keeperPids().length > running ? [`keepers ${tare.keeperPids().join(" ")}`] : []),
      ...cgroups.filter((name) => ended.some((id) => id === name)),
      ...withoutPrewarmed(
        cgroups.filter((name) => !ids.some((id) => id === name)),
        /./, // check() above verifies whether it is that one
      ),
      ...["content/ingest", ...inStorage("drafts"), ...inStorage("trash")].flatMap((path) =>
        listIn(tare.dataRoot, path),
      ),
      ...["containers", ...inStorage("snapshots")].flatMap((path) =>
        listIn(tare.dataRoot, path).filter((each) => !ids.some((id) => each.endsWith(id))),
      ),
      ...listIn(tare.runRoot, "containers").filter((each) => !ids.some((id) => each.endsWith(id))),
      ...ids.flatMap((id) =>
        listIn(tare.runRoot, `containers/${id}`).filter((path) => path.includes("/exec-")),
      ),
      ...listIn(tare.runRoot, "").filter(
        (path) => !/\/(lock|tare\.sock(\.build)?|daemon\.log|lib|containers)$/.test(path),
      ),
      ...(await volumesHalfMade({ tare, engine })),
      ...tare.keeperPids().flatMap(namespacesHeld),
      ...withoutPrewarmed(
        // The name server answers in those of running containers.
        namespacesHeld(lastDaemon(tare)).filter(
          (text) => !networks.some((network) => text.endsWith(` holds ${network}`)),
        ),
        / net:\[/,
      ),
    ];
  };
  let left: readonly string[] = [];
  await poll(async () => ((left = await look()).length === 0 ? true : undefined), {
    everyMs: 5,
    timeoutMs: 5_000,
    what: "see nothing left behind",
  }).catch(() => undefined);
  expect(left).toEqual([]);
  expect(tare.newMounts()).toEqual([]);
}

function inStorage(context: string): readonly string[] {
  return storageDriverNames.map((driver) => `storage/${driver}/${context}`);
}

/** Directories of volumes without a record, or with other files next to the content. */
async function volumesHalfMade({
  tare,
  engine,
}: Pick<FaultContext, "tare" | "engine">): Promise<readonly string[]> {
  const known = new Set((await engine.volumes.list()).map(({ name }) => name));
  return listIn(tare.dataRoot, "volumes").flatMap((path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (name.startsWith(".")) return listIn(path, "");
    return [
      ...(known.has(name) ? [] : [path]),
      ...listIn(path, "").filter((each) => !each.endsWith("/_data")),
    ];
  });
}

function listIn(root: string, path: string): readonly string[] {
  const directory = join(root, path);
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

function networkOf(pid: number): readonly string[] {
  try {
    return [readlinkSync(`/proc/${pid}/ns/net`)];
  } catch {
    return []; // it has just ended
  }
}

/** An engine keeps an unused network namespace for the next container. */
function withoutPrewarmed(found: readonly string[], form: RegExp): readonly string[] {
  return found.length === 1 && found.every((text) => form.test(text)) ? [] : found;
}

/** Namespaces that a process holds open without living in them; of users' it keeps some, to take ids from. */
function namespacesHeld(pid: number): readonly string[] {
  return listIn(`/proc/${pid}/fd`, "").flatMap((path) => {
    try {
      const target = readlinkSync(path);
      return /^(mnt|net|pid|ipc|uts|cgroup|time):\[/.test(target) ? [`process ${pid} holds ${target}`] : [];
    } catch {
      return [];
    }
  });
}
