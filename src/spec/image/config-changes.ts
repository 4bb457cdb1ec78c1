import { Failure } from "../../base/failure.ts";
import type { ImageDefaults } from "./config.ts";
import { parsePortRange, spellOutPorts } from "../port-range.ts";
import { type JsonNode, readJson } from "../json-reader.ts";
import { parseSignal } from "../signal.ts";
import { parseHealthcheckChange } from "./healthcheck-change.ts";

type Change = (defaults: ImageDefaults, text: string) => Partial<ImageDefaults>;

/**
 * Applies the Dockerfile instructions of `import --change` and `commit --change`, in order: CMD, ENTRYPOINT, ENV,
 * EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. Each change may be several lines, as dockerd takes all of
 * them for one Dockerfile. Throws "invalid" naming the instruction, in dockerd's words where it has some. SPEC:
 * Dockerfile reference; docker container commit, `--change`
 */
export function applyConfigChanges(defaults: ImageDefaults, changes: readonly string[]): ImageDefaults {
  let result = defaults;
  // As in a Dockerfile: a new entrypoint makes the arguments of the old one senseless, but not a command that came with
  // it.
  let command: readonly string[] = [];
  for (const change of changes.flatMap(splitInstructions)) {
    const [, word = "", text = ""] = /^\s*(\S*)(?:\s+([^]*?))?\s*$/.exec(change) ?? [];
    if (word === "" || word.startsWith("#")) throw refused("file with no instructions");
    const name = word.toUpperCase();
    const apply = Object.hasOwn(instructions, name) ? instructions[name] : undefined;
    if (apply === undefined) throw refused(`${word} is not a valid change command`);
    if (name !== "HEALTHCHECK") requireArguments(name, text);
    const changed = apply(result, text);
    if (name === "CMD") command = changed.cmd ?? [];
    result = Object.freeze({ ...result, ...changed, ...(name === "ENTRYPOINT" ? { cmd: command } : {}) });
  }
  return result;
}

const instructions: Readonly<Record<string, Change>> = {
  CMD: (defaults, text) => ({ cmd: commandOf(text, defaults) }),
  ENTRYPOINT: (defaults, text) => ({ entrypoint: commandOf(text, defaults) }),
  ENV: (defaults, text) => {
    const env = new Map(defaults.env.map((entry) => [nameOf(entry), entry]));
    for (const [name, value] of pairsOf(text, { name: "ENV", env: defaults.env }))
      env.set(name, `${name}=${value}`);
    return { env: [...env.values()] };
  },
  EXPOSE: (defaults, text) => {
    const ports = splitWords(text, defaults.env).map((port) => (port.includes("/") ? port : `${port}/tcp`));
    for (const port of ports) {
      if (parsePortRange(port) !== undefined) continue;
      const [number = "", protocol = ""] = port.split("/");
      const isKnown = /^(?:tcp|udp|sctp)$/i.test(protocol);
      throw refused(isKnown ? `Invalid containerPort: ${number}` : `Invalid proto: ${protocol}`);
    }
    return { exposedPorts: union(defaults.exposedPorts, ports.flatMap(spellOutPorts)) };
  },
  HEALTHCHECK: (_, text) => ({ healthcheck: parseHealthcheckChange(text, { readList: findStrings }) }),
  LABEL: (defaults, text) => ({
    labels: Object.freeze(
      Object.fromEntries([
        ...Object.entries(defaults.labels),
        ...pairsOf(text, { name: "LABEL", env: defaults.env }),
      ]),
    ),
  }),
  ONBUILD: (defaults, text) => ({ onBuild: [...defaults.onBuild, text] }),
  STOPSIGNAL: (defaults, text) => {
    const stopSignal = wordsOf(text, defaults.env);
    parseSignal(stopSignal);
    return { stopSignal };
  },
  USER: (defaults, text) => ({ user: wordsOf(text, defaults.env) }),
  VOLUME: (defaults, text) => {
    const paths = findStrings(text) ?? splitWords(text, defaults.env);
    if (paths.some((path) => path.trim() === ""))
      throw refused("VOLUME specified can not be an empty string");
    return { volumes: union(defaults.volumes, paths) };
  },
  WORKDIR: (defaults, text) => {
    const path = wordsOf(text, defaults.env);
    return {
      workingDirectory: path.startsWith("/")
        ? path
        : `${defaults.workingDirectory.replace(/\/$/, "")}/${path}`,
    };
  },
};

const exactlyOne: ReadonlySet<string> = new Set(["STOPSIGNAL", "USER", "WORKDIR"]);

