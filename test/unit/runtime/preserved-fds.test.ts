import { describe, expect, test } from "bun:test";
import { PlanBlob, PlanList } from "../../../src/runtime/plan/plan.ts";
import { addBarrier, PlanClock, readyBarrier } from "../../../src/runtime/plan/report.ts";
import { addPreserved, type PlannedProcess, raisedChannel } from "../../../src/runtime/plan/process.ts";

/** What of a process's descriptors is left, by number, after these calls; all others are open before. */
function applied(list: PlanList, highest: number): ReadonlyMap<number, string> {
  const open = new Map(Array.from({ length: highest }, (_, fd) => [fd, `own ${fd}`]));
  for (const { call, args } of list.ops) {
    const [first = 0, second = 0] = args as number[];
    if (call === "dup3") open.set(second, open.get(first) ?? "nothing");
    else for (const fd of open.keys()) if (fd >= first && fd <= second) open.delete(fd);
  }
  return open;
}

describe("addPreserved()", () => {
  const planned = (some: Partial<PlannedProcess>): PlannedProcess => ({
    process: { user: { uid: 0, gid: 0 }, args: ["x"], env: [], cwd: "/" },
    available: new Set(),
    announce: false,
    ...some,
  });

  test("puts each where it is wanted, also where another one was, and closes all else", () => {
    const preserved = [
      { fd: 4, target: 3 },
      { fd: 5, target: 4 },
      { fd: 3, target: 5 },
      { fd: 600, target: 511 },
    ];
    const list = new PlanList(raisedChannel);
    addPreserved(list, planned({ preserved }));
    const left = applied(list, 700);
    expect(Object.fromEntries([...left].filter(([fd]) => fd > 2))).toEqual({
      3: "own 4",
      4: "own 5",
      5: "own 3",
      511: "own 600",
      [raisedChannel]: `own ${raisedChannel}`,
    });
  });

  test("keeps an init beside them, and does nothing without any", () => {
    const list = new PlanList(raisedChannel);
    addPreserved(list, planned({ preserved: [{ fd: 9, target: 3 }], init: 12 }));
    expect([...applied(list, 100).values()]).toContain("own 12");
    const none = new PlanList();
    addPreserved(none, planned({ init: 12 }));
    expect(none.ops).toEqual([]);
  });

  test("what a child tells, it tells at its list's channel", () => {
    const blob = new PlanBlob();
    const list = new PlanList(raisedChannel);
    addBarrier(list, blob, blob.reserve(16), readyBarrier, "wait");
    new PlanClock(blob).report(list);
    expect(list.ops.map(({ args }) => args[0])).toEqual([raisedChannel, raisedChannel, raisedChannel]);
  });
});
