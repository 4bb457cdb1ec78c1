import { describe, expect, test } from "bun:test";
import { DueChecks } from "../../../src/engine/containers/health/due-checks.ts";
import {
  alignCheck,
  beginHealth,
  checkHealthcheck,
  delayToNextCheck,
  endHealth,
  firstDelay,
  type HealthCheck,
  nextHealth,
  resolveHealthCheck,
} from "../../../src/engine/resolve/health-check.ts";
import { wholeHealthcheck } from "../../../src/engine/state/whole-healthchecks.ts";
import type { ContainerHealth, HealthResult } from "../../../src/model/health.ts";
import { type ImageDefaults, type ImageHealthcheck, noDefaults } from "../../../src/spec/image/config.ts";
import { mergeHealthcheck } from "../../../src/spec/image/healthcheck.ts";

const check: HealthCheck = {
  command: ["true"],
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
};

function imageOf(healthcheck: ImageHealthcheck | undefined, shell?: readonly string[]): ImageDefaults {
  return { ...noDefaults, healthcheck, shell };
}

describe("resolveHealthCheck()", () => {
  const resolve = (own: ImageHealthcheck | undefined, image: ImageDefaults): HealthCheck | undefined =>
    resolveHealthCheck({ image: "x", lifecycle: { healthcheck: own } }, image);

  test("gives Docker's defaults", () => {
    expect(resolve({ test: ["CMD", "true"] }, noDefaults)).toEqual(check);
  });

  test("inherits single fields from the image", () => {
    const image = imageOf({
      test: ["CMD", "a"],
      intervalNs: 2e9,
      timeoutNs: 3e9,
      retries: 4,
      startPeriodNs: 5e9,
    });
    expect(resolve({ test: [], timeoutNs: 1e6, startIntervalNs: 7e9 }, image)).toEqual({
      command: ["a"],
      intervalMs: 2_000,
      timeoutMs: 1,
      retries: 4,
      startPeriodMs: 5_000,
      startIntervalMs: 7_000,
    });
    expect(mergeHealthcheck(undefined, undefined)).toBeUndefined();
  });

  test.each([
    [undefined, imageOf(undefined), undefined],
    [undefined, imageOf({ test: [] }), undefined],
    [{ test: ["NONE"] }, imageOf({ test: ["CMD", "a"] }), undefined],
    [{ test: ["CMD", "b", "c"] }, imageOf({ test: ["NONE"] }), ["b", "c"]],
    [undefined, imageOf({ test: ["CMD-SHELL", "a b"] }), ["/bin/sh", "-c", "a b"]],
    [undefined, imageOf({ test: ["CMD-SHELL", "a b"] }, ["/bin/ash", "-ec"]), ["/bin/ash", "-ec", "a b"]],
    [{ test: ["HTTP", "a"] }, imageOf(undefined), undefined],
  ] as const)("of %j and %j", (own, image, command) => {
    expect(resolve(own, image)?.command).toEqual(command as never);
  });
});

test.each([
  [{ test: ["CMD", "a"], intervalNs: 999_999 }, "Interval in Healthcheck cannot be less than 1ms"],
  [{ test: ["CMD", "a"], timeoutNs: -1 }, "Timeout in Healthcheck cannot be less than 1ms"],
  [{ test: ["CMD", "a"], startPeriodNs: 1 }, "StartPeriod in Healthcheck cannot be less than 1ms"],
  [{ test: ["CMD", "a"], startIntervalNs: 1 }, "StartInterval in Healthcheck cannot be less than 1ms"],
  [{ test: ["CMD", "a"], retries: -1 }, "Retries in Healthcheck cannot be negative"],
] as const)("checkHealthcheck() refuses %j as Docker does", (healthcheck, sentence) => {
  const check = (): unknown => checkHealthcheck({ image: "x", lifecycle: { healthcheck } }, noDefaults);
  expect(check).toThrow(new Error(sentence));
});

test("checkHealthcheck() refuses an action without a check and warns of an unknown kind", () => {
  const healthcheck = { test: ["CMD", "a"], intervalNs: 1_000_000 };
  expect(
    checkHealthcheck({ image: "x", lifecycle: { healthcheck, onUnhealthy: "stop" } }, noDefaults),
  ).toEqual([]);
  expect(() => checkHealthcheck({ image: "x", lifecycle: { onUnhealthy: "kill" } }, noDefaults)).toThrow(
    "cannot set on-failure action to kill without a health check",
  );
  expect(checkHealthcheck({ image: "x" }, imageOf({ test: ["HTTP"] }))).toEqual([
    'the health check is not run: its kind "HTTP" is unknown, want CMD, CMD-SHELL or NONE',
  ]);
});

function resultOf(code: number, startedAt = 1_000): HealthResult {
  return { startedAt, endedAt: startedAt + 1, code, output: "" };
}

/** Status and streak after each result of a run that began at 0. */
function statuses(codes: readonly number[], own: Partial<HealthCheck> = {}): readonly string[] {
  const used = { ...check, ...own };
  let health = beginHealth(used, undefined) as ContainerHealth;
  return codes.map((code, at) => {
    health = nextHealth(health, resultOf(code, at * 1_000), { check: used, runningSince: 0 });
    return `${health.status} ${health.failingStreak}`;
  });
}

