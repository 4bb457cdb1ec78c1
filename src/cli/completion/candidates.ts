import type { Command, CommandTree } from "../command.ts";
import { type Flag, type FlagTable, shownFlags } from "../flags/flag.ts";
import { globalFlags } from "../global-flags.ts";
import { findCommand } from "../tree.ts";
import type { Subject } from "../subject.ts";
import { findValues } from "./values.ts";

/** One word that can come next, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly meaning?: string | undefined;
}

/** Candidates for the next word: static words, and those that only the daemon or the disk can supply. */
export interface Candidates {
  readonly words: readonly Candidate[];
  readonly subject: Subject;
  /** What each name of the subject follows in the word: `--network=`, `network=`. */
  readonly prefix?: string | undefined;
}

const nothing: Candidates = { words: [], subject: "none" };

/** Returns candidates for the next word; the last word is incomplete. */
export async function findCandidates(commands: CommandTree, typed: readonly string[]): Promise<Candidates> {
  const current = typed.at(-1) ?? "";
  const globals = globalFlags as FlagTable;
  const before = typed.slice(0, -1);
  const start = firstWord(globals, before);
  if (start === before.length) {
    return (
      flagValue(globals, before, current) ??
      (current.startsWith("-") ? flagNames(globals) : commandNames(commands, ""))
    );
  }
  if (start > before.length) return flagValue(globals, before, current) ?? nothing;
  const words = before.slice(start);
  const found = findCommand(commands, words);
  if (found === undefined) return words.length === 1 ? commandNames(commands, `${words[0]} `) : nothing;
  return commandCandidates(commands, await found.entry.load(), {
    name: found.entry.names[0] ?? "",
    words: words.slice(found.length),
    current,
  });
}

function commandCandidates(
  commands: CommandTree,
  command: Command<unknown>,
  {
    name,
    words,
    current,
  }: { readonly name: string; readonly words: readonly string[]; readonly current: string },
): Candidates {
  const flags: FlagTable = { ...command.flags, help: helpFlag };
  const { optionsEnd = "dashes" } = command;
  const count = countPositional(flags, words, optionsEnd);
  const areOptionsOver =
    words.includes("--") || optionsEnd === "start" || (optionsEnd === "first" && count > 0);
  if (!areOptionsOver) {
    const value = flagValue(flags, words, current, name);
    if (value !== undefined) return value;
    if (current.startsWith("-")) return flagNames(flags);
  }
  const subjects = command.completes ?? [];
  const subject = subjects[Math.min(count, subjects.length - 1)] ?? "none";
  return subject === "command" ? commandNames(commands, "") : { words: [], subject };
}

const helpFlag: Flag<boolean> = { type: "", usage: "Print usage", initial: false, add: () => true };

/** The value of a flag that was begun: `--name ` or `--name=`; undefined when something else comes. */
function flagValue(
  flags: FlagTable,
  words: readonly string[],
  current: string,
  command = "",
): Candidates | undefined {
  const joined = /^--([^=]+)=/.exec(current);
  const previous = words.at(-1) ?? "";
  const flag = joined === null ? findTypedFlag(flags, previous) : findFlag(flags, joined[1] ?? "");
  if (flag === undefined || flag.type === "") return undefined;
  const prefix = joined?.[0] ?? "";
  const name = Object.keys(flags).find((each) => flags[each] === flag) ?? "";
  const more = findValues(command, name, current.slice(prefix.length));
  return {
    words: [...(flag.words ?? []), ...more.words].map((word) => ({ word: prefix + word })),
    subject: more.subject ?? (flag.isFile === true ? "file" : (flag.names ?? "none")),
    prefix: `${prefix}${more.prefix ?? ""}` || undefined,
  };
}

/** The flag that a word ends with, when its value must follow: `--name`, `-n`, `-itn`. */
function findTypedFlag(flags: FlagTable, word: string): Flag<unknown> | undefined {
  if (word.startsWith("--")) return word.includes("=") ? undefined : findFlag(flags, word.slice(2));
  if (!/^-[^-=]+$/.test(word)) return undefined;
  const letters = Array.from(word.slice(1));
  for (const [index, letter] of letters.entries()) {
    const flag = Object.values(flags).find(({ short }) => short === letter);
    if (flag === undefined || flag.type !== "") return index === letters.length - 1 ? flag : undefined;
  }
  return undefined;
}

function findFlag(flags: FlagTable, name: string): Flag<unknown> | undefined {
  if (Object.hasOwn(flags, name)) return flags[name];
  return Object.values(flags).find(({ also }) => also?.includes(name) === true);
}

function flagNames(flags: FlagTable): Candidates {
  const words = shownFlags(flags).map(([name, { usage }]) => ({
    word: `--${name}`,
    meaning: usage.split("\n")[0] ?? "",
  }));
  return { words, subject: "none" };
}

/** Commands of the tree below the prefix, which ends with a space; empty: those of one word, and the groups. */
function commandNames({ entries, groups }: CommandTree, prefix: string): Candidates {
  const words = entries
    .filter((entry) => entry.isHidden !== true)
    .flatMap(({ names, summary }) =>
      names.filter((name) => name.startsWith(prefix)).map((name) => ({ name, summary })),
    )
    .map(({ name, summary }) => ({ word: name.slice(prefix.length), meaning: summary }))
    .filter(({ word }) => !word.includes(" "));
  if (prefix !== "") return { words, subject: "none" };
  const names = Object.entries(groups).map(([word, meaning]) => ({ word, meaning }));
  return { words: [...words, ...names], subject: "none" };
}

/** Where the command begins; one past the end when a flag still waits for its value. */
function firstWord(flags: FlagTable, words: readonly string[]): number {
  let index = 0;
  while (words[index]?.startsWith("-") === true) index += takesNext(flags, words[index] ?? "") ? 2 : 1;
  return index;
}

function countPositional(
  flags: FlagTable,
  words: readonly string[],
  optionsEnd: NonNullable<Command<unknown>["optionsEnd"]>,
): number {
  if (optionsEnd === "start") return words.length;
  let count = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") return count + words.length - index - 1;
    if (!word.startsWith("-") || word === "-") {
      if (optionsEnd === "first") return words.length - index;
      count++;
    } else if (takesNext(flags, word)) index++;
  }
  return count;
}

function takesNext(flags: FlagTable, word: string): boolean {
  const flag = findTypedFlag(flags, word);
  return flag !== undefined && flag.type !== "";
}
