import type { CommandEntry, CommandTree } from "./command.ts";

/** The command that the words begin with, and how many of them name it. */
export function findCommand(
  { entries, groups }: Pick<CommandTree, "entries" | "groups">,
  words: readonly string[],
): { readonly entry: CommandEntry; readonly name: string; readonly length: number } | undefined {
  for (const length of [2, 1]) {
    if (words.length < length || (length === 2 && !Object.hasOwn(groups, words[0] ?? ""))) continue;
    const name = words.slice(0, length).join(" ");
    for (const entry of entries) if (entry.names.includes(name)) return { entry, name, length };
  }
  return undefined;
}
