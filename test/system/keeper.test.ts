import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { sleep } from "../../src/base/deadline.ts";
import type { Failure } from "../../src/base/failure.ts";
import { findProcessStatistics } from "../../src/linux/process/process.ts";
import { readLog } from "../../src/logs/read-log.ts";
import { execInContainer } from "../../src/runtime/exec.ts";
import { reconnect } from "../../src/runtime/reconnect.ts";
import type { KeptProcess } from "../../src/runtime/types.ts";
import { guardLeaks } from "../support/leaks.ts";
import { poll, slowness } from "../support/patience.ts";
import { Output, type TestContainer, TestRuntime } from "../support/runtime.ts";

const runtime = new TestRuntime("keeper");
afterAll(() => runtime[Symbol.asyncDispose]());
const guard = (): AsyncDisposable =>
  guardLeaks({ cgroupParent: runtime.cgroupParent, directories: [runtime.runRoot] });

const keeperOf = (kept: KeptProcess): number => findProcessStatistics(kept.pid)?.parentPid ?? 0;
const isThere = (pid: number): boolean => {
  const state = findProcessStatistics(pid)?.state;
  return state !== undefined && state !== "Z";
};
const gone = (pid: number, what: string): Promise<true> =>
  poll(() => (isThere(pid) ? undefined : true), { timeoutMs: 5_000, what });

/** The records of one log file, by the words of native/plan.h. */
function parseLog(path: string): {
  sequence: bigint;
  records: { stream: number; ns: bigint; bytes: Buffer }[];
} {
  const file = readFileSync(path);
  expect(file.toString("latin1", 0, 8)).toBe("TARELOG2");
  const records: { stream: number; ns: bigint; bytes: Buffer }[] = [];
  let at = 16;
  let open = file.readUInt8(at + 5);
  while (at < file.length) {
    const space = 256 * 1024 - (at % (256 * 1024));
    if (space <= 16) {
      expect(file.subarray(at, at + space)).toEqual(Buffer.alloc(space));
      at += space;
    }
    const length = file.readUInt32LE(at);
    const stream = file.readUInt8(at + 4);
    expect(file.readUIntLE(at + 5, 3)).toBe(open);
    const bytes = file.subarray(at + 16, at + 16 + length);
    records.push({ stream, ns: file.readBigUInt64LE(at + 8), bytes });
    at += 16 + length;
    open = bytes.at(-1) === 10 ? open & ~stream : open | stream;
  }
  expect(at).toBe(file.length);
  return { sequence: file.readBigUInt64LE(8), records };
}

const joined = (records: readonly { stream: number; bytes: Buffer }[], stream: number): Buffer =>
  Buffer.concat(records.filter((record) => record.stream === stream).map(({ bytes }) => bytes));

async function attached(
  container: TestContainer,
  wants: { stdin?: boolean; stdout?: boolean; stderr?: boolean },
): Promise<Output> {
  const output = new Output();
  output.collect(await container.kept.attach(wants));
  return output;
}

