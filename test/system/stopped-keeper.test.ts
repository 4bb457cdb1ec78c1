import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connectTo } from "../../src/mod/connected-engine.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("a container whose keepers are stopped or many", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test.each([{ words: ["stop", "-t", "0"] }, { words: ["kill"] }, { words: ["rm", "-f"] }])(
    "$words ends it when its keeper was stopped by SIGSTOP",
    async ({ words }) => {
      await tare.must(["run", "-d", "--name", "held", "busybox", "sleep", "1000"]);
      // Not the prewarmed one, which has no child.
      const keepers = tare.keeperPids().filter((pid) => childrenOf(pid) !== "");
      expect(keepers.length).toBe(1);
      for (const pid of keepers) process.kill(pid, "SIGSTOP");
      await tare.must([...words, "held"]);
      await tare.must(["rm", "-f", "held"]);
    },
  );

  test("rm -f with 512 running execs leaves no directory", async () => {
    const id = await tare.must(["run", "-d", "--name", "many", "busybox", "sleep", "1000"]);
    {
      await using engine = await connectTo(`unix://${tare.socket}`);
      for (let at = 0; at < 512; at++) {
        const exec = await engine.containers.createExec("many", { command: ["sleep", "1000"] });
        await engine.containers.startExec(exec, { detach: true });
      }
    }
    await tare.must(["rm", "-f", "many"]);
    await tare.must(["system", "settle", "--timeout", "120s"]);
    expect(existsSync(join(tare.runRoot, "containers", id))).toBe(false);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  }, 240_000);
});

function childrenOf(pid: number): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
}
