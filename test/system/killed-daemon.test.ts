import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("a command", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  function daemon(): number {
    const pid = tare.daemonPid();
    if (pid === undefined) throw new Error("no daemon is running");
    return pid;
  }

  test.each([
    ["that asks", ["ps", "-q"]],
    ["that makes something", ["create", "busybox", "true"]],
    ["that runs something", ["run", "--rm", "busybox", "true"]],
    ["that sends a stream", ["load", "-i", busyboxArchive()]],
  ])("%s survives that the daemon is killed before it has heard of it", async (_, args) => {
    await tare.must(["ps"]);
    const pid = daemon();
    process.kill(pid, "SIGSTOP"); // it accepts connections, and reads nothing
    const asked = tare.tare(args);
    await Bun.sleep(50);
    process.kill(pid, "SIGKILL");
    expect(await asked).toMatchObject({ status: 0, stderr: "" });
  });

  test("right after kill -9 of the daemon finds another one", async () => {
    await tare.must(["rm", "-f", await tare.must(["create", "--name", "first", "busybox", "true"])]);
    for (let round = 0; round < 20; round++) {
      const before = tare.tare(["ps", "-q"]);
      process.kill(daemon(), "SIGKILL");
      const made = tare.tare(["create", "--name", `round-${round}`, "busybox", "true"]);
      const listed = tare.tare(["ps", "-q"]);
      expect(await made).toMatchObject({ status: 0, stderr: "" });
      expect(await listed).toMatchObject({ status: 0, stderr: "" });
      await before; // it may have been cut off in the middle
    }
    expect((await tare.must(["ps", "-a", "--format", "{{.Names}}"])).split("\n")).toEqual(
      expect.arrayContaining(Array.from({ length: 20 }, (_, round) => `round-${round}`)),
    );
  });
});
