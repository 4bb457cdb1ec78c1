import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { runsInDaemon } from "../../../src/cli/daemon-commands.ts";
import { commands } from "../../../src/cli/commands.ts";

const root = resolve(import.meta.dir, "../../..");
const launcher = readFileSync(join(root, "native/launcher.c"), "utf8");
const runnable = commands.entries.filter(({ names }) => names.some((name) => runsInDaemon(name.split(" "))));

describe("runsInDaemon()", () => {
  test.each([
    [["ps", "-a", "--format", "table {{.Names}}\t{{ json .Labels }}"]],
    [["container", "ls"]],
    [["inspect", "-f{{.State.Status}}", "web"]],
    [["rm", "-f", "web", "{", "{a}"]],
    [["start", "web"]],
    [["volume", "create", "--opt", "type=tmpfs", "kept"]],
  ])("accepts %j", (words) => {
    expect(runsInDaemon(words)).toBe(true);
  });

  test.each([
    [[]],
    [["container"]],
    [["nothing"]],
    [["run", "busybox"]],
    [["cp", "web:/etc/passwd", "/tmp"]],
    [["load", "-i", "/etc/shadow"]],
    [["secret", "create", "s", "/etc/shadow"]],
    [["start", "-ai", "web"]],
    [["volume", "prune", "-f"]],
    [["system", "uninstall"]],
    [["daemon", "stop"]],
    [["ps", "--format", "{{range .}}{{end}}"]],
    [["inspect", "-f", '{{printf "%999999999d" 1}}', "web"]],
    [["inspect", "-f={{.A}}{{", "web"]],
  ])("leaves %j to the client", (words) => {
    expect(runsInDaemon(words)).toBe(false);
  });

  test("judges a long text at once", () => {
    expect(runsInDaemon(["inspect", "{{ json ".repeat(5000)])).toBe(false);
    expect(runsInDaemon(["inspect", "{".repeat(50_001)])).toBe(false);
  });
});

test("the launcher sends the first word of each command that the daemon runs, and of no others", () => {
  const table = launcher.match(/first\[\] = \{([^}]*)\}/)?.[1] ?? "";
  const sent = [...table.matchAll(/"([a-z]+)"/g)].map(([, word = ""]) => word);
  const first = runnable.flatMap(({ names }) => names.map((name) => name.split(" ")[0] ?? ""));
  expect(sent.toSorted()).toEqual([...new Set(first)].toSorted());
});

test("commands that the daemon runs use nothing of their process", () => {
  const files = new Set<string>();
  for (const entry of runnable) {
    const text = entry.load.toString();
    const file = text.match(/import\("(\.[^"]+)"\)/)?.[1];
    if (file === undefined) throw new Error(`no file in ${text}`);
    follow(resolve(root, "src/cli", file), files);
  }
  expect(files.size).toBeGreaterThan(60);
  const found = [...files].flatMap((file) =>
    (
      readFileSync(file, "utf8").match(/\bprocess\.\w+|"node:(?:fs|os|process|child_process|tty)[^"]*"/g) ??
      []
    ).map((use) => `${file.slice(root.length + 1)}: ${use}`),
  );
  expect(found).toEqual([]);
});

function follow(file: string, found: Set<string>): void {
  if (found.has(file)) return;
  found.add(file);
  for (const match of readFileSync(file, "utf8").matchAll(
    /^(?:import|export) (?!type )(?:[^;]*? from )?"(\.[^"]+)";/gm,
  ))
    follow(join(dirname(file), match[1] ?? ""), found);
}
