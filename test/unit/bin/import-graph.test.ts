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
/** Below src, one for the commands of each kind of object. */
const commandFolders = ["container", "image", "manifest", "network", "pod", "secret", "system", "volume"].map(
  (name) => `cli/${name}`,
);
const engineHalf = /^(linux|engine|storage|runtime|image|logs|network|daemon|library)\//;

test("a client command loads nothing of the engine", () => {
  const commands = commandFolders.flatMap((folder) =>
    readdirSync(join(source, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name)),
  );
  expect(commands.length).toBeGreaterThan(20);
  const roots = ["bin/tare.ts", "bin/connect.ts", "cli/main.ts", ...commands];
  for (const root of roots)
    expect({
      root,
      loads: names(loadedWith(join(source, root))).filter((name) => engineHalf.test(name)),
    }).toEqual({ root, loads: [] });
});

test("the daemon loads no command", () => {
  const roots = ["bin/daemon.ts", "daemon/server.ts", "library/open-engine.ts"];
  const loaded = roots.flatMap((root) => names(loadedWith(join(source, root))));
  expect(loaded).toContain("engine/local-engine.ts");
  expect(loaded.filter((name) => commandFolders.some((folder) => name.startsWith(`${folder}/`)))).toEqual([]);
});
