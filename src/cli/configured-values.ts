import { Failure, sentenceOf } from "../base/failure.ts";
import type { CliContext } from "./context.ts";
import type { FlagTable } from "./flags/flag.ts";
import type { Parsed } from "./flags/parse.ts";
import { readDockerConfig } from "./registry/config-file.ts";

/**
 * The values of the flags that the command line does not have, from Docker's client configuration: formats of lists, not
 * with `--quiet`, and detach keys. A configuration that cannot be read is a warning, as in Docker's client. Throws
 * "invalid" for a value that is no text.
 */
export function withConfiguredValues(
  flags: FlagTable,
  parsed: Parsed,
  { env, warn }: Pick<CliContext, "env"> & { readonly warn: (text: string) => void },
): Parsed {
  const wanted = Object.entries(flags).filter(
    ([name, flag]) => flag.configKey !== undefined && !parsed.given.has(name),
  );
  if (wanted.length === 0) return parsed;
  const isQuiet = parsed.values["quiet"] === true;
  const values: Record<string, unknown> = { ...parsed.values };
  try {
    const { path, document } = readDockerConfig(env);
    for (const [name, flag] of wanted) {
      const { configKey = "" } = flag;
      const text = document[configKey] ?? "";
      if (typeof text !== "string")
        throw new Failure("invalid", `cannot read ${path}: ${configKey} must be a text`);
      if (text !== "" && !(isQuiet && name === "format")) values[name] = flag.add(text, flag.initial);
    }
  } catch (thrown) {
    warn(`WARNING: ${sentenceOf(thrown)}\n`);
    return parsed;
  }
  return { ...parsed, values };
}
