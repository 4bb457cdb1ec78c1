import { alignColumns } from "./table-writer.ts";
import { compileTemplate } from "./template.ts";
import { formatJson } from "../../spec/template/values.ts";

/** One row for a template: texts by name; functions are methods with arguments, left out of JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** How a list is shown: which columns, under which headings. */
export interface Listing {
  /** The name of a row in errors. */
  readonly rowName: string;
  /** Heading of each name a template can use. */
  readonly headings: Readonly<Record<string, string>>;
  /** The template of the table that is shown when no format is asked for, without the word `table`. */
  readonly table: string;
  /** The template for `--quiet`. */
  readonly quiet?: string | undefined;
}

/**
 * A list in the format that was asked for: `table`, `table TEMPLATE`, `json`, `TEMPLATE`, or nothing for the
 * listing's own. With `isQuiet` only what identifies the rows. Throws Failure("invalid") for a wrong template.
 */
export function formatRows(
  rows: readonly Row[],
  listing: Listing,
  {
    format = "",
    isQuiet = false,
  }: { readonly format?: string | undefined; readonly isQuiet?: boolean | undefined } = {},
): string {
  if (isQuiet && listing.quiet !== undefined) return formatPlain(rows, listing, listing.quiet);
  if (format === "json") return rows.map((row) => `${formatRowJson(row)}\n`).join("");
  if (format === "" || format === "table") return formatTable(rows, listing, listing.table);
  if (format.startsWith("table "))
    return formatTable(rows, listing, unescapeFormat(format.slice("table ".length)));
  return formatPlain(rows, listing, unescapeFormat(format));
}

function formatPlain(rows: readonly Row[], { rowName }: Listing, text: string): string {
  const template = compileTemplate(text);
  return rows.map((row) => `${template.render(row, { rowName })}\n`).join("");
}

function formatTable(rows: readonly Row[], { rowName, headings }: Listing, text: string): string {
  const template = compileTemplate(text);
  const heading = template.renderHeading({ ...headings, Label: (name: string) => labelHeading(name) });
  const lines = rows.map((row) => template.render(row, { rowName }));
  return alignColumns(`${[heading, ...lines].join("\n")}\n`);
}

/** `\t` and `\n` may be written as two characters in a shell's quotes. */
function unescapeFormat(format: string): string {
  return format.trim().replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

/** The last part of the label's name, as Docker heads it. */
function labelHeading(name: string): string {
  return (name.split(".").at(-1) ?? "").replace(/[-_]/g, " ");
}

/** One row as JSON, names sorted, safe within HTML as Docker's is. */
export function formatRowJson(row: Row): string {
  const sorted = Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));
  return formatJson(sorted).replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