test("nextHealth() counts failures, forgets them after a success, and excuses those of the start period", () => {
  expect(statuses([1, -1, 0, 1, 1, 127, 1, 0])).toEqual([
    "starting 1",
    "starting 2",
    "healthy 0",
    "healthy 1",
    "healthy 2",
    "unhealthy 3",
    "unhealthy 4",
    "healthy 0",
  ]);
  expect(statuses([1, 1, 1], { startPeriodMs: 1_500, retries: 1 })).toEqual([
    "starting 0",
    "starting 0",
    "unhealthy 1",
  ]);
  // A success ends the start period.
  expect(statuses([0, 1], { startPeriodMs: 60_000, retries: 1 })).toEqual(["healthy 0", "unhealthy 1"]);
});

test("nextHealth() keeps the last five results, which the next run inherits", () => {
  let health: ContainerHealth = { status: "starting", failingStreak: 0, log: [] };
  for (let at = 1; at <= 7; at++) health = nextHealth(health, resultOf(0, at), { check, runningSince: 0 });
  expect(health.log.map(({ startedAt }) => startedAt)).toEqual([3, 4, 5, 6, 7]);
  expect(beginHealth(check, endHealth(health))).toEqual({
    status: "starting",
    failingStreak: 0,
    log: health.log,
  });
  expect(endHealth(health)).toEqual({ ...health, status: "unhealthy" });
  expect(beginHealth(undefined, health)).toBeUndefined();
});

test("delayToNextCheck() is the start interval until the container is healthy or its start period is over", () => {
  const slow = { ...check, startPeriodMs: 60_000 };
  const delay = (status: ContainerHealth["status"], nowMs: number): number =>
    delayToNextCheck({ status, failingStreak: 0, log: [] }, slow, { runningSince: 0, nowMs });
  expect([delay("starting", 0), delay("starting", 59_999), delay("starting", 60_000)]).toEqual([
    5_000, 5_000, 30_000,
  ]);
  expect(delay("healthy", 0)).toBe(30_000);
});

test("firstDelay() waits for one interval, goes on where another engine has left off, and spreads what is overdue", () => {
  const delay = (endedAt: number | undefined, nowMs: number, random: number): number =>
    firstDelay(
      {
        status: "healthy",
        failingStreak: 0,
        log: endedAt === undefined ? [] : [{ ...resultOf(0), endedAt }],
      },
      check,
      { runningSince: 100_000, nowMs, random },
    );
  expect(delay(undefined, 100_000, 0)).toBe(30_000);
  expect(delay(undefined, 100_000, 1)).toBe(33_000);
  // Of the run before.
  expect(delay(50_000, 100_000, 0)).toBe(30_000);
  expect(delay(200_000, 210_000, 0)).toBe(20_000);
  expect([delay(200_000, 300_000, 0), delay(200_000, 300_000, 1)]).toEqual([0, 5_000]);
  // The clock was set back.
  expect(delay(900_000, 200_000, 0)).toBe(30_000);
});

test("alignCheck() runs checks together, at most a twentieth of their interval later", () => {
  expect([1, 1_024, 1_025].map((at) => alignCheck(at, check))).toEqual([1_024, 1_024, 2_048]);
  const often = { ...check, intervalMs: 100 };
  expect([1_000, 1_001, 1_004.5].map((at) => alignCheck(at, often))).toEqual([1_000, 1_004, 1_008]);
  expect(alignCheck(7.5, { ...check, intervalMs: 1 })).toBe(8);
});

test("DueChecks gives what is due, the longest due first, within its bounds", () => {
  const due = new DueChecks<{ name: number; dueAt: number | undefined }>();
  for (let name = 0; name < 20; name++) due.add({ name, dueAt: 100 - name });
  const later = { name: 99, dueAt: 500 };
  due.add(later);
  expect([due.take(80), due.nextAt]).toEqual([undefined, 81]);
  const taken = Array.from({ length: 9 }, () => due.take(200));
  expect(taken.map((each) => each?.name)).toEqual([19, 18, 17, 16, 15, 14, 13, 12, undefined]);
  expect(due.nextAt).toBeUndefined();
  due.yieldSlot();
  expect([due.nextAt, due.take(200)?.name, due.take(200)]).toEqual([89, 11, undefined]);
  // 512 at the most, however slow they are.
  for (let at = 0; at < 600; at++) due.add({ name: 1000 + at, dueAt: 0 });
  let running = 9;
  for (;;) {
    due.yieldSlot();
    if (due.take(200) === undefined) break;
    running++;
  }
  expect(running).toBe(512);
  due.release();
  expect(due.take(200)).toBeDefined();
});

test("wholeHealthcheck() completes the words of a check by what the client had sent, once", () => {
  const old = {
    image: "x",
    lifecycle: { healthcheck: ["CMD", "true"], autoRemove: true },
    received: { config: { Healthcheck: { Test: ["CMD", "true"], Interval: 5, Retries: 2, Timeout: 0 } } },
  };
  const whole = wholeHealthcheck(old);
  expect(whole["lifecycle"]).toEqual({
    healthcheck: { test: ["CMD", "true"], intervalNs: 5, retries: 2 },
    autoRemove: true,
  });
  expect(wholeHealthcheck(whole)).toBe(whole);
  expect(wholeHealthcheck({ image: "x" })).toEqual({ image: "x" });
});
