import type { Command } from "./command.ts";

/** A command's place in the tree; the rest of it is loaded when it is used. */
export interface CommandEntry {
  /** How it is called, as Docker lists the aliases; the first is its place in the tree. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Shown first, among the common commands. */
  readonly isCommon?: boolean;
  readonly isHidden?: boolean;
  /** The words behind its name, where they are known: for a usual use of them there may be less of it to load. */
  load(words?: readonly string[]): Promise<Command<unknown>>;
}

/** All commands; given to those that tell of others, which so need not know them. */
export interface CommandTree {
  readonly entries: readonly CommandEntry[];
  /** What help says of each group. */
  readonly groups: Readonly<Record<string, string>>;
  /** First words of commands that are known but not there yet; within a group too. */
  readonly later: ReadonlySet<string>;
}

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
