import { sleep } from "../../../base/deadline.ts";
import { Failure, sentenceOf } from "../../../base/failure.ts";
import { log } from "../../../base/log.ts";
import type { HealthResult, UnhealthyAction } from "../../../model/health.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ContainerContext } from "../../context.ts";
import { containerEvent } from "../../describe-event.ts";
import {
  alignCheck,
  delayToNextCheck,
  firstDelay,
  type HealthCheck,
  nextHealth,
  resolveHealthCheck,
} from "../../resolve/health-check.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { notifyReady } from "../lifecycle/notify.ts";
import { thawPaused } from "../lifecycle/pause.ts";
import { restartContainer, stopContainer } from "../lifecycle/stop.ts";
import { type Due, DueChecks } from "./due-checks.ts";
import { failedCode, runCheck } from "./run-check.ts";

/** A check that runs for longer lets others begin. */
const slotMs = 1_000;
/** Longer timers would fire at once. */
const mostTimerMs = 2 ** 31 - 1;
const KILL = 9;
/** How long the end of a container may take to be heard of. */
const endMs = 500;

interface CheckedContainer extends Due {
  readonly id: ContainerId;
  readonly kept: KeptProcess;
  readonly check: HealthCheck;
  readonly runningSince: number;
  readonly stop: AbortController;
  /** Whether a check of this run has succeeded. */
  wasHealthy: boolean;
}

/**
 * Runs the health checks of all containers: one timer for the next one that is due, and a bound on those that run at
 * the same time. Results that change neither status nor streak are in memory only until the next write of the record.
 */
export class HealthMonitor implements Disposable {
  readonly #context: ContainerContext;
  readonly #due = new DueChecks<CheckedContainer>();
  readonly #byId = new Map<ContainerId, CheckedContainer>();
  readonly #unwritten = new Set<ContainerId>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  /** As HealthChecks.watch(). The timer of the run before is replaced. */
  watch(record: ContainerRecord, kept: KeptProcess): void {
    const { id, health, state, spec, imageConfig } = record;
    if (health === undefined || state.status !== "running" || this.#isOver) return;
    if (this.#context.live.get(id)?.kept !== kept) return;
    const check = resolveHealthCheck(spec, imageConfig.defaults);
    if (check === undefined) return;
    this.stop(id);
    const runningSince = state.startedAt;
    const delayMs = firstDelay(health, check, { runningSince, nowMs: Date.now(), random: Math.random() });
    const entry: CheckedContainer = {
      id,
      kept,
      check,
      runningSince,
      stop: new AbortController(),
      wasHealthy: health.status === "healthy",
      dueAt: alignCheck(performance.now() + delayMs, check),
    };
    this.#byId.set(id, entry);
    this.#due.add(entry);
    this.#run();
  }

  /** As HealthChecks.stop(). */
  stop(id: ContainerId): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#byId.delete(id);
    this.#due.delete(entry);
    entry.stop.abort();
    this.#run();
  }

  /** As HealthChecks.run(). */
  async run(id: ContainerId): Promise<void> {
    const entry = this.#byId.get(id);
    const result =
      entry && (await runCheck(this.#context, id, { check: entry.check, signal: entry.stop.signal }));
    if (entry === undefined || result === undefined)
      throw new Failure("conflict", "cannot check the health: the container is not running");
    await this.#record(entry, result);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const { stop } of this.#due) stop.abort();
    for (const id of this.#unwritten) {
      const record = this.#context.state.findContainer(id);
      if (record !== undefined) this.#context.state.putContainer(record);
    }
    this.#byId.clear();
  }

  /** Begins what is due and has a slot, and sets the timer for the next. */
  #run(): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    const now = performance.now();
    for (let next = this.#due.take(now); next !== undefined; next = this.#due.take(now))
      void this.#check(next);
    const { nextAt } = this.#due;
    if (nextAt === undefined) return;
    this.#timer = setTimeout(() => this.#run(), Math.min(Math.max(1, nextAt - now), mostTimerMs));
  }

  /** Never rejects. */
  async #check(entry: CheckedContainer): Promise<void> {
    const { id, check, stop, runningSince } = entry;
    let yieldsSlot = (): void => {
      yieldsSlot = (): void => {};
      this.#due.yieldSlot();
    };
    const slot = setTimeout(() => {
      yieldsSlot();
      this.#run();
    }, slotMs);
    try {
      const result = await runCheck(this.#context, id, { check, signal: stop.signal });
      if (result !== undefined) await this.#record(entry, result);
    } catch (thrown) {
      log("warning", `cannot record the health check of container ${id}: ${sentenceOf(thrown)}`);
    } finally {
      clearTimeout(slot);
      yieldsSlot();
      this.#due.release();
    }
    const health = this.#context.state.findContainer(id)?.health;
    if (health !== undefined)
      entry.dueAt = alignCheck(
        performance.now() + delayToNextCheck(health, check, { runningSince, nowMs: Date.now() }),
        check,
      );
    this.#run();
  }

  async #record(entry: CheckedContainer, result: HealthResult): Promise<void> {
    const { id, kept, check, runningSince, stop } = entry;
    // A container that ends takes its check along, whose end is heard of first.
    if (mayBeKilled(result) && (await endsWithin(kept, endMs))) return;
    const { state, locks } = this.#context;
    using _ = await locks.acquire(id);
    const record = state.findContainer(id);
    if (record?.health === undefined || record.state.status !== "running" || this.#isOver) return;
    // The run has ended, or another one has begun.
    if (stop.signal.aborted || this.#byId.get(id) !== entry) return;
    this.#context.meter?.healthCheck(result.code === 0 ? "passed" : "failed");
    const before = record.health;
    const health = nextHealth(before, result, { check, runningSince });
    const changed: ContainerRecord = { ...record, health };
    const hasChanged = health.status !== before.status;
    if (!hasChanged && health.failingStreak === before.failingStreak) {
      state.holdContainer(changed);
      this.#unwritten.add(id);
      return;
    }
    const events = hasChanged ? [containerEvent(record, `health_status: ${health.status}`)] : [];
    state.putContainer(changed, { events });
    this.#unwritten.delete(id);
    if (health.status === "healthy" && !entry.wasHealthy) {
      entry.wasHealthy = true;
      if (record.spec.lifecycle?.notify?.whenHealthy === true) notifyReady(this.#context, record, kept);
    }
    const action = record.spec.lifecycle?.onUnhealthy;
    if (action !== undefined && result.code !== 0 && health.failingStreak >= check.retries)
      void this.#act(entry, action);
  }

  /** Never rejects. */
  async #act({ id, kept }: CheckedContainer, action: UnhealthyAction): Promise<void> {
    try {
      switch (action) {
        case "kill":
          // An end like any other: the restart policy applies.
          kept.signal(KILL);
          await thawPaused(this.#context, id);
          break;
        case "restart":
          await restartContainer(this.#context, id);
          break;
        case "stop":
          await stopContainer(this.#context, id);
          break;
        default:
          action satisfies never;
      }
    } catch (thrown) {
      log("warning", `cannot ${action} the unhealthy container ${id}: ${sentenceOf(thrown)}`);
    }
  }
}

/** Whether it was killed, before its program ran or after that. */
function mayBeKilled({ code }: HealthResult): boolean {
  return code === 128 + KILL || code === failedCode;
}

async function endsWithin(kept: KeptProcess, ms: number): Promise<boolean> {
  const stop = new AbortController();
  const late = sleep(ms, { signal: stop.signal }).then(
    () => false,
    () => false,
  );
  const hasEnded = await Promise.race([kept.exited.then(() => true), late]);
  stop.abort();
  return hasEnded;
}