describe("output through pipes", () => {
  test("comes exactly, to clients by what they want, to the log, to its reader", async () => {
    await using _leaks = guard();
    const rootPath = runtime.makeRoot();
    const [out, error] = [randomBytes(700_001), randomBytes(300_007)];
    writeFileSync(join(rootPath, "out"), out);
    writeFileSync(join(rootPath, "err"), error);
    const onlyOut = new Output();
    const onlyErr = new Output();
    const onlyIn = new Output();
    await using container = await runtime.start(["sh", "-c", "cat /err >&2 & cat /out; wait"], {
      rootPath,
      log: true,
      logRotation: { maxBytes: 100_000_000, files: 2 },
      beforeFirstInstruction: async (streams) => {
        onlyOut.collect(await streams.attach({ stdout: true, stderr: false }));
        onlyErr.collect(await streams.attach({ stdout: false, stderr: true }));
        onlyIn.collect(await streams.attach({ stdin: true, stdout: false, stderr: false }));
      },
    });
    await container.finish();
    await Promise.all([onlyOut.ended, onlyErr.ended, onlyIn.ended]);
    expect(container.output.bytes(1).equals(out)).toBe(true);
    expect(container.output.bytes(2).equals(error)).toBe(true);
    expect(onlyOut.bytes(1).equals(out)).toBe(true);
    expect(onlyOut.bytes(2).length).toBe(0);
    expect(onlyErr.bytes(2).equals(error)).toBe(true);
    expect(onlyErr.bytes(1).length).toBe(0);
    expect(onlyIn.bytes().length).toBe(0);
    const { sequence, records } = parseLog(join(container.logDirectory, "log.0"));
    expect(sequence).toBe(1n);
    expect(joined(records, 1).equals(out)).toBe(true);
    expect(joined(records, 2).equals(error)).toBe(true);
    expect(records.every(({ ns }, i) => ns >= (records[i - 1]?.ns ?? 0n))).toBe(true);
    const read: Buffer[] = [];
    for await (const entry of readLog(container.logDirectory, { stderr: false }))
      read.push(Buffer.from(entry.bytes));
    expect(Buffer.concat(read).equals(out)).toBe(true);
  });

  test("is missed by nobody who attaches before the first instruction", async () => {
    for (let round = 0; round < 10; round++) {
      const { stdout, exit } = await runtime.run(["echo", "at once"]);
      expect([stdout, exit.end]).toEqual(["at once\n", { code: 0 }]);
    }
  });

  test("starts for a later client with what comes then", async () => {
    await using container = await runtime.start(["sh", "-c", "echo early; cat; echo late"], {
      keepStdinOpen: true,
      stdinOnce: true,
    });
    await container.output.until("early");
    const later = await attached(container, {});
    container.output.stream?.end("middle\n");
    await container.finish();
    await later.ended;
    expect(later.text(1)).toBe("middle\nlate\n");
    expect(container.output.text(1)).toBe("early\nmiddle\nlate\n");
  });

  test("waits for a client that reads nothing, goes on when it vanishes; the log has all", async () => {
    await using _leaks = guard();
    const bytes = 10_000_000;
    const script = `echo ready; read go; head -c ${bytes} /dev/zero | tr '\\0' x`;
    await using container = await runtime.start(["sh", "-c", script], { keepStdinOpen: true, log: true });
    await container.output.until("ready");
    const stalled = await container.kept.attach({ stdout: true, stderr: true });
    stalled.pause();
    container.output.stream?.write("go\n");
    // Nothing comes any more, though there is more.
    let [came, quietSince] = [0, performance.now()];
    while (performance.now() - quietSince < 300 * slowness) {
      await sleep(20);
      const { length } = container.output.bytes(1);
      if (length > came) [came, quietSince] = [length, performance.now()];
    }
    expect(came).toBeGreaterThan("ready\n".length);
    expect(came).toBeLessThan(bytes);
    stalled.destroy();
    const { exit } = await container.finish();
    expect(exit.end).toEqual({ code: 0 });
    expect(container.output.bytes(1).length).toBe(bytes + 6);
    const files = readdirSync(container.logDirectory).map((name) =>
      parseLog(join(container.logDirectory, name)),
    );
    expect(files.reduce((sum, { records }) => sum + joined(records, 1).length, 0)).toBe(bytes + 6);
  });

  test("ends for a client that has it all, while another still takes its part", async () => {
    const bytes = 350_000; // more than a socket takes, less than that and what the keeper holds back
    const slow = Promise.withResolvers<Duplex>();
    await using container = await runtime.start(["head", "-c", String(bytes), "/dev/zero"], {
      beforeFirstInstruction: async (streams) => {
        const stream = await streams.attach({ stdout: true, stderr: true });
        stream.pause();
        slow.resolve(stream);
      },
    });
    await container.output.ended;
    const late = new Output();
    late.collect(await slow.promise);
    await late.ended;
    expect([container.output.bytes(1).length, late.bytes(1).length]).toEqual([bytes, bytes]);
  });

  test("is lost by no slow client: a process that ends waits for it", async () => {
    const bytes = 900_000;
    const slow = new Output();
    await using container = await runtime.start(["sh", "-c", `head -c ${bytes} /dev/zero | tr '\\0' x`], {
      beforeFirstInstruction: async (streams) => {
        const stream = await streams.attach({ stdout: true, stderr: true });
        setTimeout(() => slow.collect(stream), 500);
      },
    });
    await container.finish();
    await slow.ended;
    expect(slow.bytes(1).length).toBe(bytes);
  });

  test("goes to sixteen clients and no more", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sh", "-c", "read x; echo all"], { keepStdinOpen: true });
    const others = await Promise.all(Array.from({ length: 15 }, () => attached(container, {})));
    const refused = await container.kept.attach({}).catch((thrown: Failure) => thrown);
    expect(refused).toMatchObject({ kind: "exhausted" });
    others.pop()?.stream?.destroy();
    const another = await poll(() => attached(container, {}).catch(() => undefined), {
      timeoutMs: 10_000,
      what: "attach where one has left",
    });
    container.output.stream?.write("\n");
    await container.finish();
    for (const each of [...others, another]) {
      await each.ended;
      expect(each.text(1)).toBe("all\n");
    }
  });

  test("does not hang on a process that outlives the first one and holds the pipe", async () => {
    await using _leaks = guard();
    const namespaces = (["mount", "ipc", "uts", "network", "cgroup"] as const).map((type) => ({ type }));
    const begun = performance.now();
    await using container = await runtime.start(["sh", "-c", "sleep 50 & echo done; exit 6"], {
      linux: { namespaces },
    });
    const { exit, stdout } = await container.finish();
    expect([stdout, exit.end]).toEqual(["done\n", { code: 6 }]);
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  test("does not hang on a background process of an exec, silent or noisy", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const timed = async (script: string): Promise<number> => {
      const begun = performance.now();
      const { exit } = await runtime.exec(container, ["sh", "-c", script]);
      expect(exit.end).toEqual({ code: 7 });
      return performance.now() - begun;
    };
    expect(await timed("sleep 50 & exit 7")).toBeLessThan(20_000);
    expect(await timed("(while :; do echo x; sleep 0.01; done) & exit 7")).toBeLessThan(20_000);
  });
});

