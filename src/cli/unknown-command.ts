import type { CommandTree } from "./command.ts";
import { didYouMean } from "./flags/suggest.ts";

const swarm =
  "belongs to Docker Swarm, which Tare does not have: it runs containers on one machine; use tare compose";

/** Docker's commands that Tare will not have, each with the reason. */
export const foreignCommands: Readonly<Record<string, string>> = {
  config: swarm,
  node: swarm,
  plugin:
    "manages plugins of dockerd, which Tare does not have: its drivers for volumes, networks and logs are built in",
  scout: "is a product of Docker for the analysis of images, which is no part of Tare",
  service: swarm,
  stack: swarm,
  swarm,
  trust: "signs images with Notary, which Docker has retired; Tare verifies each image by its digest",
};

/** The message for words that name no command, with the nearest one where there is one. Pure. */
export function formatUnknownCommand(commands: CommandTree, words: readonly string[]): string {
  const [first = "", second = ""] = words;
  const reason = Object.hasOwn(foreignCommands, first) ? foreignCommands[first] : undefined;
  if (reason !== undefined) return `tare: "${first}" ${reason}\n`;
  if (!Object.hasOwn(commands.groups, first)) {
    const hint = didYouMean(first, commandWords(commands));
    return `tare: unknown command: tare ${first}\n${hint === "" ? "" : `${hint}\n`}\nRun 'tare --help' for more information\n`;
  }
  const hint = didYouMean(second, commandWords(commands, first));
  return `tare: unknown command: tare ${first} ${second}\n${hint === "" ? "" : `${hint}\n`}\nUsage:  tare ${first} COMMAND\n\nRun 'tare ${first} --help' for more information\n`;
}

/** Words that can follow `tare`, or `tare GROUP`. Pure. */
export function commandWords({ entries, groups }: CommandTree, group?: string): readonly string[] {
  const names = entries.filter(({ isHidden }) => isHidden !== true).flatMap((entry) => entry.names);
  if (group === undefined) return [...names.filter((name) => !name.includes(" ")), ...Object.keys(groups)];
  return names.filter((name) => name.startsWith(`${group} `)).map((name) => name.slice(group.length + 1));
}
