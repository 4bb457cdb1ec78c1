import { isRecord } from "../base/is-record.ts";
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

/** Names that belong to the connection: as in Docker's client, no configuration changes them. */
const reserved = new Set([
  "connection",
  "content-length",
  "host",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

/**
 * `HttpHeaders` of Docker's client configuration; undefined when it has none, or cannot be read. Throws "invalid" for a
 * name or value that is none. SPEC: RFC 9110 section 5
 */
export function configuredHeaders(env: CliContext["env"]): Readonly<Record<string, string>> | undefined {
  let config: ReturnType<typeof readDockerConfig>;
  try {
    config = readDockerConfig(env);
  } catch {
    return undefined; // the formats and the credentials of commands report it
  }
  const { HttpHeaders: given } = config.document;
  if (given === undefined) return undefined;
  const refused = (detail: string): Failure =>
    new Failure("invalid", `cannot read ${config.path}: HttpHeaders ${detail}`);
  if (!isRecord(given)) throw refused("must be an object of texts");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
      throw refused(`has the name ${JSON.stringify(name)}, which no header has`);
    if (typeof value !== "string" || /[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw refused(`has no text for ${name}`);
    if (!reserved.has(name.toLowerCase())) headers[name] = value;
  }
  return headers;
}
