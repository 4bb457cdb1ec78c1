import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable, executable } from "../support/tare.ts";

describe("the executable", () => {
  let directory: string;

  beforeAll(() => {
    buildExecutable();
    directory = mkdtempSync(join(tmpdir(), "tare-executable-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("takes nothing from the directory it is started in", () => {
    writeFileSync(join(directory, ".env"), "TARE_HOST=unix:///tmp/of-a-stranger.sock\n");
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(directory, "evil.ts"), 'console.log("EVIL");\n');
    writeFileSync(join(directory, "package.json"), '{"imports": {"#x": "./evil.ts"}, "name": "tare"}\n');
    writeFileSync(join(directory, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}\n');
    const env = { PATH: process.env["PATH"] ?? "", HOME: directory };
    const options = { cwd: directory, env, encoding: "utf8" } as const;
    const asked = spawnSync(executable, ["--version"], options);
    expect(asked.stdout).toMatch(/^Tare version \d+\.\d+\.\d+, build [0-9a-f]{12}\n$/);
    const listed = spawnSync(
      executable,
      ["--run-root", join(directory, "none"), "-H", "tcp://127.0.0.1:1", "ps"],
      options,
    );
    expect(listed.stdout + listed.stderr).not.toMatch(/EVIL|stranger/);
    expect(listed.status).toBe(1);
  });
});