describe("standard input", () => {
  test("is passed on; its half-close ends it when it is to be closed once", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sh", "-c", "cat; echo ended"], {
      keepStdinOpen: true,
      stdinOnce: true,
    });
    container.output.stream?.write("one\n");
    await container.output.until("one");
    container.output.stream?.end("two\n");
    const { exit, stdout } = await container.finish();
    expect([stdout, exit.end]).toEqual(["one\ntwo\nended\n", { code: 0 }]);
  });

  test("stays open for the next client otherwise", async () => {
    await using container = await runtime.start(["cat"], { keepStdinOpen: true });
    container.output.stream?.end("first\n");
    await container.output.until("first");
    const next = await attached(container, { stdin: true });
    next.stream?.write("second\n");
    await container.output.until("second");
    expect(isThere(container.kept.pid)).toBe(true);
  });

  test("is at its end from the beginning when it was not asked for", async () => {
    expect((await runtime.run(["sh", "-c", "cat; echo none"])).stdout).toBe("none\n");
  });

  test("takes more than all buffers hold, and waits for a process that reads late", async () => {
    const bytes = randomBytes(3_000_000);
    await using container = await runtime.start(["sh", "-c", "sleep 0.3; md5sum"], {
      keepStdinOpen: true,
      stdinOnce: true,
    });
    container.output.stream?.end(bytes);
    const { stdout } = await container.finish();
    expect(stdout).toBe(`${new Bun.CryptoHasher("md5").update(bytes).digest("hex")}  -\n`);
  });

  test("is dropped when the process has closed its end", async () => {
    await using container = await runtime.start(["sh", "-c", "exec <&-; echo closed; sleep 0.3; echo on"], {
      keepStdinOpen: true,
    });
    await container.output.until("closed");
    container.output.stream?.write(Buffer.alloc(300_000));
    expect((await container.finish()).stdout).toBe("closed\non\n");
  });
});

