import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const source = resolve(import.meta.dir, "../../../src");

/** Everything that is loaded along with a file: its static imports and theirs; types are not loaded. */
function loadedWith(file: string, seen: Set<string> = new Set()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const match of readFileSync(file, "utf8").matchAll(
    /^(?:import|export)\s(?!type\b)[^;]*?from "(\.[^"]+\.ts)"/gm,
  )) {
    loadedWith(resolve(file, "..", match[1] as string), seen);
  }
  return seen;
}

const names = (files: ReadonlySet<string>): string[] => [...files].map((file) => relative(source, file));
const engineHalf = /^(linux|engine|storage|runtime|image|logs|network|daemon|mod)\//;

test("a client command loads nothing of the engine", () => {
  const commands = readdirSync(join(source, "cli/commands"), { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts"),
  );
  expect(commands.length).toBeGreaterThan(20);
  const roots = [
    "bin/tare.ts",
    "bin/connect.ts",
    "cli/main.ts",
    ...commands.map((name) => join("cli/commands", name)),
  ];
  for (const root of roots)
    expect({
      root,
      loads: names(loadedWith(join(source, root))).filter((name) => engineHalf.test(name)),
    }).toEqual({ root, loads: [] });
});

test("the daemon loads no command", () => {
  const roots = ["bin/daemon.ts", "daemon/server.ts", "mod/open-engine.ts"];
  const loaded = roots.flatMap((root) => names(loadedWith(join(source, root))));
  expect(loaded).toContain("engine/local-engine.ts");
  expect(loaded.filter((name) => name.startsWith("cli/commands/"))).toEqual([]);
});
