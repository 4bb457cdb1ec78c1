import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { sleep } from "../../../src/base/deadline.ts";
import { Failure } from "../../../src/base/failure.ts";
import { Background } from "../../../src/engine/containers/background.ts";
import { removeDirectory } from "../../../src/engine/containers/files/remove-directory.ts";
import { whenFree } from "../../../src/engine/containers/lifecycle/end-run.ts";
import { DeferredDuplex } from "../../../src/engine/containers/streams/deferred-duplex.ts";
import { SeccompProfiles } from "../../../src/engine/containers/resources/seccomp-profiles.ts";
import { matchesEvent, parseEventFilters } from "../../../src/engine/event-filters.ts";
import { operatingSystem } from "../../../src/engine/info.ts";
import { groupNamespaces } from "../../../src/engine/namespaces.ts";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import { splitFrames } from "../../../src/library/split-frames.ts";
import { parseLogLines } from "../../../src/library/log-lines.ts";
import { eventOf } from "./state-records.ts";
import type { ContainerId } from "../../../src/model/ids.ts";
import { asId } from "../../support/ids.ts";

describe("DeferredDuplex", () => {
  test("delivers what was written before it was joined, and the end of it", async () => {
    const late = new DeferredDuplex();
    late.write("one ");
    late.end("two");
    await sleep(0);
    const inner = new PassThrough();
    late.join(inner);
    let text = "";
    for await (const chunk of late) text += String(chunk);
    expect(text).toBe("one two");
  });

  test("holds back for a reader that is slow", async () => {
    const late = new DeferredDuplex();
    const inner = new PassThrough();
    late.join(inner);
    let written = 0;
    while (inner.write(Buffer.alloc(16384)) && written < 100) {
      written++;
      await sleep(0);
    }
    expect(written).toBeLessThan(100);
    inner.end();
    let read = 0;
    for await (const chunk of late) read += (chunk as Buffer).length;
    expect(read).toBe((written + 1) * 16384);
  });

  test("abandon() ends the reader and holds up no writer", async () => {
    const late = new DeferredDuplex();
    const written = new Promise((resolve) => late.write("lost", resolve));
    late.abandon();
    await written;
    for await (const chunk of late) throw new Error(`unexpected ${String(chunk)}`);
  });

  test("gives bytes before those of the process, one piece after the other", async () => {
    const late = new DeferredDuplex();
    const giving = (async () => {
      for (let index = 0; index < 50; index++) await late.give(Buffer.alloc(10_000, index));
      const inner = new PassThrough();
      late.join(inner);
      inner.end("last");
    })();
    let read = 0;
    let last = "";
    for await (const chunk of late) {
      read += (chunk as Buffer).length;
      last = (chunk as Buffer).subarray(-4).toString();
    }
    await giving;
    expect({ read, last }).toEqual({ read: 500_004, last: "last" });
  });

  test("destroys what it is joined to, also afterwards", async () => {
    const late = new DeferredDuplex();
    late.destroy();
    const inner = new PassThrough();
    late.join(inner);
    expect(inner.destroyed).toBe(true);
  });
});

describe("Background", () => {
  test("keeps the order of one subject, bounds all, keeps what failed", async () => {
    const background = new Background();
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
      order.push(name);
    };
    for (const subject of ["a", "b", "c", "d", "e", "f"]) {
      for (const step of [1, 2]) void background.run(subject, work(`${subject}${step}`));
    }
    void background.run("a", async () => {
      throw new Error("it is busy");
    });
    await background.settle();
    for (const subject of ["a", "b", "c", "d", "e", "f"]) {
      expect(order.indexOf(`${subject}1`)).toBeLessThan(order.indexOf(`${subject}2`));
    }
    expect(most).toBeLessThanOrEqual(4);
    expect([...background.failures]).toEqual([["a", "it is busy"]]);
    expect(background.pending).toEqual([]);
    await background.run("a", async () => {});
    expect(background.failures.size).toBe(0);
  });

  test("begins when what was answered in the same turn has left", async () => {
    const background = new Background();
    const order: string[] = [];
    const task = background.run("a", async () => void order.push("work"));
    expect(background.pending).toEqual(["a"]);
    // An answer goes through several promises before it is written.
    for (let step = 0; step < 20; step++) await Promise.resolve();
    order.push("answer");
    await task;
    expect(order).toEqual(["answer", "work"]);
  });
});