describe("a terminal", () => {
  const terminal = { process: { terminal: true }, keepStdinOpen: true } as const;

  test("tells its size and every change of it", async () => {
    await using container = await runtime.start(
      ["sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"],
      terminal,
    );
    await container.output.until("ready");
    await container.kept.resize({ columns: 100, rows: 40 });
    await container.output.until("40 100");
    await container.kept.resize({ columns: 7, rows: 3 });
    await container.output.until("3 7");
  });

  test("cannot be resized where there is none", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const failure = await container.kept.resize({ columns: 1, rows: 1 }).catch((thrown: Failure) => thrown);
    expect(failure).toMatchObject({ kind: "invalid" });
  });

  test("sends ctrl-C to the foreground process", async () => {
    await using container = await runtime.start(
      ["sh", "-c", "trap 'echo caught' INT; echo ready; sleep 60; echo after"],
      terminal,
    );
    await container.output.until("ready");
    const isSleeping = (): boolean =>
      container.cgroup.pids().some((pid) => findProcessStatistics(pid)?.name === "sleep");
    await poll(() => (isSleeping() ? true : undefined), { timeoutMs: 10_000, what: "see it sleep" });
    container.output.stream?.write("\x03");
    const { stdout, exit } = await container.finish();
    expect(stdout).toContain("caught\r\nafter");
    expect(exit.end).toEqual({ code: 0 });
  });

  test("has raw bytes for those who want output, nothing for the others", async () => {
    const [onlyErr, onlyIn] = [new Output({ terminal: true }), new Output({ terminal: true })];
    await using container = await runtime.start(["sh", "-c", "printf 'a\\nb' >&2; printf c"], {
      ...terminal,
      log: true,
      beforeFirstInstruction: async (streams) => {
        onlyErr.collect(await streams.attach({ stdout: false, stderr: true }));
        onlyIn.collect(await streams.attach({ stdin: true, stdout: false, stderr: false }));
      },
    });
    const { stdout } = await container.finish();
    await Promise.all([onlyErr.ended, onlyIn.ended]);
    expect(stdout).toBe("a\r\nbc");
    expect([onlyErr.text(), onlyIn.text()]).toEqual(["", ""]);
    const { records } = parseLog(join(container.logDirectory, "log.0"));
    expect(joined(records, 1).toString()).toBe("a\r\nbc");
  });

  test("that the process has closed is at its end; the process goes on", async () => {
    await using container = await runtime.start(
      ["sh", "-c", "echo bye; exec </dev/null >/dev/null 2>&1; sleep 0.4; exit 9"],
      terminal,
    );
    await container.output.until("bye");
    expect((await container.kept.exited).end).toEqual({ code: 9 });
  });

  test("has no master open inside, nor anything of the keeper", async () => {
    await using container = await runtime.start(["sleep", "60"], terminal);
    await poll(
      () => (readlinkSync(`/proc/${container.kept.pid}/exe`).endsWith("busybox") ? true : undefined),
      { timeoutMs: 10_000, what: "see it run" },
    );
    const held = readdirSync(`/proc/${container.kept.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${container.kept.pid}/fd/${fd}`),
    );
    expect(held).toEqual(["/dev/pts/0", "/dev/pts/0", "/dev/pts/0"]);
  });
});

