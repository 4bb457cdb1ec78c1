import type { Filters } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { Flag } from "./flag.ts";

const formatUsage = `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template`;

const objectFormatUsage = `Format output using a custom template:
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template`;

/** `--format` of lists. */
export const listFormat: Flag<string> = formatFlag(formatUsage, ["table", "json"]);

/** `--format` of what is one object, with its short form. */
export const objectFormat: Flag<string> = { ...formatFlag(objectFormatUsage, ["json"]), short: "f" };

/** `--format` of one object where `-f` means something else. */
export const longObjectFormat: Flag<string> = formatFlag(objectFormatUsage, ["json"]);

/** `--filter name=value`, repeatable. */
export const filterFlag: Flag<Filters> = {
  short: "f",
  type: "filter",
  usage: "Filter output based on conditions provided",
  initial: {},
  add(text, before) {
    const at = text.indexOf("=");
    if (at === -1) throw new Failure("invalid", "bad format of filter (expected name=value)");
    const name = text.slice(0, at).trim().toLowerCase();
    return {
      ...before,
      [name]: [...(Object.hasOwn(before, name) ? (before[name] ?? []) : []), text.slice(at + 1).trim()],
    };
  },
};

/** `--filter` of the prune commands, where `-f` means something else. */
export function pruneFilterFlag(example: string): Flag<Filters> {
  const { short: _, ...flag } = filterFlag;
  return { ...flag, usage: `Provide filter values (e.g. "${example}")` };
}

function formatFlag(usage: string, words: readonly string[]): Flag<string> {
  return { type: "string", usage, words, initial: "", add: (text) => text };
}
