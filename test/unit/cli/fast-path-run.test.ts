import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { Call, Command } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";
import { fastPathRun } from "../../../src/cli/container/fast-path-run.ts";
import { globalFlags } from "../../../src/cli/global-flags.ts";
import { run } from "../../../src/cli/container/run.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";
import { fastPathFlags, toFastPathSpec, readFastPathRun } from "../../../src/api/container/fast-path-run.ts";
import { findCommand } from "../../../src/cli/tree.ts";
import { runCommandLine } from "./command-line.ts";

/** JSON with sorted keys: their order has no meaning. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}

/** The first request to the daemon. */
async function askedFor(command: Command<never>, words: readonly string[]): Promise<string> {
  const { values, given, positional } = parseFlags(command.flags as FlagTable, words, {
    optionsEnd: "first",
  });
  let asked: unknown;
  const ask = (how: string) => async (request: unknown, options: unknown) => {
    asked = { how, request, options };
    throw new Error("asked");
  };
  const client = { daemonBuildId: "same", containers: { create: ask("create"), run: ask("run") } };
  const call = {
    values: values as never,
    given,
    positional,
    context: {
      env: { NAMED: "of ours" },
      cwd: "/",
      hasContent: () => false,
      build: { commit: "same" },
      stdin: { isTTY: true },
      stdout: { isTTY: true, rows: 33, columns: 99 },
    },
    globals: { host: "unix:///x" },
    leanClient: async () => client,
  } as unknown as Call<never>;
  await expect(command.run(call)).rejects.toThrow("asked");
  return canonical(asked);
}

const text = fc.oneof(fc.string(), fc.constantFrom("", "a b", "-x", "--rm", "__proto__", "ä€", "a=b", "a:b"));
const network = fc.constantFrom(
  "none",
  "host",
  "bridge",
  "default",
  "web",
  " web ",
  "container:x",
  "__proto__",
);
const flag = fc.oneof(
  fc
    .constantFrom("--rm", "-d", "--detach", "-i", "--interactive", "-t", "--tty", "-it", "-dit")
    .map((name) => [name]),
  fc
    .tuple(fc.constantFrom("--entrypoint", "--hostname", "--name", "--user", "--workdir"), text)
    .chain(([name, value]) => fc.constantFrom([name, value], [`${name}=${value}`])),
  fc.tuple(fc.constantFrom("-h", "-u", "-w"), text).map(([name, value]) => [name, value]),
  fc
    .tuple(
      fc.constantFrom("-p", "--publish"),
      fc.constantFrom(
        "80",
        "8080:80",
        "80/udp",
        "127.0.0.1:8080:80",
        "0.0.0.0::80",
        "1-9:1-9/tcp",
        "80-80:80",
      ),
    )
    .map(([name, value]) => [name, value]),
  fc
    .tuple(
      fc.constantFrom("-v", "--volume"),
      fc.constantFrom("/src:/to", "data:/to:ro", "/kept", "/kept", "/src:/to:ro,z", "a:b:c", "/__proto__"),
    )
    .map(([name, value]) => [name, value]),
  fc
    .tuple(fc.constantFrom("-e", "--env", "-ite"), fc.string(), text)
    .map(([name, variable, value]) => [name, `A${variable}=${value}`]),
);
const words = fc
  .tuple(
    fc.array(flag),
    fc.option(fc.tuple(fc.constantFrom("--network", "--net"), network), { nil: [] }),
    fc.array(text),
  )
  .map(([flags, net, command]) => [...flags.flat(), ...net, "image", ...command]);