describe("the log", () => {
  test("is rotated: bounded, numbered, without a gap up to the files kept", async () => {
    await using _leaks = guard();
    // Many times what is read at once, so that there are more records than files, however late they are read.
    const script = "i=0; while [ $i -lt 40000 ]; do i=$((i+1)); echo line $i; done";
    await using container = await runtime.start(["sh", "-c", script], {
      log: true,
      logRotation: { maxBytes: 8_000, files: 4 },
    });
    const { stdout } = await container.finish();
    expect(readdirSync(container.logDirectory).toSorted()).toEqual(["log.0", "log.1", "log.2", "log.3"]);
    const files = [3, 2, 1, 0].map((n) => parseLog(join(container.logDirectory, `log.${n}`)));
    const first = files[0]?.sequence ?? 0n;
    expect(files.map(({ sequence }) => sequence)).toEqual([first, first + 1n, first + 2n, first + 3n]);
    // Only a single record, which is never divided, may be larger.
    [3, 2, 1, 0].forEach((n, i) => {
      if ((files[i]?.records.length ?? 0) > 1)
        expect(statSync(join(container.logDirectory, `log.${n}`)).size).toBeLessThanOrEqual(8_000);
    });
    const kept = Buffer.concat(files.map(({ records }) => joined(records, 1))).toString();
    expect(kept.length).toBeGreaterThan(10_000);
    expect(stdout.endsWith(kept)).toBe(true);
    const lines: string[] = [];
    for await (const entry of readLog(container.logDirectory, { tail: 2 }))
      lines.push(Buffer.from(entry.bytes).toString());
    expect(lines).toEqual(["line 39999\n", "line 40000\n"]);
  });

  test("goes on in the next life; begins a new file after a life without an end", async () => {
    const [runDirectory, logDirectory] = [runtime.makeDirectory("run"), runtime.makeDirectory("log")];
    const life = async (word: string): Promise<void> => {
      await using container = await runtime.start(["echo", word], { runDirectory, logDirectory, log: true });
      await container.finish();
    };
    await life("one");
    await life("two");
    const { records } = parseLog(join(logDirectory, "log.0"));
    expect(joined(records, 1).toString()).toBe("one\ntwo\n");
    rmSync(join(runDirectory, "exit"));
    await life("three");
    expect(joined(parseLog(join(logDirectory, "log.0")).records, 1).toString()).toBe("three\n");
    expect(parseLog(join(logDirectory, "log.0")).sequence).toBe(2n);
    expect(joined(parseLog(join(logDirectory, "log.1")).records, 1).toString()).toBe("one\ntwo\n");
    rmSync(runDirectory, { recursive: true });
  });

  test("goes on with a file of version 0.1 in its format, and reads the tail of both", async () => {
    const [runDirectory, logDirectory] = [runtime.makeDirectory("run"), runtime.makeDirectory("log")];
    {
      await using first = await runtime.start(["true"], { runDirectory, logDirectory, log: true });
      await first.finish();
    }
    const old = Buffer.alloc(16 + 16 + 70_000, "a");
    old.write("TARELOG1\x05\0\0\0\0\0\0\0", "latin1");
    old.fill(0, 16, 32).writeUInt32LE(70_000 - 4464, 16);
    old.writeUInt8(1, 20);
    writeFileSync(join(logDirectory, "log.0"), old.subarray(0, 32 + 70_000 - 4464));
    const script =
      "i=0; while [ $i -lt 5 ]; do i=$((i+1)); head -c 65536 /dev/zero | tr '\\0' x; done; echo; echo end";
    await using container = await runtime.start(["sh", "-c", script], {
      runDirectory,
      logDirectory,
      log: true,
    });
    await container.finish();
    const file = readFileSync(join(logDirectory, "log.0"));
    expect(file.toString("latin1", 0, 8)).toBe("TARELOG1");
    let at = 16;
    while (at < file.length) at += 16 + file.readUInt32LE(at);
    expect(at).toBe(file.length);
    const lines: string[] = [];
    for await (const entry of readLog(logDirectory, { tail: 1 }))
      lines.push(Buffer.from(entry.bytes).toString());
    expect(lines).toEqual(["end\n"]);
    rmSync(runDirectory, { recursive: true });
  });

  test("on a full disk lacks records, but has no torn one; the process goes on", async () => {
    const logDirectory = runtime.makeDirectory("log");
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=96k", "tare-test", logDirectory]).status).toBe(0);
    try {
      await using container = await runtime.start(
        [
          "sh",
          "-c",
          "i=0; while [ $i -lt 60 ]; do i=$((i+1)); head -c 3001 /dev/zero | tr '\\0' x; done; read go; echo last",
        ],
        { logDirectory, log: true, logRotation: { maxBytes: 40_000, files: 4 }, keepStdinOpen: true },
      );
      await poll(() => (container.output.bytes(1).length === 60 * 3001 ? true : undefined), {
        timeoutMs: 5_000,
        what: "see all of the output",
      });
      for (const name of readdirSync(logDirectory)) parseLog(join(logDirectory, name));
      // There is room again.
      for (const name of readdirSync(logDirectory).filter((file) => file !== "log.0"))
        rmSync(join(logDirectory, name));
      container.output.stream?.write("go\n");
      const { exit } = await container.finish();
      expect(exit.end).toEqual({ code: 0 });
      const logs = readdirSync(logDirectory).map((name) => parseLog(join(logDirectory, name)));
      expect(logs.some(({ records }) => joined(records, 1).toString().endsWith("last\n"))).toBe(true);
    } finally {
      // Its keeper, which is just ending, has the log open.
      await poll(() => (spawnSync("umount", [logDirectory]).status === 0 ? true : undefined), {
        timeoutMs: 10_000,
        what: "see no log open on the full disk",
      });
    }
  });

  test("is begun anew where something else is in its place", async () => {
    const logDirectory = runtime.makeDirectory("log");
    writeFileSync(join(logDirectory, "log.0"), "not a log, but long enough to look like one");
    await using container = await runtime.start(["echo", "mine"], { logDirectory, log: true });
    await container.finish();
    expect(joined(parseLog(join(logDirectory, "log.0")).records, 1).toString()).toBe("mine\n");
    expect(readFileSync(join(logDirectory, "log.1"), "utf8")).toStartWith("not a log");
  });
});

