import { parse, parseAllDocuments, stringify, YAMLParseError } from "yaml";
import { Failure, sentenceOf } from "../base/failure.ts";

/**
 * The value of one YAML document, in the dialect of 1.1, which Go's programs write. Throws Failure("invalid") with line
 * and column. Aliases cannot make a short text long. Loaded only where a YAML file is.
 */
export function parseYaml(text: string): unknown {
  try {
    const value: unknown = parse(text, { version: "1.1", maxAliasCount: 100, logLevel: "error" });
    return value;
  } catch (cause) {
    const [first = ""] = cause instanceof Error ? cause.message.split("\n") : [];
    const what = cause instanceof YAMLParseError ? first.replace(/:$/, "") : first;
    throw new Failure("invalid", `it is no YAML: ${what.slice(0, 200)}`, { cause });
  }
}

/** The values of all documents of a text, as parseYaml() gives one; empty documents are left out. */
export function parseYamlDocuments(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text, { version: "1.1", logLevel: "error" });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) {
      const [first = ""] = error.message.split("\n");
      throw new Failure("invalid", `it is no YAML: ${first.replace(/:$/, "").slice(0, 200)}`, {
        cause: error,
      });
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      return value === null || value === undefined ? [] : [value];
    } catch (cause) {
      throw new Failure("invalid", `it is no YAML: ${sentenceOf(cause)}`, { cause });
    }
  });
}

/** Documents as text, in their order. Members that are undefined are left out. */
export function formatYamlDocuments(documents: readonly object[]): string {
  return documents.map((each) => stringify(each, { version: "1.1", lineWidth: 0 })).join("---\n");
}
