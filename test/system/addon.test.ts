import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { addon, type Argument } from "../../src/linux/kernel/addon.ts";
import { OwnedFd } from "../../src/linux/kernel/fd.ts";
import {
  addressOf,
  attempt,
  call,
  callAsync,
  syscallNumber,
  SyscallFailure,
} from "../../src/linux/kernel/syscall.ts";
import { guardLeaks } from "../support/leaks.ts";
import { Scratch } from "../support/scratch.ts";

const scratch = new Scratch("addon");
beforeAll(() => {
  execFileSync("make", ["-s", "-C", join(import.meta.dirname, "../../native")]);
});
afterAll(() => scratch[Symbol.dispose]());

const AT_FDCWD = -100;
const O_RDWR_CREAT = 2 | 0o100 | 0o2000000;
const close = syscallNumber("close");

function memory(): OwnedFd {
  return new OwnedFd(call("memfd_create", "tare-test", 1));
}
function pipe(): [OwnedFd, OwnedFd] {
  const pair = Buffer.alloc(8);
  call("pipe2", pair, 0o2000000);
  return [new OwnedFd(pair.readInt32LE(0)), new OwnedFd(pair.readInt32LE(4))];
}

describe("call()", () => {
  test("gives the result, or the error as a negative number", () => {
    expect(addon().call(syscallNumber("getpid"))).toBe(process.pid);
    expect(addon().call(close, -1)).toBe(-9);
    expect(addon().call(100_000)).toBe(-38);
    expect(addon().call(syscallNumber("openat"), AT_FDCWD, "/proc/absent", 0)).toBe(-2);
    expect(() => call("close", -1)).toThrow("close(-1): EBADF");
    expect(() => call("openat", AT_FDCWD, "/proc/absent", 0x80000, 0)).toThrow(
      'openat(AT_FDCWD, "/proc/absent", 0x80000, 0): ENOENT',
    );
  });

  test("gives results beyond 32 bits", () => {
    using file = memory();
    expect(call("ftruncate", file.fd, 2 ** 40)).toBe(0);
    expect(call("lseek", file.fd, 0, 2)).toBe(2 ** 40);
    expect(call("lseek", file.fd, 2n ** 41n, 0)).toBe(2 ** 41);
  });

  test("takes numbers and bigints, negative and unsigned", () => {
    expect(attempt("close", -1)).toBe(-9);
    expect(attempt("close", -1n)).toBe(-9);
    expect(attempt("close", 0xffffffffffffffffn)).toBe(-9);
    expect(attempt("lseek", 0, -(2 ** 53), 99)).toBeLessThan(0);
  });

  test("takes text as NUL-terminated UTF-8", () => {
    const path = scratch.join("ü€😀");
    using file = new OwnedFd(call("openat", AT_FDCWD, path, O_RDWR_CREAT, 0o600));
    const target = Buffer.alloc(200);
    const length = call("readlinkat", AT_FDCWD, `/proc/self/fd/${file.fd}`, target, target.length);
    expect(target.toString("utf8", 0, length)).toBe(path);
    expect(attempt("openat", AT_FDCWD, "", 0)).toBe(-2);
    expect(attempt("openat", AT_FDCWD, "x".repeat(1_000_000), 0)).toBe(-36);
  });

  test("takes bytes by address, at their offset, of any typed array", () => {
    using file = memory();
    const whole = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(call("write", file.fd, whole.subarray(2, 6), 4)).toBe(4);
    const back = Buffer.alloc(8, 0xee);
    expect(call("pread64", file.fd, back.subarray(1), 4, 0)).toBe(4);
    expect([...back]).toEqual([0xee, 3, 4, 5, 6, 0xee, 0xee, 0xee]);
    const words = new Uint32Array(1);
    expect(attempt("pread64", file.fd, words as unknown as Uint8Array, 4, 0)).toBe(4);
    expect(words[0]).toBe(0x06050403);
    expect(attempt("pread64", file.fd, new Uint8Array(0), 0, 0)).toBe(0);
  });

  test("takes null and what is absent as 0", () => {
    expect(attempt("openat", AT_FDCWD, null, 0)).toBe(-14);
    expect(addon().call(syscallNumber("openat"), AT_FDCWD)).toBe(-14);
    expect(addon().call(syscallNumber("openat"), AT_FDCWD, undefined as never)).toBe(-14);
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ["a boolean", true],
    ["an object", {}],
    ["an array", [1]],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["a bare ArrayBuffer", new ArrayBuffer(8)],
    ["text with a NUL", "a\0b"],
    ["text that begins with a NUL", "\0"],
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["a fraction", 1.5],
    ["a number beyond what doubles tell apart", 2 ** 60],
    ["a bigint beyond 64 bits", 2n ** 64n],
    ["a bigint below 64 bits", -(2n ** 63n) - 1n],
  ];
  test.each(wrong)("throws for %s", (_name, value) => {
    for (let place = 0; place < 7; place++) {
      const args: unknown[] = [close, -1, 0, 0, 0, 0, 0];
      args[place] = value;
      expect(() => addon().call(...(args as [number, ...Argument[]]))).toThrow(TypeError);
      expect(() => addon().callAsync(...(args as [number, ...Argument[]]))).toThrow(TypeError);
    }
    expect(() => addon().addressOf(value as Uint8Array)).toThrow(TypeError);
  });

  test("throws for too many arguments, and for none", () => {
    expect(() => addon().call(close, -1, 0, 0, 0, 0, 0, 0)).toThrow(TypeError);
    expect(() => (addon().call as () => number)()).toThrow(TypeError);
    expect(() => (addon().callAsync as () => Promise<number>)()).toThrow(TypeError);
  });

  test("keeps no memory of texts, right or wrong", () => {
    const long = "x".repeat(100_000);
    const round = (): void => {
      for (let i = 0; i < 2_000; i++) attempt("openat", AT_FDCWD, long, 0);
      for (let i = 0; i < 2_000; i++) expect(() => addon().call(close, long, `${long}\0`)).toThrow(TypeError);
    };
    round();
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    round();
    Bun.gc(true);
    // 600 MB went through: what is kept would show.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });
});

describe("callAsync()", () => {
  test("gives the same as call()", async () => {
    expect(await addon().callAsync(syscallNumber("getpid"))).toBe(process.pid);
    expect(await addon().callAsync(close, -1)).toBe(-9);
    expect(await callAsync("close", -1).catch((thrown: unknown) => thrown)).toBeInstanceOf(SyscallFailure);
  });

  test("keeps its arguments alive while it waits, also when nobody else does", async () => {
    await using _leaks = guardLeaks();
    using file = memory();
    const [reading, writing] = pipe();
    using read = reading;
    using write = writing;
    const size = 300_000;
    // More than the pipe holds: the calls wait with buffers that only they know.
    const written = Array.from({ length: 3 }, (_, i) =>
      callAsync("write", write.fd, new Uint8Array(size).fill(i + 1), size),
    );
    const paths = Array.from({ length: 50 }, (_, i) =>
      callAsync("openat", AT_FDCWD, scratch.join(`file-${i}-${"y".repeat(100)}`), O_RDWR_CREAT, 0o600),
    );
    for (let round = 0; round < 20; round++) {
      Array.from({ length: 50 }, () => new Uint8Array(100_000).fill(0xaa));
      Bun.gc(true);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    let seen = 0;
    const counts = new Map<number, number>();
    const chunk = new Uint8Array(65_536);
    while (seen < 3 * size) {
      const got = call("read", read.fd, chunk, chunk.length);
      for (const byte of chunk.subarray(0, got)) counts.set(byte, (counts.get(byte) ?? 0) + 1);
      seen += got;
      await Promise.resolve();
    }
    expect(Object.fromEntries(counts)).toEqual({ 1: size, 2: size, 3: size });
    expect(await Promise.all(written)).toEqual([size, size, size]);
    for (const fd of await Promise.all(paths)) call("close", fd);
    expect(call("lseek", file.fd, 0, 2)).toBe(0);
  });

  test("runs many at once", async () => {
    const results = await Promise.all(
      Array.from({ length: 3_000 }, (_, i) =>
        addon().callAsync(i % 2 === 0 ? syscallNumber("getpid") : close, -1),
      ),
    );
    expect(results.every((result, i) => result === (i % 2 === 0 ? process.pid : -9))).toBe(true);
  });

  test("moves big buffers whole", async () => {
    using file = memory();
    const bytes = new Uint8Array(64 << 20);
    for (let i = 0; i < bytes.length; i += 4096) bytes[i] = i >> 12;
    expect(await callAsync("write", file.fd, bytes, bytes.length)).toBe(bytes.length);
    const back = new Uint8Array(bytes.length);
    expect(await callAsync("pread64", file.fd, back, back.length, 0)).toBe(back.length);
    expect(Buffer.compare(bytes, back)).toBe(0);
  });
});

describe("addressOf()", () => {
  test("is where the bytes lie, for structures that point at others", () => {
    using file = memory();
    const [one, two] = [Buffer.from("one,"), Buffer.from("two")];
    const vectors = Buffer.alloc(32);
    vectors.writeBigUInt64LE(addressOf(one), 0);
    vectors.writeBigUInt64LE(BigInt(one.length), 8);
    vectors.writeBigUInt64LE(addressOf(two), 16);
    vectors.writeBigUInt64LE(BigInt(two.length), 24);
    expect(call("writev", file.fd, vectors, 2)).toBe(7);
    const back = Buffer.alloc(7);
    call("pread64", file.fd, back, 7, 0);
    expect(back.toString()).toBe("one,two");
    const whole = new Uint8Array(10_000);
    expect(addressOf(whole.subarray(100)) - addressOf(whole)).toBe(100n);
  });
});

describe("worker threads", () => {
  /** In a process of its own: what goes wrong there would end this one. */
  function run(script: string): { readonly output: string; readonly status: number | null } {
    const path = join(import.meta.dirname, "../../src/linux/kernel/syscall.ts");
    const { stdout, stderr, status, signal } = spawnSync(
      process.execPath,
      ["-e", `const syscalls = ${JSON.stringify(path)};\n${script}`],
      { encoding: "utf8", timeout: 30_000 },
    );
    return { output: `${stdout}${stderr}${signal ?? ""}`.trim(), status };
  }

  test("use it all at once", () => {
    const { output, status } = run(`
      const code = 'const { attempt, callAsync } = await import(' + JSON.stringify(syscalls) + ');' +
        'let sum = 0; for (let i = 0; i < 20000; i++) sum += attempt("close", -1);' +
        'for (let i = 0; i < 200; i++) sum += (await callAsync("getpid")) === process.pid ? 1 : 0;' +
        'postMessage(sum);';
      const url = URL.createObjectURL(new Blob([code], { type: "application/javascript" }));
      const sums = await Promise.all(Array.from({ length: 4 }, () => new Promise((resolve, reject) => {
        const worker = new Worker(url, { type: "module" });
        worker.onmessage = ({ data }) => { resolve(data); worker.terminate(); };
        worker.onerror = ({ message }) => reject(new Error(message));
      })));
      console.log(sums.join(" "));`);
    expect({ output, status }).toEqual({
      output: Array(4)
        .fill(-9 * 20_000 + 200)
        .join(" "),
      status: 0,
    });
  });

  test("may end while a call of theirs waits", () => {
    const { output, status } = run(`
      const { call } = await import(syscalls);
      const pair = Buffer.alloc(8);
      call("pipe2", pair, 0o2000000);
      const code = 'const { callAsync } = await import(' + JSON.stringify(syscalls) + ');' +
        'void callAsync("read", ' + pair.readInt32LE(0) + ', new Uint8Array(10), 10); postMessage("waits");';
      const url = URL.createObjectURL(new Blob([code], { type: "application/javascript" }));
      const worker = new Worker(url, { type: "module" });
      await new Promise((resolve, reject) => { worker.onmessage = resolve; worker.onerror = ({ message }) => reject(new Error(message)); });
      setTimeout(() => call("write", pair.readInt32LE(4), "now", 3), 100);
      worker.terminate();
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log("fine");
      process.exit(0);`);
    expect({ output, status }).toEqual({ output: "fine", status: 0 });
  });
});