describe("the end of a process", () => {
  test("is recorded as code or signal", async () => {
    await using exits = await runtime.start(["sh", "-c", "exit 200"]);
    expect((await exits.kept.exited).end).toEqual({ code: 200 });
    expect(readFileSync(join(exits.runDirectory, "exit"), "utf8")).toMatch(/^code 200 \d{13}\n$/);
    expect(readdirSync(exits.runDirectory)).not.toContain("exit.new");
    await using killed = await runtime.start(["sleep", "60"]);
    expect(killed.kept.signal(9)).toBe(true);
    expect((await killed.kept.exited).end).toEqual({ signal: 9 });
    expect(readFileSync(join(killed.runDirectory, "exit"), "utf8")).toMatch(/^signal 9 \d{13}\n$/);
    await gone(killed.kept.pid, "see the process gone");
    expect(killed.kept.signal(9)).toBe(false);
    expect(await killed.kept.attach({}).catch((thrown: Failure) => thrown.kind)).toBe("unavailable");
  });

  test("is found by reconnect() from the record when the keeper has left", async () => {
    await using container = await runtime.start(["sh", "-c", "exit 5"]);
    const exit = await container.kept.exited;
    expect(await reconnect(container.runDirectory)).toEqual(exit);
    const empty = runtime.makeDirectory("run");
    expect(await reconnect(empty)).toBeUndefined();
    rmSync(empty, { recursive: true });
  });

  test("is told to every connection", async () => {
    await using container = await runtime.start(["sh", "-c", "read x; exit 3"], { keepStdinOpen: true });
    const others = await Promise.all([reconnect(container.runDirectory), reconnect(container.runDirectory)]);
    container.output.stream?.write("\n");
    for (const other of others) {
      if (other === undefined || !("exited" in other)) throw new Error("it was not found");
      expect((await other.exited).end).toEqual({ code: 3 });
      expect(other.pid).toBe(container.kept.pid);
      await other[Symbol.asyncDispose]();
    }
  });

  test("does not come from letting a connection go", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const other = await reconnect(container.runDirectory);
    if (other === undefined || !("exited" in other)) throw new Error("it was not found");
    let ended = false;
    void other.exited.then(() => (ended = true));
    await other[Symbol.asyncDispose]();
    await sleep(150);
    expect(ended).toBe(false);
    expect(isThere(container.kept.pid)).toBe(true);
  });

  test("comes with the keeper's own: everything in the container dies", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sh", "-c", "sleep 61 & sleep 62 & echo up; wait"]);
    await container.output.until("up");
    process.kill(keeperOf(container.kept), "SIGKILL");
    expect(await container.kept.exited).toMatchObject({ end: { signal: 9 }, keeperLost: true });
    await poll(() => (container.cgroup.pids().length === 0 ? true : undefined), {
      timeoutMs: 10_000,
      what: "see the container die",
    });
  });

  test("of an exec comes with its own keeper's; the container goes on", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sleep", "60"]);
    const runDirectory = runtime.makeDirectory("run");
    const { kept } = await execInContainer(runtime.program, {
      id: "exec",
      target: { pid: container.kept.pid, startTime: container.kept.startTime },
      cgroup: container.cgroup,
      runDirectory,
      process: runtime.configOf(["sleep", "61"]).process,
    });
    process.kill(keeperOf(kept), "SIGKILL");
    expect(await kept.exited).toMatchObject({ end: { signal: 9 }, keeperLost: true });
    await gone(kept.pid, "see the process die with its keeper");
    expect(isThere(container.kept.pid)).toBe(true);
    await kept[Symbol.asyncDispose]();
    rmSync(runDirectory, { recursive: true });
  });

  test("comes also when the keeper dies while the engine has its turn", async () => {
    await using _leaks = guard();
    const runDirectory = runtime.makeDirectory("run");
    const started = runtime.start(["sleep", "60"], {
      runDirectory,
      beforeFirstInstruction: async () => {
        const keeper = readdirSync("/proc").find((pid) => {
          try {
            return (
              readdirSync(`/proc/${pid}/fd`).some(
                (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === runDirectory,
              ) && findProcessStatistics(Number(pid))?.name === "tare-keeper"
            );
          } catch {
            return false;
          }
        });
        process.kill(Number(keeper), "SIGKILL");
        await sleep(100);
      },
    });
    expect(await started.catch((thrown: Failure) => thrown.kind)).toBe("unavailable");
    rmSync(runDirectory, { recursive: true });
  });

  test("leaves no zombie of what came to the keeper", async () => {
    const namespaces = (["mount", "cgroup"] as const).map((type) => ({ type }));
    await using container = await runtime.start(
      ["sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 &); done; echo made; sleep 60"],
      { linux: { namespaces }, config: { hostname: undefined as never }, mounts: [] },
    );
    await container.output.until("made");
    const keeper = keeperOf(container.kept);
    const children = (): string[] =>
      readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .filter((pid) => findProcessStatistics(Number(pid))?.parentPid === keeper);
    const sleepers = (): number[] =>
      container.cgroup.pids().filter((pid) => pid !== container.kept.pid && isThere(pid));
    await poll(() => (sleepers().length <= 1 && children().length === 1 ? true : undefined), {
      timeoutMs: 10_000,
      what: "see all of them end",
    });
    expect(children()).toEqual([String(container.kept.pid)]);
  });

  test("does not come from SIGTERM to the keeper", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE", "SIGUSR1"] as const)
      process.kill(keeperOf(container.kept), signal);
    await sleep(100);
    expect([isThere(keeperOf(container.kept)), isThere(container.kept.pid)]).toEqual([true, true]);
  });
});