describe("readFastPathRun()", () => {
  test("lets plainRun ask for what run asks for", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (some) => {
        const plain = readFastPathRun(some);
        if (plain === undefined) throw new Error("it is not plain");
        const asked = await askedFor(run as Command<never>, some);
        expect(await askedFor(fastPathRun as Command<never>, some)).toBe(asked);
        const { request, options } = JSON.parse(asked) as { request: unknown; options: { name?: string } };
        expect(canonical(toFastPathSpec({ ...plain, consoleSize: [33, 99] }))).toBe(canonical(request));
        expect(plain.name).toBe(options.name ?? "");
      }),
    );
  });

  test.each([
    [],
    ["--rm"],
    ["--rm", "--help"],
    ["--rm=false", "image"],
    ["-i-rm", "image"],
    ["-it=true", "image"],
    ["-itP", "image"],
    ["-itunobody", "image"],
    ["-w/tmp", "image"],
    ["-P", "image"],
    ["-v", "./here:/to", "image"],
    ["-v", "~/here:/to", "image"],
    ["-v", "/a::/b", "image"],
    ["-v", "/a:/b:ro:z", "image"],
    ["-v", "", "image"],
    ["-p", "80:x", "image"],
    ["-p", "1.2.3.400:80:80", "image"],
    ["-p", "1.2.3.04:80:80", "image"],
    ["-p", "1.2.3:80:80", "image"],
    ["-p", "[::1]:80:80", "image"],
    ["--", "image"],
    ["-", "image"],
    ["--unknown", "image"],
    ["--name"],
    ["-e", "NAMED", "image"],
    ["-e", "=x", "image"],
    ["--env=", "image"],
    ["--network", "name=a", "image"],
    ["--network", "a,b", "image"],
    ["--network", " ", "image"],
    ["--network", "a", "--net", "b", "image"],
    ["--toString", "image"],
  ])("leaves %j to run", (...some) => {
    expect(readFastPathRun(some)).toBeUndefined();
  });

  test.each(Object.entries(fastPathFlags))("--%s has the names of the flag of run", (name, flag) => {
    const { short, also, type, initial } = (run.flags as FlagTable)[name] ?? {};
    expect({ short, also }).toEqual({ short: flag.short, also: flag.also });
    expect(flag.kind === "switch").toBe(type === "");
    if (name !== "network") expect(flag.kind === "list").toBe(Array.isArray(initial));
  });

  test("what nobody has given is with plainRun what it is with run", () => {
    const all = run.flags as FlagTable;
    for (const [name, { initial }] of Object.entries(fastPathRun.flags as FlagTable)) {
      expect(Object.hasOwn(all, name), name).toBe(true);
      // It holds the name of a network, not what is said of it.
      if (name !== "network") expect({ name, initial }).toEqual({ name, initial: all[name]?.initial });
    }
    for (const face of ["usage", "takes", "optionsEnd", "failureStatus", "startsDaemon"] as const)
      expect(fastPathRun[face]).toEqual(run[face]);
  });
});

test("run is loaded with all flags only where those are wanted", async () => {
  const entry = findCommand(commands, ["run"])?.entry;
  expect(await entry?.load(["--rm", "-p", "80", "image", "-P"])).toBe(fastPathRun as Command<unknown>);
  expect(await entry?.load(["-P", "image"])).toBe(run as Command<unknown>);
  expect(await entry?.load()).toBe(run as Command<unknown>);
});

test("a mistake is told as run tells it, whatever is plain before it", async () => {
  const { status, err } = await runCommandLine(["run", "--rm"]);
  expect({ status, err: err.split("\n")[0] }).toEqual({
    status: 1,
    err: '"tare run" requires at least 1 argument.',
  });
  const { out } = await runCommandLine(["run", "--rm", "--help"]);
  expect(out).toContain("--publish-all");
});

test("the launcher has no other flags before the command than the command line", () => {
  const source = readFileSync(new URL("../../../native/launcher.c", import.meta.url), "utf8");
  const words = [...source.matchAll(/value_of\("(-[^"]+)"/g)].map(([, word]) => word ?? "");
  expect(words.length).toBeGreaterThan(3);
  for (const word of words) {
    const [name, flag] =
      Object.entries(globalFlags as FlagTable).find(
        ([long, { short }]) => word === `--${long}` || word === `-${short}`,
      ) ?? [];
    expect({ word, name, takesValue: flag?.type !== "" }).toEqual({
      word,
      name: expect.any(String),
      takesValue: true,
    });
  }
});