/** Refuses what dockerd's parser of Dockerfiles refuses, in its words. */
function requireArguments(name: string, text: string): void {
  const flag = /^--([^\s=]*)/.exec(text)?.[1];
  if (flag !== undefined && flag !== "") throw refused(`unknown flag: ${flag}`);
  if (text === "" && exactlyOne.has(name)) throw refused(`${name} requires exactly one argument`);
  const isEmptyList = name === "VOLUME" && findStrings(text)?.length === 0;
  // Without arguments, CMD and ENTRYPOINT remove what the image has.
  if ((text === "" && name !== "CMD" && name !== "ENTRYPOINT") || isEmptyList)
    throw refused(`${name} requires at least one argument`);
  if ((name === "ENV" || name === "LABEL") && /^[^\s=]+$/.test(text))
    throw refused(`${name} must have two arguments`);
  const trigger = name === "ONBUILD" ? (/^\S+/.exec(text)?.[0].toUpperCase() ?? "") : "";
  if (trigger === "ONBUILD") throw refused("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "FROM" || trigger === "MAINTAINER")
    throw refused(`${trigger} isn't allowed as an ONBUILD trigger`);
}

/**
 * The instructions of a Dockerfile's text: a backslash at the end of a line joins the next one, comments and empty
 * lines are left out, also between joined lines. A text without any is given as it is, to be refused. SPEC: Dockerfile
 * reference
 */
function splitInstructions(text: string): readonly string[] {
  const instructions: string[] = [];
  let open = "";
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "" || /^\s*#/.test(line)) continue;
    const [, begin] = /^([^]*)\\[ \t]*$/.exec(line) ?? [];
    open += begin ?? line;
    if (begin !== undefined) continue;
    instructions.push(open);
    open = "";
  }
  if (open !== "") instructions.push(open);
  return instructions.length === 0 ? [text] : instructions;
}

/** The exec form as it is, the shell form in a shell. */
function commandOf(text: string, { shell = ["/bin/sh", "-c"] }: ImageDefaults): readonly string[] {
  return findStrings(text) ?? (text === "" ? [] : [...shell, text]);
}

/**
 * A JSON list of strings, or undefined: as in a Dockerfile, anything else is plain text. A list of other values is
 * refused.
 */
function findStrings(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let items: readonly JsonNode[];
  try {
    items = readJson(new TextEncoder().encode(text), { what: "the list" }).list((node) => node);
  } catch {
    return undefined;
  }
  try {
    return items.map((node) => node.text());
  } catch {
    throw refused("when using JSON array syntax, arrays must be comprised of strings only");
  }
}

/** `a=b c="d e"`, or in the old form one `a b c` with the value `b c`. */
function pairsOf(
  text: string,
  { name: instruction, env }: { readonly name: string; readonly env: readonly string[] },
): readonly (readonly [name: string, value: string])[] {
  const words = splitWords(text, env);
  if (words[0]?.includes("=") !== true) {
    const old = /^(\S+)\s+([^]+)$/.exec(text);
    if (old === null) throw refused(`${instruction} must have two arguments`);
    return [[old[1] ?? "", splitWords(old[2] ?? "", env).join(" ")]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals < 0)
      throw refused(`Syntax error - can't find = in "${word}". Must be of the form: name=value`);
    if (equals === 0) throw refused(`${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The one argument of an instruction; blanks do not end it. */
function wordsOf(text: string, env: readonly string[]): string {
  return splitWords(text, env).join(" ");
}

const variable = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/;

/** Words at blanks, with quotes, backslashes and `$NAME`, `${NAME}` as a Dockerfile has them. */
function splitWords(text: string, env: readonly string[]): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  let quotedAt = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    const name = character === "$" && quote !== "'" ? variable.exec(text.slice(at)) : null;
    if (name !== null) {
      const wanted = name[1] ?? name[2];
      word =
        (word ?? "") +
        (env.find((entry) => nameOf(entry) === wanted)?.slice((wanted?.length ?? 0) + 1) ?? "");
      at += name[0].length - 1;
    } else if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      at++;
      const keepsBackslash = quote === '"' && !/["\\$]/.test(text[at] ?? "");
      word = `${word ?? ""}${keepsBackslash ? "\\" : ""}${text[at]}`;
    } else if (quote === "" ? character === '"' || character === "'" : character === quote) {
      quote = quote === "" ? character : "";
      quotedAt = at;
      word ??= "";
    } else if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== "") {
    const kind = quote === "'" ? "single" : "double";
    throw refused(
      `failed to process ${JSON.stringify(text.slice(quotedAt))}: unexpected end of statement while looking for matching ${kind}-quote`,
    );
  }
  if (word !== undefined) words.push(word);
  return words;
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])];
}

function refused(message: string): Failure {
  return new Failure("invalid", message);
}
