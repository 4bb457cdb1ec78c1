import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { sleep } from "../../../src/base/deadline.ts";
import type { LogEntry, ReadLogOptions } from "../../../src/logs/log-entry.ts";
import { readLog, readLogBatches } from "../../../src/logs/read-log.ts";
import { LogWriter } from "./log-writer.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tare-logs-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function lines(options: ReadLogOptions = {}, from = directory): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of readLog(from, options)) found.push(show(entry));
  return found;
}

function show(entry: LogEntry): string {
  return `${entry.stream === "stdout" ? "o" : "e"}${entry.timeNs}:${Buffer.from(entry.bytes).toString("latin1")}`;
}

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false; // the one that listed the directory
    }
  }).length;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("readLog()", () => {
  test("joins records to lines, one stream at a time, with the time of the beginning", async () => {
    using writer = new LogWriter(directory);
    writer.write(1, bytes("one\ntw"), 10n);
    writer.write(2, bytes("err"), 11n);
    writer.write(1, bytes("o\n\n"), 12n);
    writer.write(2, bytes("or\n"), 13n);
    writer.write(1, bytes("open"), 14n);
    expect(await lines()).toEqual(["o10:one\n", "o10:two\n", "o12:\n", "e11:error\n", "o14:open"]);
  });

  test("has no entries when there is no log", async () => {
    expect(await lines({}, join(directory, "absent"))).toEqual([]);
    expect(await lines({ tail: 3 })).toEqual([]);
  });

  test("splits long lines into parts of 16 KiB", async () => {
    using writer = new LogWriter(directory);
    for (let index = 0; index < 5; index++) writer.write(1, Buffer.alloc(8000, 97 + index));
    writer.write(1, bytes("\nnext\n"));
    const found = await lines();
    expect(found.map((line) => line.length - 3)).toEqual([16384, 16384, 40001 - 32768, 5]);
  });

  test("ignores a torn record at the end, and what is no record", async () => {
    using writer = new LogWriter(directory);
    writer.write(1, bytes("whole\n"));
    writer.writeRaw(LogWriter.record(1, bytes("torn away\n"), 2n).subarray(0, 20));
    expect(await lines()).toEqual(["o1:whole\n"]);
    writer.rotate();
    writer.write(1, bytes("after\n"));
    writer.writeRaw(Buffer.alloc(64));
    expect(await lines()).toEqual(["o1:whole\n", "o1:after\n"]);
  });

  test("filters by stream and time", async () => {
    using writer = new LogWriter(directory);
    for (let index = 0; index < 10; index++) {
      writer.write(index % 2 === 0 ? 1 : 2, bytes(`${index}\n`), BigInt(index * 100));
    }
    expect(await lines({ stderr: false, sinceNs: 300n, untilNs: 600n })).toEqual(["o400:4\n", "o600:6\n"]);
    expect(await lines({ stdout: false, tail: 2 })).toEqual(["e700:7\n", "e900:9\n"]);
    expect(await lines({ untilNs: 400n, tail: 1 })).toEqual(["o400:4\n"]);
  });

  test("does not join what an earlier process left unfinished", async () => {
    using writer = new LogWriter(directory);
    writer.write(1, bytes("broken off"), 10n);
    writer.rotate();
    writer.write(1, bytes("anew\n"), 30n);
    expect(await lines({ startsNs: [20n] })).toEqual(["o10:broken off", "o30:anew\n"]);
    expect(await lines()).toEqual(["o10:broken offanew\n"]);
  });

  test("refuses links and foreign files", async () => {
    symlinkSync("/etc/passwd", join(directory, "log.0"));
    await expect(lines()).rejects.toThrow("cannot open the log");
    rmSync(join(directory, "log.0"));
    writeFileSync(join(directory, "log.0"), "something else entirely");
    await expect(lines()).rejects.toThrow("it is not one of Tare's log files");
    rmSync(join(directory, "log.0"));
    mkdirSync(join(directory, "log.0"));
    await expect(lines()).rejects.toThrow("not one of Tare's log files");
  });

  test("gives the tail of a large log", async () => {
    using writer = new LogWriter(directory);
    for (let index = 0; index < 40_000; index++) {
      writer.write(1, bytes(`line ${String(index).padStart(80, "0")}\n`), BigInt(index));
      if (index === 20_000) writer.rotate();
    }
    const all = await lines();
    expect(all).toHaveLength(40_000);
    for (const tail of [0, 1, 17, 5_000, 20_001, 39_999, 40_000, 50_000]) {
      expect(await lines({ tail })).toEqual(tail === 0 ? [] : all.slice(-tail));
    }
  });

  test("gives the same tail from the last blocks as from the beginning", async () => {
    const piece = fc.record({
      stream: fc.constantFrom(1 as const, 2 as const),
      length: fc.integer({ min: 1, max: 65_536 }),
      lineBytes: fc.constantFrom(1_000, 30_000, 500_000),
      end: fc.constantFrom("", "\n"),
      rotates: fc.nat(15).map((number) => number === 0),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        fc.array(fc.nat(200), { minLength: 3, maxLength: 3 }),
        fc.constantFrom<ReadLogOptions>(
          {},
          { stdout: false },
          { stderr: false },
          { sinceNs: 20n },
          { startsNs: [30n] },
        ),
        async (pieces, blocks, tails, options) => {
          rmSync(directory, { recursive: true });
          mkdirSync(directory);
          using writer = new LogWriter(directory, { blocks, files: 10 });
          let at = 0;
          for (const { stream, length, lineBytes, end, rotates } of pieces) {
            const payload = Buffer.alloc(length, `${String(at).padEnd(lineBytes - 1, "x")}\n`);
            if (end !== "") payload.write(end, length - 1);
            writer.write(stream, payload, BigInt(at++));
            if (rotates) writer.rotate();
          }
          const all = await lines(options);
          for (const tail of tails)
            expect(await lines({ ...options, tail })).toEqual(tail === 0 ? [] : all.slice(-tail));
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([1, 15, 16, 17, 18])("goes on behind a block with %i bytes left", async (left) => {
    using writer = new LogWriter(directory);
    let space = 256 * 1024 - 16 - left;
    for (; space > 60_000; space -= 50_016) writer.write(1, Buffer.alloc(50_000, "\n"));
    writer.write(1, Buffer.alloc(space - 16, "\n"));
    writer.write(1, bytes("next\n"), 7n);
    expect((await lines()).at(-1)).toBe("o7:next\n");
    expect(await lines({ tail: 1 })).toEqual(["o7:next\n"]);
  });

  test("reads only the last blocks for a tail", async () => {
    using writer = new LogWriter(directory);
    for (let index = 0; index < 1000; index++)
      writer.write(1, Buffer.alloc(10_000, `${"x".repeat(99)}\n`), BigInt(index));
    const path = join(directory, "log.0");
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(1024 * 1024, 0xff), 0, 1024 * 1024, 1024 * 1024); // is no record
    closeSync(file);
    expect(await lines({ tail: 1000 })).toHaveLength(1000);
    expect((await lines()).length).toBeLessThan(20_000);
  });

  test("follows until the writer has ended, and closes what it opened", async () => {
    using writer = new LogWriter(directory);
    const before = openDescriptors();
    const ended = Promise.withResolvers<void>();
    writer.write(1, bytes("old\nolder\n"));
    const found: string[] = [];
    for await (const entry of readLog(directory, { follow: true, tail: 1, ended: ended.promise })) {
      found.push(show(entry));
      if (found.length === 1) writer.write(1, bytes("new\nunfin"));
      if (found.length !== 2) continue;
      writer.write(1, bytes("ished"));
      ended.resolve();
    }
    expect(found).toEqual(["o1:older\n", "o1:new\n", "o1:unfinished"]);
    expect(openDescriptors()).toBe(before);
  });

  test("follows a log that does not exist yet", async () => {
    const ended = Promise.withResolvers<void>();
    const reading = lines({ follow: true, ended: ended.promise });
    await sleep(10);
    using writer = new LogWriter(directory);
    writer.write(1, bytes("first\n"));
    await sleep(5);
    ended.resolve();
    expect(await reading).toEqual(["o1:first\n"]);
  });

  test("stops following by signal and at its end of time", async () => {
    using writer = new LogWriter(directory);
    writer.write(1, bytes("a\n"));
    const abort = new AbortController();
    const reading = lines({ follow: true, signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    expect(await reading).toEqual(["o1:a\n"]);
    const untilNs = BigInt(Date.now() + 30) * 1_000_000n;
    expect(await lines({ follow: true, untilNs })).toEqual(["o1:a\n"]);
  });

  test("loses and doubles nothing when a slow reader is rotated past", async () => {
    using writer = new LogWriter(directory, { files: 2 });
    const ended = Promise.withResolvers<void>();
    const found: string[] = [];
    const reading = (async () => {
      for await (const entry of readLog(directory, { follow: true, ended: ended.promise })) {
        found.push(Buffer.from(entry.bytes).toString());
        if (found.length === 1) await sleep(300);
      }
    })();
    const wanted: string[] = [];
    for (let index = 0; index < 200; index++) {
      wanted.push(`${index}\n`);
      writer.write(1, bytes(`${index}\n`));
      if (index % 20 === 19) {
        await sleep(12);
        writer.rotate();
      }
    }
    ended.resolve();
    await reading;
    expect(found).toEqual(wanted);
  });
});

type Step =
  | { readonly kind: "write"; readonly stream: 1 | 2; readonly payload: Uint8Array }
  | { readonly kind: "rotate" }
  | { readonly kind: "pause" };

const payload = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "\n", "\0", "ÿ"), minLength: 1, maxLength: 60 }).map(bytes),
  fc.integer({ min: 1, max: 65536 }).map((length) => Buffer.alloc(length, 120)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      stream: fc.constantFrom(1 as const, 2 as const),
      payload,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "rotate" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "pause" as const }) },
);

