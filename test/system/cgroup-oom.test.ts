import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CgroupLayout, detectCgroups, findController } from "../../src/linux/cgroup/layout.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

/** Memory runs out in a child; the first process lives on. */
const hungryChild = "tail /dev/zero; echo survived; sleep 1000";

describe.skipIf(!isRoot)("out of memory", () => {
  let tare: Installation;
  let layout: CgroupLayout;

  beforeAll(async () => {
    tare = new Installation();
    layout = detectCgroups();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const limits = ["-m", "16m", "--memory-swap", "16m"];
  const start = (name: string, ...rest: readonly string[]): Promise<string> =>
    tare.must(["run", "-d", "--name", name, ...rest]);
  const inspect = (name: string, format: string): Promise<string> =>
    tare.must(["inspect", "-f", format, name]);
  const eventsOf = async (name: string): Promise<readonly string[]> => {
    const filters = ["--filter", `container=${name}`, "--since", "1h", "--until", "0s"];
    return (await tare.must(["events", ...filters, "--format", "{{.Action}}"])).split("\n");
  };
  const until = async (what: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; !(await what()); tries++) {
      expect(tries).toBeLessThan(200);
      await Bun.sleep(50);
    }
  };

  test("is an event and told by inspect while it runs, and said once", async () => {
    await start("hungry", ...limits, "busybox", "sh", "-c", hungryChild);
    await until(async () => (await eventsOf("hungry")).includes("oom"));
    expect(await inspect("hungry", "{{.State.Status}} {{.State.OOMKilled}}")).toBe("running true");
    await tare.must(["kill", "hungry"]);
    await tare.must(["wait", "hungry"]);
    expect(await inspect("hungry", "{{.State.Status}} {{.State.OOMKilled}}")).toBe("exited true");
    expect((await eventsOf("hungry")).filter((action) => action === "oom")).toEqual(["oom"]);
    await tare.must(["start", "hungry"]);
    await until(async () => (await eventsOf("hungry")).filter((action) => action === "oom").length === 2);
    await tare.must(["rm", "-f", "hungry"]);
  });

  test("is heard of by the next daemon, and after an update that sets the limit", async () => {
    await start(
      "later",
      ...limits,
      "busybox",
      "sh",
      "-c",
      "until [ -e /go ]; do usleep 20000; done; tail /dev/zero; sleep 1000",
    );
    const daemon = tare.daemonPid() ?? 0;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    await tare.must(["exec", "later", "touch", "/go"]);
    await until(async () => (await eventsOf("later")).includes("oom"));
    await tare.must(["rm", "-f", "later"]);
    await start(
      "grown",
      "busybox",
      "sh",
      "-c",
      "until [ -e /go ]; do usleep 20000; done; tail /dev/zero; sleep 1000",
    );
    await tare.must(["update", ...limits, "grown"]);
    await tare.must(["exec", "grown", "touch", "/go"]);
    await until(async () => (await eventsOf("grown")).includes("oom"));
    await tare.must(["rm", "-f", "grown"]);
  });

  test("of a first process is told at its end; without any, nothing is", async () => {
    const { status } = await tare.tare(["run", "--name", "short", ...limits, "busybox", "tail", "/dev/zero"]);
    expect(status).toBe(137);
    expect(await inspect("short", "{{.State.OOMKilled}}")).toBe("true");
    expect((await eventsOf("short")).filter((action) => action === "oom")).toEqual(["oom"]);
    await tare.must(["run", "--name", "modest", ...limits, "busybox", "true"]);
    expect(await inspect("modest", "{{.State.OOMKilled}}")).toBe("false");
    expect(await eventsOf("modest")).not.toContain("oom");
    await tare.must(["rm", "short", "modest"]);
  });

  test("in a cgroup below the container's own counts, too", async () => {
    const script = "until [ -e /go ]; do usleep 20000; done; tail /dev/zero; echo ended; sleep 1000";
    const id = await start("nested", "-m", "64m", "busybox", "sh", "-c", script);
    const memory = findController(layout, "memory");
    const own = join(memory?.mountPath ?? "", tare.cgroupParent(), id);
    const below = join(own, "below");
    mkdirSync(below);
    // v2 lets only cgroups without processes of their own have others with limits below them.
    const pid = await inspect("nested", "{{.State.Pid}}");
    writeFileSync(join(below, "cgroup.procs"), pid);
    // Its children of before end by themselves.
    await until(async () => readFileSync(join(own, "cgroup.procs"), "utf8").trim() === "");
    if (memory?.version === 2) writeFileSync(join(own, "cgroup.subtree_control"), "+memory");
    const file = memory?.version === 1 ? "memory.limit_in_bytes" : "memory.max";
    writeFileSync(join(below, file), String(8 << 20));
    const swap = memory?.version === 1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
    if (readdirSync(below).includes(swap)) {
      writeFileSync(join(below, swap), memory?.version === 1 ? String(8 << 20) : "0");
    }
    writeFileSync(`/proc/${pid}/root/go`, "");
    await until(async () => (await tare.must(["logs", "nested"])).includes("ended"));
    // v1 tells only those below the limit of it: there it is counted at the end.
    if (memory?.version === 2) await until(async () => (await eventsOf("nested")).includes("oom"));
    await tare.must(["kill", "nested"]);
    await tare.must(["wait", "nested"]);
    expect(await inspect("nested", "{{.State.OOMKilled}}")).toBe("true");
    expect((await eventsOf("nested")).filter((action) => action === "oom")).toEqual(["oom"]);
    await tare.must(["rm", "nested"]);
  });
});
