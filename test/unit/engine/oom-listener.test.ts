import { test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { poll } from "../../../src/base/deadline.ts";
import { OomListener } from "../../../src/engine/host/oom-listener.ts";

test("OomListener has a cgroup looked at whose memory ran out before it was watched, and again after each end", async () => {
  const root = mkdtempSync(join(tmpdir(), "tare-oom-"));
  const fd = openSync(root, "r");
  const hierarchy = { version: 2, mountPath: root, controllers: ["memory"] } as const;
  const layout = { v1: [], v2: hierarchy, swapAccounting: true, cpus: "0", memoryNodes: "0" };
  try {
    const place = { layout, path: "top", directoryIn: () => fd, raiseLimits: () => {} };
    mkdirSync(join(root, "one"));
    const events = join(root, "one/memory.events");
    writeFileSync(events, "oom_kill 1\n");
    using listener = new OomListener(layout);
    let looks = 0;
    const seen = (count: number): Promise<true> =>
      poll(() => (looks >= count ? true : undefined), { timeoutMs: 20_000, what: `see look ${count}` });
    listener.add(place, "one", () => void looks++);
    await seen(2);
    writeFileSync(events, "oom_kill 2\n");
    await seen(4);
  } finally {
    closeSync(fd);
    rmSync(root, { recursive: true });
  }
});
