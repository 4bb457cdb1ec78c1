import type { Socket } from "node:net";
import { fault } from "../../base/fault.ts";
import { Failure } from "../../base/failure.ts";
import { monotonicMs } from "../../linux/kernel/clock.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { type Fd, OwnedFd } from "../../linux/kernel/fd.ts";
import { SyscallFailure } from "../../linux/kernel/syscall.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import type { Plan } from "../plan/plan.ts";
import { bornBarrier, networkBarrier, type PlanClock, readyBarrier } from "../plan/report.ts";
import { describeFailure } from "./describe-failure.ts";
import { answer, encodeRequest, FrameReader } from "./frames.ts";
import { decodeRunning, KeeperConnection } from "./kept-process.ts";
import type { Inheritance } from "./inheritance.ts";
import { sendPlan } from "./send-plan.ts";
import type { PrewarmedKeeper } from "../prewarmed-keeper.ts";
import { type StartedKeeper, startKeeper } from "./start-keeper.ts";

export interface Launch {
  readonly program: KeeperProgram;
  /** Used in place of one that is started now. */
  readonly prewarmedKeeper?: PrewarmedKeeper | undefined;
  readonly id: string;
  readonly plan: Plan;
  readonly clock: PlanClock;
  readonly inheritance: Inheritance;
  /** Owned: kept by the process that is returned, closed when it fails. */
  readonly directory: OwnedFd;
  readonly runDirectory: string;
  /** Called when the keeper has its copies of what it inherits; not when it does not come so far. */
  readonly onInherited: () => void;
  readonly onReady?: ((directory: Fd) => Promise<void>) | undefined;
  /** Called at the barrier "born" with the child's pid, which is the child's as long as it waits there. */
  readonly onBorn?: ((pid: number) => void) | undefined;
  /** Called at the barrier "network", likewise. */
  readonly onNetwork?: ((child: Child) => Promise<void>) | undefined;
  /** Called when the keeper has its plan; runs concurrently, as the next one. */
  readonly whileLaunching?: (() => Promise<void>) | undefined;
  /**
   * Called when there is a child; runs concurrently with its set-up. The barrier "ready" waits for it; its failure ends
   * the start.
   */
  readonly whileSettingUp?: ((child: Child) => Promise<void>) | undefined;
}

export interface Child {
  /** The child's as long as it is the child of `keeperPid`: during its set-up it may end at any time. */
  readonly pid: number;
  readonly keeperPid: number;
  readonly directory: Fd;
}

export interface Launched {
  readonly kept: KeeperConnection;
  readonly timing: readonly { readonly name: string; readonly ms: number }[];
}

/**
 * Starts a keeper, sends it the plan, and waits until the program runs. A failure names the call, its arguments and its
 * purpose; the keeper and its child are gone then.
 */
export async function launch(options: Launch): Promise<Launched> {
  const startedMs = monotonicMs();
  using _ = options.directory;
  const { prewarmedKeeper: keeper, plan } = options;
  const { socket, keeperPid, spawnFailure } =
    keeper === undefined ? await startKeeper(options) : handOver(keeper, options);
  const whole = keeper === undefined ? plan : keeper.planTaking(plan, options.inheritance.fds.length);
  const concurrent = new ConcurrentWork();
  try {
    const attending = attend({ ...options, plan: whole }, { socket, keeperPid, concurrent, startedMs });
    return await spawnFailure.unless(attending);
  } catch (thrown) {
    socket.destroy();
    await concurrent.settled();
    throw thrown;
  }
}

function handOver(keeper: PrewarmedKeeper, { id, directory, inheritance }: Launch): StartedKeeper {
  try {
    return keeper.hand({ id, directory: directory.fd, fds: inheritance.fds });
  } catch (thrown) {
    throw thrown instanceof SyscallFailure && thrown.errno === errno.EPIPE ? endedEarly(thrown) : thrown;
  }
}

function endedEarly(cause?: unknown): Failure {
  return new Failure(
    "unavailable",
    "the keeper ended before the process ran (its set-up deadline, or it was killed)",
    { cause },
  );
}

/** The engine's work that is concurrent with the set-up of the child. */
class ConcurrentWork {
  readonly #works: Promise<void>[] = [];

  begin(work: Promise<void> | undefined): void {
    if (work === undefined) return;
    this.#works.push(work);
    work.catch(() => {}); // heard of in done()
  }

  /** Rejects as the first that does. */
  async done(): Promise<void> {
    for (const work of this.#works) await work;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#works);
  }
}

async function attend(
  options: Launch,
  {
    socket,
    keeperPid,
    concurrent,
    startedMs,
  }: {
    readonly socket: Socket;
    readonly keeperPid: number;
    readonly concurrent: ConcurrentWork;
    readonly startedMs: number;
  },
): Promise<Launched> {
  const { plan, clock } = options;
  const reader = new FrameReader(socket);
  sendPlan(socket, plan);
  fault("launch.planned");
  concurrent.begin(options.whileLaunching?.());
  // Its copies are in the channel since it was handed over: ours are closed when it has something to do.
  if (options.prewarmedKeeper !== undefined) options.onInherited();
  let stamps: readonly { readonly name: string; readonly atMs: number }[] | undefined;
  let child: Child | undefined;
  for (;;) {
    const frame = await reader.next();
    if (frame === undefined) throw endedEarly();
    switch (frame.kind) {
      case answer.born:
        fault("launch.born");
        child = { pid: frame.payload.readInt32LE(0), keeperPid, directory: options.directory.fd };
        concurrent.begin(options.whileSettingUp?.(child));
        break;
      case answer.note:
        stamps = clock.decode(frame.payload);
        fault("launch.noted");
        break;
      case answer.barrier:
        await passBarrier(options, { tag: frame.payload.readUInt32LE(4), child, concurrent });
        fault("launch.ready");
        socket.write(encodeRequest("go"));
        break;
      case answer.failed:
        throw describeFailure(plan, frame.payload);
      case answer.refused:
        throw new Failure("internal", "the keeper refused the plan");
      case answer.running: {
        // The note is the child's last act before it executes the program: without it something has killed it.
        if (stamps === undefined) throw new Failure("unavailable", "the process was killed before it ran");
        const running = decodeRunning(frame.payload);
        fault("launch.running");
        const { runDirectory } = options;
        const directory = new OwnedFd(options.directory.move());
        const kept = new KeeperConnection({ running, directory, runDirectory, socket, reader });
        return { kept, timing: timingOf(startedMs, stamps, running.atMs) };
      }
    }
  }
}

async function passBarrier(
  { onReady, onBorn, onNetwork }: Launch,
  {
    tag,
    child,
    concurrent,
  }: { readonly tag: number; readonly child: Child | undefined; readonly concurrent: ConcurrentWork },
): Promise<void> {
  if (child === undefined) throw new Failure("internal", "cannot answer a barrier of no child");
  if (tag === readyBarrier) {
    await concurrent.done();
    await onReady?.(child.directory);
  } else if (tag === bornBarrier) onBorn?.(child.pid);
  else if (tag === networkBarrier) await onNetwork?.(child);
  else throw new Failure("internal", "cannot answer an unknown barrier");
}

function timingOf(
  startedMs: number,
  stamps: readonly { readonly name: string; readonly atMs: number }[],
  runningMs: number,
): { name: string; ms: number }[] {
  let last = startedMs;
  return [...stamps, { name: "exec", atMs: runningMs }].map(({ name, atMs }) => {
    const ms = atMs - last;
    last = atMs;
    return { name, ms };
  });
}
