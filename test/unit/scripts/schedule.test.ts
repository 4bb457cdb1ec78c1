import { describe, expect, test } from "bun:test";
import {
  findStale,
  formatFlaky,
  mergeRerun,
  orderPaths,
  parseSchedule,
  runJobs,
} from "../../../scripts/schedule.mjs";

const schedule = parseSchedule(`
# a comment
first b.test.ts   # slow
first a.test.ts
alone m.test.ts # measures memory
`);

describe("schedule of test files", () => {
  test("parseSchedule() reads words, paths and comments", () => {
    expect(schedule).toEqual({ first: ["b.test.ts", "a.test.ts"], alone: ["m.test.ts"] });
  });

  test("parseSchedule() refuses what it does not know, and says where", () => {
    expect(() => parseSchedule("first a\nlast b")).toThrow('cannot read line 2 of the schedule: "last b"');
    expect(() => parseSchedule("first")).toThrow("line 1");
    expect(() => parseSchedule("first a b")).toThrow("line 1");
    expect(() => parseSchedule("constructor a")).toThrow("line 1");
  });

  test("orderPaths() puts slow files first and keeps the others' order; no path is lost or doubled", () => {
    const paths = ["a.test.ts", "b.test.ts", "c.test.ts", "m.test.ts", "z.test.ts"];
    expect(orderPaths(paths, schedule)).toEqual({
      together: ["b.test.ts", "a.test.ts", "c.test.ts", "z.test.ts"],
      alone: ["m.test.ts"],
    });
    expect(orderPaths(["c.test.ts", "a.test.ts"], schedule)).toEqual({
      together: ["a.test.ts", "c.test.ts"],
      alone: [],
    });
  });

  test("findStale() finds paths that are no test files", () => {
    expect(findStale(["a.test.ts", "m.test.ts"], schedule)).toEqual(["b.test.ts"]);
  });

  test("runJobs() runs at most so many at a time, each once, and keeps their order", async () => {
    let running = 0;
    let most = 0;
    const started: number[] = [];
    const waiting: (() => void)[] = [];
    const done = runJobs([0, 1, 2, 3, 4], 2, async (job) => {
      started.push(job);
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running--;
      return job * 10;
    });
    // The later of two ends first.
    while (started.length < 5 || waiting.length > 0) {
      waiting.pop()?.();
      await Promise.resolve();
    }
    expect(await done).toEqual([0, 10, 20, 30, 40]);
    expect(started.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });
});

describe("a file that is run once more", () => {
  const failure = { file: "", name: "suite > it", lines: [] };
  const failed = { path: "a.test.ts", passed: 1, failed: 1, failures: [failure] };
  const passed = { path: "a.test.ts", passed: 2, failed: 0, failures: [] };

  test("and passes then, counts as passed and is named as flaky", () => {
    const merged = mergeRerun(failed, passed);
    expect(merged).toEqual({ ...passed, flaky: [failure] });
    expect(formatFlaky(merged)).toEqual(["FLAKY a.test.ts: suite > it"]);
  });

  test("and fails again, counts as failed and is not flaky", () => {
    const merged = mergeRerun(failed, failed);
    expect(merged).toMatchObject({ failed: 1, flaky: [] });
    expect(formatFlaky(merged)).toEqual([]);
  });
});
