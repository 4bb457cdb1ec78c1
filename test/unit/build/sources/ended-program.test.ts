import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readProgram, runProgram } from "../../../../src/build/sources/ended-program.ts";

const about = { packageName: "some-package", purpose: "do it", signal: new AbortController().signal };

test("readProgram() returns the output of a program that reads its input", async () => {
  const input = (async function* (): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 100; count++) yield Buffer.alloc(10_000, 65);
  })();
  expect(await readProgram("wc", { ...about, args: ["-c"], input, limitBytes: 100 })).toBe("1000000\n");
});

test("readProgram() throws what a program has written to standard error, and names one that is missing", async () => {
  const failing = readProgram("sh", {
    ...about,
    args: ["-c", "echo first; echo why >&2; exit 3"],
    limitBytes: 100,
  });
  await expect(failing).rejects.toThrow("why");
  const missing = readProgram("no-such-program-x", { ...about, args: [], limitBytes: 100 });
  await expect(missing).rejects.toThrow(
    'cannot do it: the program no-such-program-x is missing (Debian\'s package "some-package")',
  );
});

test("readProgram() bounds the output, and the environment has nothing of this process", async () => {
  await expect(readProgram("yes", { ...about, args: [], limitBytes: 1000 })).rejects.toThrow(
    "more than 1000 bytes",
  );
  process.env["TARE_TEST_SECRET"] = "x";
  const text = await readProgram("env", { ...about, args: [], env: { OWN: "1" }, limitBytes: 10_000 });
  expect(text.split("\n").filter((line) => !/^(?:PATH|LC_ALL|PWD|SHLVL|_)=/.test(line))).toEqual([
    "OWN=1",
    "",
  ]);
});

test("runProgram() ends the program and its children with the signal", async () => {
  const stop = new AbortController();
  const output = runProgram("sh", {
    ...about,
    args: ["-c", "sleep 100 & echo $!; wait"],
    signal: stop.signal,
  });
  const first = await output.next();
  const pid = Number(Buffer.from(first.value ?? []).toString());
  stop.abort(new Error("stopped"));
  await expect(output.next()).rejects.toThrow("stopped");
  for (let count = 0; count < 100 && isAlive(pid); count++) await Bun.sleep(10);
  expect(isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
