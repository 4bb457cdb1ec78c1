import { parse, YAMLParseError } from "yaml";
import { Failure } from "../base/failure.ts";

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
