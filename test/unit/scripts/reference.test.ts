import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatCommands, formatDocker, formatRoutes } from "../../../scripts/reference.mjs";

const page = (name: string): string =>
  readFileSync(resolve(import.meta.dir, "../../../docs/reference", name), "utf8");

// Where one of these fails: `npm run docs:reference`, and commit the page.
test("docs/reference/commands.md is what the tables of the command line give", async () => {
  expect(page("commands.md")).toBe(await formatCommands());
});

test("docs/reference/api.md is what the table of routes gives", () => {
  expect(page("api.md")).toBe(formatRoutes());
  expect(page("docker-api.md")).toBe(formatDocker());
});

test("formatCommands() shows each command with its flags, and no hidden one", async () => {
  const text = await formatCommands();
  expect(text).toContain("\n## tare container run\n");
  expect(text).toContain("| `-d`, `--detach` |");
  expect(text).not.toContain("__complete");
});
