import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { commands } from "../../../src/cli/commands.ts";
import type { FlagTable } from "../../../src/cli/flags/flag.ts";
import { parseFlags } from "../../../src/cli/flags/parse.ts";
import { globalFlags } from "../../../src/cli/global-flags.ts";
import { findCommand } from "../../../src/cli/tree.ts";

const repository = resolve(import.meta.dir, "../../..");
const guides = readdirSync(join(repository, "docs/guide")).map((name) => `docs/guide/${name}`);

/** Lines of code blocks that run `tare`, without prompts, comments and redirections. */
function examplesIn(document: string): readonly string[] {
  const text = readFileSync(join(repository, document), "utf8");
  const blocks = [...text.matchAll(/```\n([\s\S]*?)```/g)].map(([, block]) => block as string);
  return blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/^# /, "").replace(/ +(#|>|<|\||&&) .*$/, ""))
    .filter((line) => line.startsWith("tare "));
}

/** Words as a shell splits them; `$(…)` is one word. */
function split(line: string): readonly string[] {
  const words = [...line.matchAll(/(?:'[^']*'|"[^"]*"|\$\([^)]*\)|[^\s'"])+/g)].map(([word]) => word);
  return words.map((word) => word.replaceAll(/['"]/g, ""));
}

describe("the examples of the guides", () => {
  test("are found", () => {
    expect(guides.flatMap(examplesIn).length).toBeGreaterThan(60);
  });

  test.each(guides.flatMap((guide) => examplesIn(guide).map((line) => [guide, line] as const)))(
    "%s: %s",
    async (_guide, line) => {
      const { positional } = parseFlags(globalFlags as FlagTable, split(line).slice(1), {
        optionsEnd: "first",
      });
      if (positional.join(" ") === "daemon") return;
      const found = findCommand(commands, positional);
      if (found === undefined) throw new Error(`cannot find the command of "${line}"`);
      const command = await found.entry.load();
      const parsed = parseFlags(command.flags as FlagTable, positional.slice(found.length), {
        optionsEnd: command.optionsEnd ?? "dashes",
      });
      const [least, most] = command.takes;
      expect(parsed.positional.length).toBeGreaterThanOrEqual(least);
      expect(parsed.positional.length).toBeLessThanOrEqual(most);
    },
  );
});
