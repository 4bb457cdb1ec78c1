import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import type { Engine } from "../../src/model/engine.ts";
import type { LogEntry } from "../../src/model/logs.ts";
import type { ContainerStorage } from "../../src/model/container-spec.ts";
import { EngineRoots } from "../support/engine.ts";

let roots: EngineRoots;
let engine: Engine;

beforeAll(async () => {
  roots = new EngineRoots("logs");
  engine = await roots.openWithBusybox();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await roots[Symbol.asyncDispose]();
});

async function start(script: string): Promise<string> {
  const { id } = await engine.containers.create({
    image: "busybox",
    process: { command: ["sh", "-c", script] },
  });
  await engine.containers.start(id);
  return id;
}

function text(entry: LogEntry | undefined): string {
  return Buffer.from(entry?.bytes ?? []).toString("latin1");
}

test("logs() follows a fast writer over rotations: every line once, in order", async () => {
  const last = 7_000_000;
  const id = await start(`seq 1 ${last}`);
  let wanted = 1;
  let wrong = 0;
  for await (const entry of engine.containers.logs(id, { follow: true })) {
    if (text(entry) !== `${wanted}\n` && wrong++ === 0) expect(text(entry)).toBe(`${wanted}\n`);
    wanted++;
  }
  expect({ lines: wanted - 1, wrong }).toEqual({ lines: last, wrong: 0 });
  const files = readdirSync(`${roots.dataRoot}/containers/${id}/log`).sort();
  expect(files).toEqual(["log.0", "log.1", "log.2"]);
  const tail: string[] = [];
  for await (const entry of engine.containers.logs(id, { tail: 3 })) tail.push(text(entry));
  expect(tail).toEqual([`${last - 2}\n`, `${last - 1}\n`, `${last}\n`]);
  await engine.containers.remove(id);
});

test("logs() keeps what the container's limits leave, and nothing where no log is kept", async () => {
  const lines = 20_000;
  const run = async (log: NonNullable<ContainerStorage["log"]>): Promise<string> => {
    const command = ["sh", "-c", `yes ${"x".repeat(99)} | head -n ${lines}; echo last`];
    const { id } = await engine.containers.create({
      image: "busybox",
      process: { command },
      storage: { log },
    });
    await engine.containers.start(id);
    expect((await engine.containers.wait(id)).code).toBe(0);
    return id;
  };
  const fileBytes = 200_000;
  const limited = await run({ fileBytes, files: 2 });
  const directory = `${roots.dataRoot}/containers/${limited}/log`;
  const names = readdirSync(directory).sort();
  expect(names).toEqual(["log.0", "log.1"]);
  for (const name of names) expect(statSync(`${directory}/${name}`).size).toBeLessThanOrEqual(fileBytes);
  const kept: string[] = [];
  for await (const entry of engine.containers.logs(limited)) kept.push(text(entry));
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(lines / 4);
  expect(kept.at(-1)).toBe("last\n");
  await engine.containers.remove(limited);

  const silent = await run("none");
  expect(readdirSync(`${roots.dataRoot}/containers/${silent}/log`)).toEqual([]);
  expect(() => engine.containers.logs(silent)).toThrow("configured logging driver does not support reading");
  expect((await engine.containers.inspect(silent)).files.log).toBe("");
  await engine.containers.remove(silent);
});

test("logs() cuts long lines at 16 KiB, keeps bytes and streams apart, and knows times", async () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const id = await start(
    "head -c 40000 /dev/zero | tr '\\0' x; echo; printf '\\377\\0\\n' >&2; sleep 0.05; printf end",
  );
  await engine.containers.wait(id);
  const entries: LogEntry[] = [];
  for await (const entry of engine.containers.logs(id)) entries.push(entry);
  const out = entries.filter(({ stream }) => stream === "stdout");
  expect(out.map(({ bytes }) => bytes.length)).toEqual([16384, 16384, 40001 - 32768, 3]);
  expect(entries.filter(({ stream }) => stream === "stderr").map(text)).toEqual(["\xff\0\n"]);
  for (const { timeNs } of entries) {
    expect(timeNs >= before && timeNs <= BigInt(Date.now() + 1) * 1_000_000n).toBe(true);
  }
  const end = out.at(-1);
  const since: string[] = [];
  const sinceMs = Number((end?.timeNs ?? 0n) / 1000n) / 1000 - 10;
  for await (const entry of engine.containers.logs(id, { sinceMs })) since.push(text(entry));
  expect(since).toEqual(["end"]);
  await engine.containers.remove(id);
});

test("logs() of a run that was broken off does not join the next run's first line", async () => {
  const { id } = await engine.containers.create({
    image: "busybox",
    process: { command: ["sh", "-c", "printf 'run '; sleep 0.1"] },
  });
  for (let run = 0; run < 3; run++) {
    await engine.containers.start(id);
    await engine.containers.wait(id);
  }
  const lines: string[] = [];
  for await (const entry of engine.containers.logs(id)) lines.push(text(entry));
  expect(lines).toEqual(["run ", "run ", "run "]);
  await engine.containers.remove(id);
});
