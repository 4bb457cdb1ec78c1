import { describe, expect, test } from "bun:test";
import { errno } from "../../../src/linux/kernel/errno.ts";
import { addOpenTarget, type TargetOptions } from "../../../src/runtime/plan/paths.ts";
import { PlanBlob, PlanList, type PlanOp } from "../../../src/runtime/plan/plan.ts";

const { EAGAIN, EBADF, EEXIST, ENOENT, ELOOP } = errno;
const options: TargetOptions = { about: "open", kind: "directory" };

/** Runs a list as the keeper does; `answer` is the kernel. Gives what lies in the slot, or the call that failed. */
function run(
  options: TargetOptions,
  answer: (op: PlanOp) => number,
  path = "a/b",
): { readonly stored?: number; readonly failed?: number; readonly calls: readonly string[] } {
  const list = new PlanList();
  const { load } = addOpenTarget(list, new PlanBlob(), 5, path, options);
  const calls: string[] = [];
  let stored: number | undefined;
  for (let i = 0; i < list.ops.length; i++) {
    const op = list.ops[i] as PlanOp;
    const result = op.call === "close" ? -EBADF : answer(op);
    if (op.call !== "close") calls.push(op.call);
    if (op.store?.offset === load.offset) stored = result;
    if (result >= 0) continue;
    if (op.skip?.errors.includes(-result) !== true) return { failed: result, calls };
    i += op.skip.count;
  }
  return { ...(stored === undefined ? {} : { stored }), calls };
}

describe("addOpenTarget()", () => {
  test("opens once when nothing is in the way", () => {
    expect(run(options, () => 9)).toEqual({ stored: 9, calls: ["openat2"] });
  });

  test.each([
    [1, { stored: 9, calls: ["openat2", "openat2"] }],
    [2, { stored: 9, calls: ["openat2", "openat2", "openat2"] }],
    [3, { failed: -EAGAIN, calls: ["openat2", "openat2", "openat2"] }],
  ])("tries again when it loses a race %d times, thrice in all", (races, expected) => {
    for (const create of [true, false]) {
      let left = races;
      expect(run({ ...options, create }, () => (left-- > 0 ? -EAGAIN : 9))).toEqual(expected);
    }
  });

  test("makes what is missing, also after a lost race, and opens it", () => {
    const there = new Set<unknown>();
    let races = 1;
    const result = run(options, (op) => {
      if (op.call === "mkdirat") {
        if (there.has(op.args[1])) return -EEXIST;
        there.add(op.args[1]);
        return 0;
      }
      if (races-- > 0) return -EAGAIN;
      return (op.args[1] as string).split("/").every((name) => there.has(name)) ? 9 : -ENOENT;
    });
    expect(result.stored).toBe(9);
    expect(result.calls.filter((call) => call === "mkdirat")).toHaveLength(2);
  });

  test("fails at once on another error, and on what is missing when nothing is to be made", () => {
    expect(run(options, () => -ELOOP)).toEqual({ failed: -ELOOP, calls: ["openat2"] });
    expect(run({ ...options, create: false }, () => -ENOENT)).toEqual({
      failed: -ENOENT,
      calls: ["openat2"],
    });
  });

  test("tries once where no link may be", () => {
    expect(run({ ...options, symlinks: "refuse" }, () => -EAGAIN)).toEqual({
      failed: -EAGAIN,
      calls: ["openat2"],
    });
  });
});
