import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { isRoot, repository } from "../support/tare.ts";

const sources = [
  "src/mod.ts",
  "src/library/container-handle.ts",
  "src/library/library-engine.ts",
  "src/base/failure.ts",
];

interface Example {
  readonly name: string;
  readonly code: string;
}

/** The blocks behind `@example` in docstrings. */
function examplesIn(path: string): readonly Example[] {
  const text = readFileSync(join(repository, path), "utf8");
  return [...text.matchAll(/@example\n[ *]*```ts\n([\s\S]*?)\n[ *]*```/g)].map(([, block = ""], at) => ({
    name: `${path} ${at + 1}`,
    code: block.replaceAll(/^ *\* ?/gm, ""),
  }));
}

const examples = sources.flatMap(examplesIn);
let folder = "";
const fileOf = (at: number): string => join(folder, `example-${at}.ts`);

beforeAll(() => {
  mkdirSync(join(repository, "dist/check"), { recursive: true });
  folder = mkdtempSync(join(repository, "dist/check/examples-"));
  copyFileSync(busyboxArchive(), join(folder, "busybox.tar"));
  for (const [at, { code }] of examples.entries()) writeFileSync(fileOf(at), `${code}\nexport {};\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("examples of docstrings have correct types", () => {
  expect(examples.length).toBeGreaterThanOrEqual(4);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions: { incremental: false },
      include: ["*.ts"],
    }),
  );
  const compiler = join(repository, "node_modules/typescript-7/bin/tsc");
  const { stdout, status } = spawnSync(compiler, ["-p", folder], { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});

describe.skipIf(!isRoot)("examples of docstrings run", () => {
  const expected: Readonly<Record<string, RegExp>> = {
    "src/mod.ts 1": /started in|[Hh]ello/,
    "src/mod.ts 3": /^(?:\w+, .+: .+; .*\n)*$/,
    "src/library/container-handle.ts 1": /^0 apples\n$/,
    "src/library/library-engine.ts 1": /^sha256:[0-9a-f]{64}\n$/,
    "src/base/failure.ts 1": /^no volume data\n$/,
  };
  test.each(examples.map(({ name }, at) => [name, at] as const).filter(([name]) => name in expected))(
    "%s",
    (name, at) => {
      // With roots of its own: the defaults belong to the host.
      const roots = JSON.stringify({ dataRoot: join(folder, "data"), runRoot: join(folder, "run") });
      const code = readFileSync(fileOf(at), "utf8").replaceAll("openEngine()", `openEngine(${roots})`);
      const path = join(folder, `run-${at}.ts`);
      writeFileSync(path, code);
      const run = spawnSync(process.execPath, ["--conditions=tare-source", path], {
        cwd: folder,
        encoding: "utf8",
        timeout: 60_000,
      });
      // The engine says so on hosts that have not passed packets on before.
      expect(run.stderr.replace(/^\S+ warning net\.ipv4\.ip_forward was switched on.*\n/, "")).toBe("");
      expect(run.stdout).toMatch(expected[name] ?? /^$/);
      expect(run.status).toBe(0);
    },
  );
});
