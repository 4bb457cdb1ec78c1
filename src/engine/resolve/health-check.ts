import { Failure } from "../../base/failure.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import type { ContainerHealth, HealthResult } from "../../model/health.ts";
import type { ImageDefaults } from "../../spec/image/config.ts";
import { mergeHealthcheck } from "../../spec/image/healthcheck.ts";
import { quote, refuse } from "./refusal.ts";

/** As many results are kept. */
const mostResults = 5;
/** The spread of first checks, and of checks that are overdue when an engine takes over. */
const mostSpreadMs = 3_000;
const mostOverdueMs = 5_000;
/** Checks are run at multiples of a time of at most this length. */
const mostStepMs = 1_024;
const nsPerMs = 1_000_000;
const shells: readonly string[] = ["/bin/sh", "-c"];

/** A health check with nothing left to decide. */
export interface HealthCheck {
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** So many failures in a row make the container unhealthy. */
  readonly retries: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
}

/** The check that a container is to have; undefined for none. Pure. */
export function resolveHealthCheck(spec: ContainerSpec, image: ImageDefaults): HealthCheck | undefined {
  const merged = mergeHealthcheck(spec.lifecycle?.healthcheck, image.healthcheck);
  if (merged === undefined) return undefined;
  const [kind, ...words] = merged.test;
  if (kind !== "CMD" && kind !== "CMD-SHELL") return undefined;
  const shell = spec.process?.shell ?? image.shell ?? shells;
  const ms = (ns: number | undefined, initial: number): number =>
    ns === undefined || ns === 0 ? initial : ns / nsPerMs;
  return {
    command: kind === "CMD" ? words : [...(shell.length === 0 ? shells : shell), ...words],
    intervalMs: ms(merged.intervalNs, 30_000),
    timeoutMs: ms(merged.timeoutNs, 30_000),
    retries: merged.retries || 3,
    startPeriodMs: ms(merged.startPeriodNs, 0),
    startIntervalMs: ms(merged.startIntervalNs, 5_000),
  };
}

/** Throws "invalid" in Docker's words for a check that can't be; returns warnings. */
export function checkHealthcheck(
  { lifecycle: { healthcheck, onUnhealthy, notify } = {} }: ContainerSpec,
  image: ImageDefaults,
): readonly string[] {
  for (const [name, ns = 0] of [
    ["Interval", healthcheck?.intervalNs],
    ["Timeout", healthcheck?.timeoutNs],
    ["StartPeriod", healthcheck?.startPeriodNs],
    ["StartInterval", healthcheck?.startIntervalNs],
  ] as const) {
    if (ns !== 0 && ns < nsPerMs)
      throw new Failure("invalid", `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((healthcheck?.retries ?? 0) < 0)
    throw new Failure("invalid", "Retries in Healthcheck cannot be negative");
  const [kind] = mergeHealthcheck(healthcheck, image.healthcheck)?.test ?? [];
  const isWithout = kind === undefined || kind === "NONE";
  if (notify?.whenHealthy === true && isWithout)
    throw refuse("the start notification of a healthy container needs a health check");
  if (onUnhealthy !== undefined && isWithout)
    throw refuse(`cannot set on-failure action to ${onUnhealthy} without a health check`);
  if (kind === undefined || ["NONE", "CMD", "CMD-SHELL"].includes(kind)) return [];
  return [`the health check is not run: its kind ${quote(kind)} is unknown, want CMD, CMD-SHELL or NONE`];
}

/** The health of a run that begins: the results of the run before stay in the log. */
export function beginHealth(
  check: HealthCheck | undefined,
  before: ContainerHealth | undefined,
): ContainerHealth | undefined {
  return check && { status: "starting", failingStreak: 0, log: before?.log ?? [] };
}

/** SPEC: dockerd shows a container whose checks have stopped as unhealthy, and emits no event for that. */
export function endHealth(health: ContainerHealth | undefined): ContainerHealth | undefined {
  return health && { ...health, status: "unhealthy" };
}

/**
 * The health after one more result. A failure of a container that never was healthy does not count during the start
 * period, which begins at `runningSince`.
 */
export function nextHealth(
  health: ContainerHealth,
  result: HealthResult,
  { check, runningSince }: { readonly check: HealthCheck; readonly runningSince: number },
): ContainerHealth {
  const log = [...health.log, result].slice(-mostResults);
  if (result.code === 0) return { status: "healthy", failingStreak: 0, log };
  const isExcused = health.status === "starting" && result.startedAt - runningSince < check.startPeriodMs;
  if (isExcused) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= check.retries ? "unhealthy" : health.status, failingStreak, log };
}

/**
 * The time to the first check of a run, or of a run that another engine has checked, in milliseconds. `random`, from 0
 * to 1, spreads the checks of containers that began at the same time.
 */
export function firstDelay(
  health: ContainerHealth,
  check: HealthCheck,
  {
    runningSince,
    nowMs,
    random,
  }: { readonly runningSince: number; readonly nowMs: number; readonly random: number },
): number {
  const last = health.log.at(-1)?.endedAt ?? 0;
  const since = Math.max(last, runningSince);
  const delayMs = delayToNextCheck(health, check, { runningSince, nowMs: since });
  const spreadMs = Math.min(delayMs / 10, mostSpreadMs) * random;
  const leftMs = since + delayMs - nowMs;
  // One that is overdue: there may be as many of them as containers.
  return leftMs > 0 ? Math.min(leftMs, delayMs) + spreadMs : Math.min(delayMs, mostOverdueMs) * random;
}

/**
 * When a check that is due at `dueAtMs` is run: up to a twentieth of its interval later, at the same time as others.
 * Waking up for several costs less than for each. Both are times of the same clock.
 */
export function alignCheck(dueAtMs: number, { intervalMs }: HealthCheck): number {
  const stepMs = 2 ** Math.floor(Math.log2(Math.min(Math.max(intervalMs / 20, 1), mostStepMs)));
  return Math.ceil(dueAtMs / stepMs) * stepMs;
}

/** The time from now, or from the end of a check, to the begin of the next one, in milliseconds. */
export function delayToNextCheck(
  { status }: ContainerHealth,
  check: HealthCheck,
  { runningSince, nowMs }: { readonly runningSince: number; readonly nowMs: number },
): number {
  const isInStartPeriod = nowMs - runningSince < check.startPeriodMs;
  return isInStartPeriod && status === "starting" ? check.startIntervalMs : check.intervalMs;
}