/** The lines of one stream, cut by the rule alone. */
function cut(stream: Uint8Array): string[] {
  const found: string[] = [];
  let line: number[] = [];
  for (const byte of stream) {
    line.push(byte);
    if (byte === 10 || line.length === 16384) found.push(Buffer.from(line.splice(0)).toString("latin1"));
  }
  if (line.length > 0) found.push(Buffer.from(line).toString("latin1"));
  return found;
}

test("readLog() gives the lines that were written, whatever the records, rotations and pauses", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, follow) => {
      const place = mkdtempSync(join(directory, "run-"));
      using writer = new LogWriter(place, { files: 50 });
      const ended = Promise.withResolvers<void>();
      const found: LogEntry[] = [];
      const read = async (): Promise<void> => {
        const options = follow ? { follow, ended: ended.promise } : {};
        for await (const entries of readLogBatches(place, options)) found.push(...entries);
      };
      const reading = follow ? read() : undefined;
      for (const each of steps) {
        if (each.kind === "write") {
          for (const piece of writer.pieces(each.stream, each.payload, 5n)) {
            const middle = Math.floor(piece.length / 2);
            writer.writeRaw(piece.subarray(0, middle));
            if (follow && piece.length % 3 === 0) await sleep(0);
            writer.writeRaw(piece.subarray(middle));
          }
        } else if (each.kind === "rotate") writer.rotate();
        else if (follow) await sleep(1);
      }
      for (const piece of writer.pieces(1, bytes("torn\n"), 5n)) writer.writeRaw(piece.subarray(0, 18));
      ended.resolve();
      await (reading ?? read());
      for (const stream of [1, 2] as const) {
        const written = steps.flatMap((each) =>
          each.kind === "write" && each.stream === stream ? [each.payload] : [],
        );
        const name = stream === 1 ? "stdout" : "stderr";
        const got = found.filter((entry) => entry.stream === name);
        expect(got.map((entry) => Buffer.from(entry.bytes).toString("latin1"))).toEqual(
          cut(Buffer.concat(written)),
        );
      }
      const whole = (await lines({}, place)).length;
      expect(await lines({ tail: 3 }, place)).toHaveLength(Math.min(3, whole));
    }),
    { numRuns: 60 },
  );
});
