import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { create } from "../../src/cli/container/create.ts";
import { exec } from "../../src/cli/container/exec.ts";
import { run } from "../../src/cli/container/run.ts";
import { update } from "../../src/cli/container/update.ts";
import { commands } from "../../src/cli/commands.ts";
import { findCommand } from "../../src/cli/tree.ts";
import type { FlagTable } from "../../src/cli/flags/flag.ts";
import { findDockerCli } from "../support/docker-cli.ts";

const docker = findDockerCli();

/** Of each flag in the help of Docker's client: its long name, its letter and the word for its value. */
function flagsInHelp(command: string): readonly (readonly [name: string, letter: string, type: string])[] {
  const { stdout } = spawnSync(docker ?? "", [...command.split(" "), "--help"], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin" },
  });
  return [...stdout.matchAll(/^ {2}(?:-(\w), |    )--([a-z0-9-]+)(?: (\S+))? {2,}/gm)].map(
    ([, letter = "", name = "", type = ""]) => [name, letter, type],
  );
}

describe.skipIf(docker === undefined)("flags in the help of docker-cli", () => {
  test.each<[string, FlagTable, number]>([
    ["run", run.flags as FlagTable, 90],
    ["create", create.flags as FlagTable, 85],
    ["exec", exec.flags as FlagTable, 9],
    ["update", update.flags as FlagTable, 14],
  ])("%s has them all, with their letters and kinds of value", (command, table, least) => {
    const theirs = flagsInHelp(command).filter(([name]) => name !== "help");
    expect(theirs.length).toBeGreaterThanOrEqual(least); // the help was understood
    expect(ours(table, theirs)).toEqual([...theirs]);
  });

  test.each<string>(
    (
      "pull,push,save,load,rmi,images,history,import,image prune,image inspect,search,login,commit,export," +
      "manifest create,manifest annotate,manifest inspect,manifest push,system df"
    ).split(","),
  )("%s has them all", async (command) => {
    const theirs = flagsInHelp(command).filter(([name]) => name !== "help");
    expect(theirs.length).toBeGreaterThanOrEqual(1);
    const found = findCommand(commands, command.split(" "));
    const table = ((await found?.entry.load())?.flags ?? {}) as FlagTable;
    expect(ours(table, theirs)).toEqual([...theirs]);
  });
});

function ours(table: FlagTable, theirs: ReturnType<typeof flagsInHelp>): ReturnType<typeof flagsInHelp> {
  return theirs.map(([name]) => {
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    return [name, flag?.short ?? "", flag?.type ?? "none"] as const;
  });
}
