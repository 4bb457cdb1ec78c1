import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const source = resolve(import.meta.dir, "../../../src");

/** The files that are loaded with a file: what it imports (types are erased, `import()` waits until it is reached). */
function loadedWith(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(file, "utf8");
  for (const match of text.matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?"(\.[^"]+)";/gm)) {
    loadedWith(join(dirname(file), match[1] ?? ""), found);
  }
  return found;
}

function named(file: string): readonly string[] {
  return [...loadedWith(join(source, file))].map((path) => path.slice(source.length + 1)).sort();
}

test("main() loads no command, no format and no client before it knows which it needs", () => {
  const loaded = named("cli/main.ts");
  expect(loaded).toContain("cli/usual-commands.ts");
  expect(loaded).not.toContain("cli/commands.ts");
  expect(
    loaded.filter(
      (path) =>
        !/^(base|spec\/port-range\.ts|api\/container\/(fast-path-run|fast-path-words|publish-flag|run-messages)\.ts|cli\/(flags\/)?[a-z-]+\.ts)/.test(
          path,
        ),
    ),
  ).toEqual([]);
  expect(loaded.length).toBeLessThan(20);
});

test.each([
  "cli/container/ps.ts",
  "cli/container/run.ts",
  "cli/container/fast-path-run.ts",
  "cli/container/exec.ts",
])("%s loads neither addon nor engine", (file) => {
  expect(named(file).filter((path) => !/^(base|spec|api|cli)\//.test(path))).toEqual([]);
});

test("a run with plain flags loads neither all flags nor what plans with them", () => {
  const loaded = named("cli/container/fast-path-run.ts");
  expect(loaded).toContain("cli/container/run/run-container.ts");
  expect(loaded.filter((path) => /flags\.ts$|\/plan\.ts$|platform-flags/.test(path))).toEqual([]);
});

test("an engine loads the code of health checks with the first container that has one", () => {
  const loaded = named("engine/local-engine.ts");
  expect(loaded).toContain("engine/containers/health/health-checks.ts");
  expect(loaded.filter((path) => path.startsWith("engine/containers/health/"))).toHaveLength(1);
});

test("a daemon loads authorization plug-ins and metrics with the options that ask for them", () => {
  for (const file of ["bin/daemon.ts", "daemon/server.ts", "engine/local-engine.ts"]) {
    const loaded = named(file);
    expect(loaded.length).toBeGreaterThan(5);
    expect(
      loaded.filter((path) => /^daemon\/authorization\/|^bin\/metrics\/|metrics-server/.test(path)),
    ).toEqual([]);
  }
  expect(named("bin/metrics/daemon-metrics.ts")).toContain("bin/metrics/process-metrics.ts");
});

test("an engine loads the code of CDI devices with the first request, and YAML with the first such file", () => {
  const loaded = named("engine/local-engine.ts");
  expect(loaded).toContain("engine/containers/lifecycle/start/prepare.ts");
  expect(
    loaded.filter((path) => /device-requests|device-hooks|cdi|ld-cache|library-cache/.test(path)),
  ).toEqual([]);
  expect(named("engine/host/cdi-specs.ts")).not.toContain("spec/yaml.ts");
});