test("removeDirectory() has removed it when it returns, also while others remove what is in it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tare-pieces-"));
  const below = Array.from({ length: 300 }, (_, at) => join(directory, `exec-${at}`));
  for (const path of below) {
    mkdirSync(path);
    writeFileSync(join(path, "exit"), "");
  }
  const removals = below.map((path) => rm(path, { recursive: true, force: true }));
  await removeDirectory(directory);
  expect(existsSync(directory)).toBe(false);
  await Promise.all(removals);
  await removeDirectory(directory);
});

test("whenFree() tries again on conflicts only", async () => {
  let tries = 0;
  const busy = async (): Promise<string> => {
    if (++tries < 4) throw new Failure("conflict", "it is in use");
    return "done";
  };
  expect(await whenFree("do it", busy)).toBe("done");
  await expect(
    whenFree("do it", async () => {
      throw new Failure("exhausted", "no space");
    }),
  ).rejects.toThrow("no space");
});

test("SeccompProfiles gives the same object for the same text", () => {
  const profiles = new SeccompProfiles();
  const text = '{"defaultAction":"SCMP_ACT_ALLOW"}';
  expect(profiles.get(text)).toBe(profiles.get(text));
  expect(() => profiles.get("nonsense")).toThrow("cannot use the seccomp profile");
});

test("event filters are Docker's", () => {
  const event = {
    ...eventOf(1),
    action: "exec_start: sh",
    actor: { id: "abcdef", attributes: { name: "web", image: "busybox:1", tier: "front" } },
  };
  const matches = (filters: Record<string, string[]>): boolean =>
    matchesEvent(event, parseEventFilters(filters));
  expect(matches({})).toBe(true);
  expect(matches({ type: ["container", "image"], event: ["exec_start"] })).toBe(true);
  expect(matches({ event: ["exec"] })).toBe(false);
  expect(matches({ container: ["web"] })).toBe(true);
  expect(matches({ container: ["abc"] })).toBe(true);
  expect(matches({ container: ["other"] })).toBe(false);
  expect(matches({ image: ["busybox"] })).toBe(true);
  expect(matches({ label: ["tier=front", "tier"] })).toBe(true);
  expect(matches({ label: ["tier=back"] })).toBe(false);
  expect(matches({ volume: ["x"] })).toBe(false);
  expect(matches({ nonsense: ["1"] })).toBe(true);
  expect(matches({ constructor: ["1"], container: ["other"] })).toBe(false);
});

test("groupNamespaces() says who shares what", () => {
  const rows = groupNamespaces([
    { id: asId<ContainerId>(""), name: "host", pid: 1, inodes: { mount: 1, pid: 2 } },
    { id: asId<ContainerId>("a"), name: "one", pid: 2, inodes: { mount: 3, pid: 2 } },
    { id: asId<ContainerId>("b"), name: "two", pid: 3, inodes: { mount: 4, pid: 2 } },
  ]);
  expect(rows[1]?.namespaces["mount"]).toEqual({ inode: 3, sharedWith: [] });
  expect(rows[1]?.namespaces["pid"]).toEqual({ inode: 2, sharedWith: ["host", "two"] });
});

test("operatingSystem() reads os-release", () => {
  expect(operatingSystem('NAME=x\nPRETTY_NAME="Debian GNU/Linux 13"\n')).toBe("Debian GNU/Linux 13");
  expect(operatingSystem("PRETTY_NAME=Plain\n")).toBe("Plain");
  expect(operatingSystem("")).toBe("Linux");
});

test("splitFrames() takes apart what encodeFrame() made, also when it is cut", () => {
  const frames = Buffer.concat([
    encodeFrame("stdout", Buffer.from("a")),
    encodeFrame("stderr", Buffer.from("b")),
    encodeFrame("stdout", Buffer.from("cut off")),
  ]);
  const { stdout, stderr } = splitFrames(frames.subarray(0, -4));
  expect(Buffer.from(stdout).toString()).toBe("acut");
  expect(Buffer.from(stderr).toString()).toBe("b");
});

test("parseLogLines() finds lines and times in pieces of any size", async () => {
  const text =
    "2026-11-23T10:00:00.000000001Z one\n2026-11-23T10:00:01.5Z two words\n2026-11-23T10:00:02Z end";
  for (const size of [1, 3, 7, 1000]) {
    const frames = (async function* () {
      for (let at = 0; at < text.length; at += size) {
        yield { stream: "stdout" as const, bytes: Buffer.from(text.slice(at, at + size)) };
      }
    })();
    const lines: string[] = [];
    let last = 0n;
    for await (const { bytes, timeNs } of parseLogLines(frames)) {
      lines.push(Buffer.from(bytes).toString());
      expect(timeNs).toBeGreaterThan(last);
      last = timeNs;
    }
    expect(lines).toEqual(["one\n", "two words\n", "end"]);
  }
});
