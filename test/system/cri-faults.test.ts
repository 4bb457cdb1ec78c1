import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { faultPoints } from "../../src/base/fault.ts";
import { CriDaemon } from "../support/cri-client.ts";
import { isRoot } from "../support/tare.ts";

/** Steps of a sandbox's creation and start at which the daemon is killed. */
const points = faultPoints.filter((point) => /^(create|start)\.(?!image)/.test(point));

describe.skipIf(!isRoot)("a daemon that is killed while it runs a pod sandbox", () => {
  let daemon: CriDaemon;

  beforeAll(async () => {
    daemon = new CriDaemon();
  });
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test.each(points)("at %s leaves no sandbox that is not ready, and it can be run anew", async (point) => {
    const config = daemon.podConfig();
    await daemon.start({ TARE_FAULT: point });
    const isRun = await daemon.runtime("RunPodSandbox", { config }).then(
      () => true,
      () => false,
    );
    if (isRun) {
      await daemon.removeAll();
      await daemon.stop(); // this start does not come by the point
      return;
    }
    await daemon.ended();
    await daemon.stop();
    await daemon.start();
    const { items } = await daemon.runtime("ListPodSandbox", {});
    expect(items.map(({ state }) => state)).toEqual(items.length === 0 ? [] : [0]);
    if (point.startsWith("create.")) expect(items).toEqual([]);
    for (const { id } of items) await daemon.runtime("RemovePodSandbox", { pod_sandbox_id: id });
    await daemon.runtime("RunPodSandbox", { config });
    await daemon.removeAll();
    await daemon.tare.must(["system", "settle"]);
    expect(await daemon.tare.must(["system", "check"])).not.toContain("advice");
    await daemon.stop();
  });
});
