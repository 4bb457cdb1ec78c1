import { expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CgroupLayout } from "../../../src/linux/cgroup/layout.ts";
import { openOomWatch } from "../../../src/linux/cgroup/oom-watch.ts";

const base = { v1: [], swapAccounting: true, cpus: "0", memoryNodes: "0" };

test("take() on v2 names each cgroup whose memory.events changed, once, until it goes", () => {
  const root = mkdtempSync(join(tmpdir(), "tare-oom-"));
  const layout: CgroupLayout = { ...base, v2: { version: 2, mountPath: root, controllers: ["memory"] } };
  const fd = openSync(root, "r");
  try {
    const place = { layout, path: "top", directoryIn: () => fd, raiseLimits: () => {} };
    const events = (name: string): string => join(root, name, "memory.events");
    for (const name of ["one", "two"]) {
      mkdirSync(join(root, name));
      writeFileSync(events(name), "oom_kill 0\n");
    }
    using watch = openOomWatch(layout);
    expect(watch?.add(place, "one")).toBe(true);
    expect(watch?.add(place, "two")).toBe(true);
    expect(watch?.add(place, "absent")).toBe(false);
    expect([watch?.size, watch?.take()]).toEqual([2, []]);
    writeFileSync(events("two"), "oom_kill 1\n");
    writeFileSync(events("two"), "oom_kill 2\n");
    expect(watch?.take()).toEqual(["two"]);
    expect(watch?.take()).toEqual([]);
    rmSync(join(root, "one"), { recursive: true });
    expect(watch?.take()).toEqual([]);
    expect(watch?.size).toBe(1);
  } finally {
    closeSync(fd);
    rmSync(root, { recursive: true });
  }
});

test("openOomWatch() is undefined where nothing counts memory", () => {
  expect(openOomWatch(base)).toBeUndefined();
});
