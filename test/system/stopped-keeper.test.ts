import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const ends: readonly (readonly string[])[] = [["stop", "-t", "0"], ["kill"], ["rm", "-f"]];

describe.skipIf(!isRoot)("a container whose keeper was stopped by SIGSTOP", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  for (const words of ends) {
    test(`is ended by ${words.join(" ")}`, async () => {
      await tare.must(["run", "-d", "--name", "held", "busybox", "sleep", "1000"]);
      // Not the prewarmed one, which has no child.
      const keepers = tare.keeperPids().filter((pid) => childrenOf(pid) !== "");
      expect(keepers.length).toBe(1);
      for (const pid of keepers) process.kill(pid, "SIGSTOP");
      await tare.must([...words, "held"]);
      await tare.must(["rm", "-f", "held"]);
    });
  }
});

function childrenOf(pid: number): string {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
}
