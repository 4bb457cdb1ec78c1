import type { Command, CommandEntry, CommandTree } from "./command.ts";
import { type Flag, type FlagTable, shownFlags } from "./flags/flag.ts";
import { globalFlags } from "./global-flags.ts";

const minimumColumns = 80;

/** Help of the main binary. */
export function formatHelp({ entries, groups }: CommandTree, columns: number = minimumColumns): string {
  const single = entries.filter((entry) => entry.isHidden !== true && shortName(entry) !== undefined);
  const sections = [
    section("Common Commands", single.filter((entry) => entry.isCommon === true).map(asTop)),
    section("Management Commands", Object.entries(groups)),
    section(
      "Commands",
      single
        .filter((entry) => entry.isCommon !== true)
        .map(asTop)
        .sort(byName),
    ),
    `Global Options:\n${formatFlags(globalFlags, columns)}`,
  ];
  return [
    "",
    "Usage:  tare [OPTIONS] COMMAND",
    "",
    "A container engine for Linux",
    "",
    sections.join("\n"),
    "Run 'tare COMMAND --help' for more information on a command.",
    "",
  ].join("\n");
}

/** Help of a group: `container`, `image`. */
export function formatGroupHelp({ entries, groups }: CommandTree, group: string): string {
  const rows = entries
    .filter((entry) => entry.names[0]?.startsWith(`${group} `) === true)
    .map((entry): [string, string] => [entry.names[0]?.slice(group.length + 1) ?? "", entry.summary])
    .sort(byName);
  const own = group === "daemon" ? ["Usage:  tare daemon [OPTIONS]", ""] : [];
  return [
    "",
    ...(own.length > 0 ? own : []),
    `Usage:  tare ${group} COMMAND`,
    "",
    groups[group] ?? "",
    "",
    section("Commands", rows),
    `Run 'tare ${group} COMMAND --help' for more information on a command.`,
    "",
  ].join("\n");
}

/** Help of a command, whole. */
export function formatCommandHelp(
  entry: CommandEntry,
  name: string,
  command: Command<unknown>,
  columns: number = minimumColumns,
): string {
  const parts = [`\n${formatUsage(entry, name, command)}`];
  if (command.description !== undefined) parts.push(`${command.description}\n`);
  if (entry.names.length > 1) {
    parts.push(`Aliases:\n  ${entry.names.map((alias) => `tare ${alias}`).join(", ")}\n`);
  }
  if (command.examples !== undefined) {
    parts.push(`Examples:\n${command.examples.map((example) => `  ${example}\n`).join("")}`);
  }
  const flags = formatFlags(command.flags, columns);
  if (flags !== "") parts.push(`Options:\n${flags}`);
  return parts.join("\n");
}

/** The usage line and the summary. */
export function formatUsage(entry: CommandEntry, name: string, command: Command<unknown>): string {
  return `Usage:  tare ${`${name} ${command.usage}`.trim()}\n\n${entry.summary}\n`;
}

/** Two columns: flags and what they mean, wrapped at the terminal's width. */
export function formatFlags(table: FlagTable, columns: number): string {
  const shown = shownFlags(table);
  const left = shown.map(([name, flag]) => flagNames(name, flag));
  const indent = Math.max(0, ...left.map((text) => text.length)) + 3;
  const width = Math.max(24, Math.max(columns, minimumColumns) - indent);
  return shown
    .map(([, flag], index) => {
      const lines = wrap(flagMeaning(flag), width);
      return `${(left[index] ?? "").padEnd(indent)}${lines.join(`\n${" ".repeat(indent)}`)}\n`;
    })
    .join("");
}

function flagNames(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `  ${short}--${name}${flag.type === "" ? "" : ` ${flag.type}`}`;
}

function flagMeaning(flag: Flag<unknown>): string {
  const initial = flag.initialText === undefined ? "" : ` (default ${flag.initialText})`;
  return `${flag.usage}${initial}${flag.laterUnless !== undefined ? " (not supported yet)" : ""}`;
}

function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    const lines: string[] = [];
    let current = "";
    for (const word of line.split(/(?<=\S) (?=\S)/)) {
      if (current !== "" && current.length + 1 + word.length > width) {
        lines.push(current);
        current = word;
      } else current = current === "" ? word : `${current} ${word}`;
    }
    return [...lines, current];
  });
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length), 9) + 3;
  return `${title}:\n${rows.map(([name, summary]) => `  ${name.padEnd(width)}${summary}\n`).join("")}`;
}

/** The one-word name of a command, where it has one. */
function shortName(entry: CommandEntry): string | undefined {
  return entry.names.find((name) => !name.includes(" "));
}

function asTop(entry: CommandEntry): [string, string] {
  return [shortName(entry) ?? "", entry.summary];
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : 1;
}
