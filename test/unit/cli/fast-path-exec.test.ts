import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { execFlags, readFastPathExec, toExecRequest } from "../../../src/api/container/fast-path-exec.ts";
import type { Call } from "../../../src/cli/command.ts";
import { exec } from "../../../src/cli/container/exec.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";

/** The container that the command asks the daemon for, and with which request. */
async function askedFor(words: readonly string[]): Promise<unknown> {
  const { values, given, positional } = parseFlags(exec.flags, words, { optionsEnd: "first" });
  let asked: unknown;
  const createExec = async (container: string, request: unknown): Promise<never> => {
    asked = { container, request };
    throw new Error("asked");
  };
  const call = {
    values,
    given,
    positional,
    context: {
      env: { NAMED: "of ours" },
      cwd: "/",
      stdin: { isTTY: true },
      stdout: { isTTY: true, rows: 33, columns: 99 },
    },
    client: async () => ({ containers: { createExec } }),
  } as unknown as Call<Parameters<typeof exec.run>[0]["values"]>;
  await expect(exec.run(call)).rejects.toThrow("asked");
  return asked;
}

const text = fc.oneof(fc.string(), fc.constantFrom("", "a b", "-x", "--", "__proto__", "ä€", "a=b"));
const flag = fc.oneof(
  fc.constantFrom("-i", "--interactive", "--privileged", "-t", "--tty", "-it").map((name) => [name]),
  fc
    .tuple(fc.constantFrom("--user", "--workdir"), text)
    .chain(([name, value]) => fc.constantFrom([name, value], [`${name}=${value}`])),
  fc.tuple(fc.constantFrom("-u", "-w"), text).map(([name, value]) => [name, value]),
  fc
    .tuple(fc.constantFrom("-e", "--env"), fc.string(), text)
    .map(([name, variable, value]) => [name, `A${variable}=${value}`]),
);
const words = fc
  .tuple(fc.array(flag), fc.array(text, { minLength: 1 }))
  .map(([flags, command]) => [...flags.flat(), "web", ...command]);

describe("readFastPathExec()", () => {
  test("asks for what the command with all flags asks for", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (plain) => {
        const read = readFastPathExec(plain);
        if (read === undefined) throw new Error("these words are plain");
        const { container, ...execution } = read;
        expect({ container, request: toExecRequest({ ...execution, consoleSize: [33, 99] }) }).toEqual(
          (await askedFor(plain)) as never,
        );
      }),
    );
  });

  test("its flags are those of the command, by the same short names", () => {
    const all: FlagTable = exec.flags;
    for (const [name, { short, kind }] of Object.entries(execFlags)) {
      expect({ name, short: all[name]?.short }).toEqual({ name, short });
      expect(all[name]?.type === "").toBe(kind === "switch");
    }
  });
});