describe("the keeper's own weight", () => {
  const privateKilobytes = (pid: number): number =>
    [
      ...readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").matchAll(
        /^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm,
      ),
    ].reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0);

  test("is at most 64 KB of private memory when idle", async () => {
    await using container = await runtime.start(["sleep", "60"], { log: true });
    await sleep(1_100);
    const kilobytes = privateKilobytes(keeperOf(container.kept));
    expect(kilobytes).toBeGreaterThan(0);
    expect(kilobytes).toBeLessThanOrEqual(64);
  });

  test("is the same after 50 MB went through, in and out", async () => {
    await using container = await runtime.start(
      ["sh", "-c", "head -c 10000000 >/dev/null; head -c 50000000 /dev/zero; echo done >&2; sleep 60"],
      { keepStdinOpen: true, log: true },
    );
    container.output.stream?.write(Buffer.alloc(10_000_000));
    await container.output.until("done");
    await poll(() => (privateKilobytes(keeperOf(container.kept)) <= 64 ? true : undefined), {
      everyMs: 100,
      timeoutMs: 10_000,
      what: "see the keeper give its buffers back",
    });
  });

  test("is no processor time when idle", async () => {
    await using container = await runtime.start(["sleep", "60"], {
      process: { terminal: true },
      keepStdinOpen: true,
    });
    const ticks = (): number => {
      const fields =
        readFileSync(`/proc/${keeperOf(container.kept)}/stat`, "latin1")
          .split(") ")[1]
          ?.split(" ") ?? [];
      return Number(fields[11]) + Number(fields[12]);
    };
    const half = await container.kept.attach({ stdin: true });
    half.end();
    await sleep(700);
    const before = ticks();
    await sleep(500);
    expect(ticks() - before).toBeLessThanOrEqual(1);
    half.destroy();
  });

  test("is few descriptors: none but what keeping needs", async () => {
    await using container = await runtime.start(["sleep", "60"], { log: true, keepStdinOpen: true });
    const fds = readdirSync(`/proc/${keeperOf(container.kept)}/fd`).map((fd) =>
      readlinkSync(`/proc/${keeperOf(container.kept)}/fd/${fd}`),
    );
    // 0–2, listening, set-up, one client, three pipes, pidfd, signalfd, run and log directory, log, root.
    expect(fds.length).toBeLessThanOrEqual(15);
    expect(fds.filter((target) => target.includes("cgroup"))).toEqual([]);
  });
});

