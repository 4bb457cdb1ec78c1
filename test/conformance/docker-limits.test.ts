import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { detectCgroups, hierarchiesOf } from "../../src/linux/cgroup/layout.ts";
import { describeDocker } from "../support/docker-host.ts";

describeDocker("docker-cli's limits", (host) => {
  test("reach the container, its inspection, and the cgroup that was asked for", async () => {
    const parent = `/tare-docker-test-${process.pid}`;
    const flags = `--blkio-weight 300 -m 64m --memory-reservation 32m --memory-swappiness 10 --cgroup-parent ${parent}`;
    const id = await host.docker.must([
      "run",
      "-d",
      "--name",
      "limited",
      ...flags.split(" "),
      "busybox",
      "sleep",
      "1000",
    ]);
    const inspect = async (): Promise<unknown> =>
      JSON.parse(await host.docker.must(["inspect", "-f", "{{json .HostConfig}}", "limited"]));
    expect(await inspect()).toMatchObject({
      BlkioWeight: 300,
      Memory: 64 << 20,
      MemoryReservation: 32 << 20,
      MemorySwappiness: 10,
      CgroupParent: parent,
      CpuRealtimeRuntime: 0,
      BlkioDeviceReadBps: [],
    });
    const places = (): readonly string[] =>
      hierarchiesOf(detectCgroups())
        .map(({ mountPath }) => join(mountPath, parent, id))
        .filter((path) => existsSync(path));
    expect(places().length).toBeGreaterThan(0);
    await host.docker.must(["update", "--blkio-weight", "500", "--memory-reservation", "16m", "limited"]);
    expect(await inspect()).toMatchObject({ BlkioWeight: 500, MemoryReservation: 16 << 20 });
    await host.docker.must(["rm", "-f", "limited"]);
    await host.tare.must(["system", "settle"]);
    expect(places()).toEqual([]);
  });

  test.each([
    ["--blkio-weight 5", "Range of blkio weight is from 10 to 1000"],
    [
      "-m 64m --memory-reservation 128m",
      "Minimum memory limit can not be less than memory reservation limit",
    ],
    ["--cgroup-parent ../x", 'cannot use cgroup path "../x"'],
    ["--cpu-rt-period 100 --cpu-rt-runtime 200", "real-time"],
  ])("%s is refused in one sentence", async (flags, says) => {
    const { code, stderr } = await host.docker.run(["run", "--rm", ...flags.split(" "), "busybox", "true"]);
    expect([code, stderr]).toEqual([125, expect.stringContaining(says)]);
    expect(await host.docker.must(["ps", "-aq"])).toBe("");
  });
});
