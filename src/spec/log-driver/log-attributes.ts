import { sentenceOf } from "../../base/failure.ts";
import { evaluateTemplate } from "../template/evaluate.ts";
import { templateFunctions } from "../template/functions.ts";
import { parseTemplate } from "../template/parse.ts";
import { type LogOptions, quoted, refusedOption } from "./option-values.ts";

/** What the log drivers know about a container. */
export interface LoggedContainer {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  /** Path of the first process, and its arguments. */
  readonly command: readonly string[];
  readonly imageId: string;
  readonly imageName: string;
  /** RFC 3339. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value`. */
  readonly env: readonly string[];
}

/** The name of the engine in tags. */
const daemonName = "tare";
/** Of the `tag` option. */
export const defaultTag = "{{.ID}}";

/** Checks the template and the patterns. Throws "invalid". */
export function checkLogPatterns(options: LogOptions): void {
  for (const name of ["labels-regex", "env-regex"]) patternOf(options, name);
  const tag = options.get("tag") ?? "";
  if (tag !== "") parseTag(tag);
}

/**
 * The `tag` of the container's messages. A template that does not fit gives an error only now: throws "invalid" in
 * dockerd's words.
 */
export function renderLogTag(text: string, container: LoggedContainer): string {
  try {
    return evaluateTemplate(parseTag(text), templateData(container), {
      functions: templateFunctions,
      missing: "error",
    });
  } catch (thrown) {
    throw refusedOption(`failed to initialize logging driver: ${sentenceOf(thrown)}`);
  }
}

function parseTag(text: string) {
  return parseTemplate(text, (name) => Object.hasOwn(templateFunctions, name));
}

/** SPEC: the fields and methods of dockerd's logger.Info. */
function templateData(container: LoggedContainer): Readonly<Record<string, unknown>> {
  const [entrypoint = "", ...args] = container.command;
  return {
    ID: container.id.slice(0, 12),
    FullID: container.id,
    Name: container.name,
    ImageID: container.imageId.slice(0, 12),
    ImageFullID: container.imageId,
    ImageName: container.imageName,
    DaemonName: daemonName,
    Command: container.command.join(" "),
    ContainerID: container.id,
    ContainerName: `/${container.name}`,
    ContainerEntrypoint: entrypoint,
    ContainerArgs: args,
    ContainerImageID: container.imageId,
    ContainerImageName: container.imageName,
    ContainerCreated: container.created,
    ContainerEnv: container.env,
    ContainerLabels: container.labels,
  };
}

/**
 * The labels and variables that `labels`, `labels-regex`, `env` and `env-regex` select, and `tag` under that name where
 * `withTag`. A later one replaces an earlier one of the same name.
 */
export function selectLogAttributes(
  options: LogOptions,
  { labels, env }: Pick<LoggedContainer, "labels" | "env">,
): ReadonlyMap<string, string> {
  const variables = new Map(
    env.flatMap((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)] as const];
    }),
  );
  return new Map([
    ...select(new Map(Object.entries(labels)), options, "labels"),
    ...select(variables, options, "env"),
  ]);
}

function* select(
  all: ReadonlyMap<string, string>,
  options: LogOptions,
  kind: "labels" | "env",
): Iterable<readonly [string, string]> {
  for (const name of (options.get(kind) ?? "").split(",")) {
    const value = all.get(name);
    if (value !== undefined) yield [name, value];
  }
  const pattern = patternOf(options, `${kind}-regex`);
  if (pattern === undefined) return;
  for (const entry of all) if (pattern.test(entry[0])) yield entry;
}

function patternOf(options: LogOptions, name: string): RegExp | undefined {
  const text = options.get(name) ?? "";
  if (text === "") return undefined;
  try {
    return new RegExp(text, "u");
  } catch {
    throw refusedOption(`invalid value for ${name}: error parsing regexp: "${quoted(text)}"`);
  }
}