describe("the engine's death", () => {
  /** A program that starts a container and says where; it is killed with no chance to clean up. */
  async function engine(
    options: string,
  ): Promise<{ child: ChildProcess; runDirectory: string; pid: number }> {
    const [runDirectory, logDirectory] = [runtime.makeDirectory("run"), runtime.makeDirectory("log")];
    const script = `
      import { openKeeperProgram } from "${join(import.meta.dirname, "../../src/runtime/keeper-program.ts")}";
      import { startContainer } from "${join(import.meta.dirname, "../../src/runtime/start.ts")}";
      import { openCgroupParent } from "${join(import.meta.dirname, "../../src/linux/cgroup/parent.ts")}";
      import { planCgroup } from "${join(import.meta.dirname, "../../src/linux/cgroup/plan.ts")}";
      import { cloneTree } from "${join(import.meta.dirname, "../../src/linux/mount/mount.ts")}";
      import { keeperPath } from "${join(import.meta.dirname, "../support/runtime.ts")}";
      const parent = openCgroupParent(${JSON.stringify(runtime.cgroupParent)});
      const root = cloneTree(${JSON.stringify(runtime.rootPath)});
      const { kept } = await startContainer(openKeeperProgram(keeperPath), {
        id: "survivor", root: root.fd, cgroup: parent.create("survivor", planCgroup({}, parent.layout)),
        cgroupLayout: parent.layout, config: ${JSON.stringify(
          runtime.configOf(["sh", "-c", "echo up; read x; echo got $x; exit 4"]),
        )},
        runDirectory: ${JSON.stringify(runDirectory)}, logDirectory: ${JSON.stringify(logDirectory)},
        keepStdinOpen: true, ${options}
      });
      console.log("pid", kept.pid);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve, reject) => {
      child.stdout?.once("data", (chunk: Buffer) => resolve(Number(/pid (\d+)/.exec(chunk.toString())?.[1])));
      child.once("exit", () => reject(new Error("the engine ended")));
    });
    return { child, runDirectory, pid };
  }

  async function kill(child: ChildProcess): Promise<void> {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  }

  async function clean(runDirectory: string): Promise<void> {
    const cgroup = runtime.parent.open("survivor");
    await cgroup.killAll();
    await cgroup.remove();
    rmSync(runDirectory, { recursive: true, force: true });
  }

  test("is survived; the next engine reconnects, talks, and sees the exit", async () => {
    await using _leaks = guard();
    const { child, runDirectory, pid } = await engine("");
    try {
      await kill(child);
      await sleep(100);
      expect(isThere(pid)).toBe(true);
      const kept = await reconnect(runDirectory);
      if (kept === undefined || !("exited" in kept)) throw new Error("it was not found");
      expect(kept.pid).toBe(pid);
      using root = kept.openRoot();
      expect(existsSync(`/proc/self/fd/${root.fd}/bin/busybox`)).toBe(true);
      const output = new Output();
      output.collect(await kept.attach({ stdin: true }));
      output.stream?.write("word\n");
      expect((await kept.exited).end).toEqual({ code: 4 });
      await output.ended;
      expect(output.text(1)).toBe("got word\n");
      await kept[Symbol.asyncDispose]();
    } finally {
      await clean(runDirectory);
    }
  });

  test("takes along what was to die with it", async () => {
    await using _leaks = guard();
    const { child, runDirectory, pid } = await engine("dieWithCaller: true");
    try {
      await kill(child);
      await gone(pid, "see the container die with its engine");
      await poll(() => (existsSync(join(runDirectory, "exit")) ? true : undefined), {
        timeoutMs: 10_000,
        what: "see the record",
      });
      expect(await reconnect(runDirectory)).toMatchObject({ end: { signal: 9 } });
    } finally {
      await clean(runDirectory);
    }
  });
});

test("an exec's keeper outlives nothing: it leaves with its process", async () => {
  await using _leaks = guard();
  await using container = await runtime.start(["sleep", "60"]);
  const runDirectory = runtime.makeDirectory("run");
  const { kept } = await execInContainer(runtime.program, {
    id: "exec",
    target: { pid: container.kept.pid, startTime: container.kept.startTime },
    cgroup: container.cgroup,
    runDirectory,
    process: runtime.configOf(["sh", "-c", "sleep 0.2; exit 2"]).process,
  });
  const keeper = keeperOf(kept);
  expect(keeper).not.toBe(keeperOf(container.kept));
  expect((await kept.exited).end).toEqual({ code: 2 });
  await gone(keeper, "see the keeper leave");
  await kept[Symbol.asyncDispose]();
  rmSync(runDirectory, { recursive: true });
});
