import { gzipSync } from "node:zlib";
import type { Command, CommandEntry, CommandTree } from "../command.ts";
import { type FlagTable, shownFlags } from "../flags/flag.ts";
import { globalFlags } from "../global-flags.ts";
import type { InstalledFile } from "./service-files.ts";

/** A page of the main binary and one of each command, in section 1 below `directory`, compressed. SPEC: man(7). */
export async function listManPages(
  commands: CommandTree,
  { directory, version }: { readonly directory: string; readonly version: string },
): Promise<readonly InstalledFile[]> {
  const entries = commands.entries.filter(({ isHidden }) => isHidden !== true);
  const pages = new Map([["tare", formatMainPage({ ...commands, entries }, version)]]);
  for (const entry of entries) {
    const [name = "", ...aliases] = entry.names.map(pageName);
    pages.set(name, formatCommandPage(entry, await entry.load(), version));
    for (const alias of aliases) pages.set(alias, `.so man1/${name}.1\n`);
  }
  return [...pages].map(([name, text]) => ({
    path: `${directory}/man1/${name}.1.gz`,
    content: gzipSync(text, { level: 9 }),
  }));
}

const pageName = (command: string): string => `tare-${command.replaceAll(" ", "-")}`;

/** Pure. */
export function formatCommandPage(entry: CommandEntry, command: Command<unknown>, version: string): string {
  const [name = "", ...aliases] = entry.names;
  return [
    ...formatHead(pageName(name), entry.summary, version),
    ".SH SYNOPSIS",
    `.B tare ${escape(name)}`,
    escape(command.usage),
    ".SH DESCRIPTION",
    escape(`${entry.summary}.`),
    ...(command.description === undefined ? [] : [".PP", escape(command.description)]),
    ...(aliases.length === 0
      ? []
      : [".PP", escape(`Other names: ${aliases.map((alias) => `tare ${alias}`).join(", ")}.`)]),
    ...formatOptions(command.flags),
    ...(command.examples === undefined
      ? []
      : [".SH EXAMPLES", ".nf", ...command.examples.map(escape), ".fi"]),
    ".SH SEE ALSO",
    ".BR tare (1)",
    "",
  ].join("\n");
}

function formatMainPage({ entries, groups }: CommandTree, version: string): string {
  return [
    ...formatHead("tare", "a container engine for Linux", version),
    ".SH SYNOPSIS",
    ".B tare",
    "[OPTIONS] COMMAND [ARG...]",
    ".SH DESCRIPTION",
    "Tare runs containers: isolated processes that start from an image. Commands talk to a daemon, which serves the Docker",
    "Engine API on a Unix socket. Access to the socket is root access to the machine.",
    ...formatOptions(globalFlags),
    ".SH COMMANDS",
    ...entries.flatMap(({ names, summary }) => formatItem(names[0] ?? "", summary)),
    ".SS Groups",
    ...Object.entries(groups).flatMap(([name, summary]) => formatItem(name, summary)),
    ".SH FILES",
    ...formatItem("/run/tare/tare.sock", "Socket of the daemon."),
    ...formatItem("/var/lib/tare", "Images, containers, volumes and state."),
    ...formatItem("/etc/default/tare", "Options of the daemon that the service starts."),
    ...formatItem("/etc/tare/registries.conf", "Mirrors, insecure and blocked registries."),
    ".SH SEE ALSO",
    entries.map(({ names }) => `.BR ${escape(pageName(names[0] ?? ""))} (1)`).join(",\n"),
    "",
  ].join("\n");
}

function formatHead(name: string, summary: string, version: string): readonly string[] {
  return [
    `.TH "${escape(name.toUpperCase())}" 1 "" "Tare ${escape(version)}" "User Commands"`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(summary)}`,
  ];
}

function formatOptions(table: FlagTable): readonly string[] {
  const shown = shownFlags(table);
  if (shown.length === 0) return [];
  return [
    ".SH OPTIONS",
    ...shown.flatMap(([name, { short, type, usage, initialText, laterUnless }]) => {
      const names = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].join(", ");
      const initial = initialText === undefined ? "" : ` (default ${initialText})`;
      const later = laterUnless === undefined ? "" : " (not supported yet)";
      return formatItem(`${names}${type === "" ? "" : ` ${type}`}`, `${usage}${initial}${later}`);
    }),
  ];
}

function formatItem(term: string, text: string): readonly string[] {
  return [".TP", `.B ${escape(term)}`, escape(text)];
}

/** Text as roff(7) prints it, a line at a time: `-` as the sign that is typed, no line that is taken for a request. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .split("\n")
    .map((line) => line.replace(/^[.']/, "\\&$&"))
    .join("\n");
}
