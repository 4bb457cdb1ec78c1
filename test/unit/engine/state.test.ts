import { afterEach, beforeEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../../src/base/deadline.ts";
import { lockRoot } from "../../../src/engine/state/locked-root.ts";
import { openState, type State } from "../../../src/engine/state/state.ts";
import type { EngineEvent } from "../../../src/model/engine.ts";
import { Scratch } from "../../support/scratch.ts";
import { eventOf, imageOf, recordOf } from "./state-records.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch("state-unit");
});
afterEach(() => {
  scratch[Symbol.dispose]();
});

function inState<T>(work: (state: State) => T): T {
  using state = openState(scratch.path);
  return work(state);
}

test("State keeps all that it is told over a reopening", () => {
  const record = recordOf(1, { startTime: "12345678901234567890", starts: [1, 2] });
  inState((state) => {
    state.putImages([imageOf(1), imageOf(2)], [["docker.io/library/x:latest", imageOf(1).id]]);
    state.putContainer(record, { events: [eventOf(1)] });
    state.putContainer(recordOf(2));
    state.putContainer({ ...record, name: "renamed" });
    state.beginIntent({ kind: "start", containerId: record.id, begunAt: 5 });
    state.removeImages({ references: [], images: [imageOf(2).id] });
    state.putFact("id", "abc");
  });
  inState((state) => {
    expect(state.findContainer(record.id)).toEqual({ ...record, name: "renamed" });
    expect(state.findContainerByName("renamed")?.id).toBe(record.id);
    expect(state.findContainerByName("name-1")).toBeUndefined();
    expect(state.containers().map(({ name }) => name)).toEqual(["renamed", "name-2"]);
    expect(state.images()).toEqual([imageOf(1)]);
    expect([...state.references()]).toEqual([["docker.io/library/x:latest", imageOf(1).id]]);
    expect(state.intents().map(([, intent]) => intent)).toEqual([
      { kind: "start", containerId: record.id, begunAt: 5 },
    ]);
    expect(state.findFact("id")).toBe("abc");
  });
});

test("State changes nothing when the database refuses", () => {
  inState((state) => {
    state.putContainer(recordOf(1));
    expect(() => state.putContainer(recordOf(2, { name: "name-1" }))).toThrow("UNIQUE");
    expect(() => state.putImages([], [["x", imageOf(9).id]])).toThrow("FOREIGN KEY");
    expect(state.containers()).toHaveLength(1);
    expect(state.references().size).toBe(0);
  });
});

test("State is for its owner only", () => {
  inState(() => undefined);
  expect(statSync(join(scratch.path, "state.db")).mode & 0o777).toBe(0o600);
});

test("State survives kill -9 at any moment: what was told is there, whole", async () => {
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "state-writer.ts"), scratch.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let told = "";
    child.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
    await once(child.stdout, "data");
    await sleep(20 + round * 7);
    child.kill("SIGKILL");
    await once(child, "close");
    inState((state) => {
      const steps = told.split("\n").slice(0, -1);
      const removed = new Set(
        steps.filter((step) => step.startsWith("-")).map((step) => Number(step.slice(1))),
      );
      const added = steps.filter((step) => step.startsWith("+")).map((step) => Number(step.slice(1)));
      expect(added.length).toBeGreaterThan(0);
      for (const number of added) {
        const found = state.findContainer(recordOf(number).id);
        // The last removal may have been done and not told.
        if (removed.has(number)) expect(found).toBeUndefined();
        else if (found !== undefined) expect(found).toEqual(recordOf(number));
        else expect(added.at(-1)).toBe(number + 1);
      }
      for (const { id } of state.containers()) state.endIntent(state.removeContainer(id));
      for (const [id] of state.intents()) state.endIntent(id);
    });
  }
});

test("EventStore.watch() gives what was, then what comes, and ends", async () => {
  using state = openState(scratch.path);
  for (let number = 0; number < 1200; number++) state.events.record(eventOf(number));
  const abort = new AbortController();
  const since = eventOf(1100).timeNs;
  const watched = state.events.watch({ sinceNs: since, signal: abort.signal });
  state.events.record(eventOf(1200));
  const seen: EngineEvent[] = [];
  for await (const event of watched) {
    seen.push(event);
    if (seen.length === 101) setTimeout(() => abort.abort(), 5);
  }
  expect(seen).toEqual(Array.from({ length: 101 }, (_, index) => eventOf(1100 + index)));
  const ended = (async () => {
    for await (const event of state.events.watch({ untilNs: BigInt(Date.now() + 20) * 1_000_000n }))
      void event;
  })();
  await ended;
});

test("EventStore.watch() with an end alone gives all that is known up to it", async () => {
  using state = openState(scratch.path);
  for (let number = 0; number < 20; number++) state.events.record(eventOf(number));
  const seen: EngineEvent[] = [];
  for await (const event of state.events.watch({ untilNs: eventOf(11).timeNs })) seen.push(event);
  expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => eventOf(index)));
});

test("EventStore keeps a bounded number over a reopening", async () => {
  inState((state) => {
    for (let number = 0; number < 1530; number++) state.events.record(eventOf(number));
  });
  using state = openState(scratch.path);
  const seen: EngineEvent[] = [];
  const untilNs = BigInt(Date.now()) * 1_000_000n;
  for await (const event of state.events.watch({ sinceNs: 0n, untilNs })) seen.push(event);
  expect(seen).toHaveLength(1000);
  expect(seen.at(-1)?.actor.id).toBe("1529");
});

test("lockRoot() makes a private directory and lets one in", async () => {
  const path = scratch.join("data");
  {
    using _ = await lockRoot(path, "data root");
    expect(statSync(path).mode & 0o777).toBe(0o700);
    await expect(lockRoot(path, "data root")).rejects.toThrow(
      `cannot open the data root "${path}": process ${process.pid} holds it`,
    );
  }
  (await lockRoot(path, "data root"))[Symbol.dispose]();
});
