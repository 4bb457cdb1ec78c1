import { describe, expect, test } from "bun:test";
import { formatRestartPolicy, readRestartPolicy } from "../../../src/api/container/restart-policy.ts";
import { parseRestartPolicy } from "../../../src/cli/container/flags/parsers/restart-policy.ts";
import {
  checkRestartPolicy,
  type EndedRun,
  decideRestart,
  startsWithEngine,
} from "../../../src/engine/resolve/restart-policy.ts";
import type { ContainerLifecycle } from "../../../src/model/container-spec.ts";
import type { RestartPolicy } from "../../../src/model/restarts.ts";

const run = (more: Partial<EndedRun> = {}): EndedRun => ({
  code: 0,
  ranMs: 5,
  restartCount: 0,
  stoppedByHand: false,
  ...more,
});

describe("decideRestart()", () => {
  test.each<[RestartPolicy["name"], Partial<EndedRun>, number | undefined]>([
    ["no", { code: 1 }, undefined],
    ["always", {}, 100],
    ["always", { code: 1 }, 100],
    ["always", { stoppedByHand: true }, undefined],
    ["unless-stopped", {}, 100],
    ["unless-stopped", { stoppedByHand: true }, undefined],
    ["on-failure", {}, undefined],
    ["on-failure", { code: 137 }, 100],
    ["on-failure", { code: 137, stoppedByHand: true }, undefined],
  ])("%s after %j waits %p", (name, ended, delayMs) => {
    expect(decideRestart({ name }, run(ended))).toBe(delayMs);
  });

  test("doubles the delay up to a minute, and begins anew after ten seconds of running", () => {
    const delays: number[] = [];
    let delayMs: number | undefined;
    for (let i = 0; i < 12; i++) {
      delayMs = decideRestart({ name: "always" }, run(delayMs === undefined ? {} : { delayMs }));
      delays.push(delayMs ?? -1);
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]);
    expect(decideRestart({ name: "always" }, run({ delayMs: 60_000, ranMs: 9999 }))).toBe(60_000);
    expect(decideRestart({ name: "always" }, run({ delayMs: 60_000, ranMs: 10_000 }))).toBe(100);
  });

  test("counts retries, 0 and nothing being without end", () => {
    const after = (maximumRetries: number | undefined, restartCount: number) =>
      decideRestart(
        { name: "on-failure", ...(maximumRetries === undefined ? {} : { maximumRetries }) },
        run({ code: 1, restartCount }),
      );
    expect([after(2, 1), after(2, 2), after(0, 999), after(undefined, 999)]).toEqual([
      100,
      undefined,
      100,
      100,
    ]);
  });

  test("startsWithEngine() says which ended ones are started when the engine is opened", () => {
    const says = (name: RestartPolicy["name"], stoppedByHand: boolean) =>
      startsWithEngine({ name }, { stoppedByHand });
    expect([says("always", true), says("always", false)]).toEqual([true, true]);
    expect([says("unless-stopped", true), says("unless-stopped", false)]).toEqual([false, true]);
    expect([
      says("on-failure", false),
      says("no", false),
      startsWithEngine(undefined, { stoppedByHand: false }),
    ]).toEqual([false, false, false]);
  });
});

describe("readRestartPolicy()", () => {
  test.each([["no"], ["always"], ["unless-stopped"], ["on-failure"], ["on-failure:3"]])(
    "takes %s and gives it back",
    (text) => {
      const policy = parseRestartPolicy(text);
      const planned = readRestartPolicy(policy);
      expect(planned === undefined ? undefined : formatRestartPolicy(planned)).toEqual(policy);
    },
  );

  test.each([
    [
      "x",
      "invalid restart policy: unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    ],
    ["always:3", "invalid restart policy: maximum retry count can only be used with 'on-failure'"],
    [
      "always:-3",
      "invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative",
    ],
    ["on-failure:-1", "invalid restart policy: maximum retry count cannot be negative"],
    [":3", "invalid restart policy format: no policy provided before colon"],
    ["on-failure:x", "invalid restart policy format: maximum retry count must be an integer"],
  ])("%s is refused", (text, sentence) => {
    expect(() => readRestartPolicy(parseRestartPolicy(text))).toThrow(sentence);
  });

  test("checkRestartPolicy() refuses what contradicts it", () => {
    const check = (more: ContainerLifecycle) =>
      checkRestartPolicy({ image: "x", lifecycle: { restartPolicy: { name: "always" }, ...more } });
    expect(() => check({ autoRemove: true })).toThrow(
      "can't create 'AutoRemove' container with restart policy",
    );
    expect(() => check({ lifetime: "process" })).toThrow("contradict each other");
    expect(() => check({ restartPolicy: { name: "always", maximumRetries: 2 } })).toThrow(
      "only be used with",
    );
  });
});
