import { findDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";
import type { CommandLine, FromInstruction, Heredoc, Instruction, Location } from "./dockerfile-types.ts";
import { cut, quote, trimSpace } from "./go-text.ts";
import { chompContent, findHeredoc } from "./heredocs.ts";
import { InstructionFlags } from "./instruction-flags.ts";
import { checkRunMount, parseRunDevice } from "./parse-mount.ts";
import { keywords, type SplitLine } from "./split-line.ts";
import { didYouMean } from "./suggest-name.ts";

/** One instruction as the reader of lines delivers it. */
export interface InstructionLines {
  readonly split: SplitLine;
  /** Its lines, joined, without the contents of here-documents. */
  readonly line: string;
  readonly heredocs: readonly Heredoc[];
  readonly comments: readonly string[];
  readonly location: Location;
}

/** What every instruction has. */
interface Base {
  readonly location: Location;
  readonly text: string;
  readonly written: string;
  readonly comments: readonly string[];
}

/**
 * Parses flags and words of one instruction. Throws Failure("invalid") in BuildKit's words, without a line number.
 * `parseTrigger` parses the text of an ONBUILD.
 */
export function parseInstruction(
  lines: InstructionLines,
  parseTrigger: (expression: string) => Instruction,
): Instruction | FromInstruction {
  const { split, location, comments } = lines;
  const base: Base = { location, text: trimSpace(lines.line), written: split.written, comments };
  const keyword = split.written.toLowerCase();
  switch (keyword) {
    case "from":
      return parseFrom(split, base);
    case "arg":
      return parseArg(split, base);
    case "env":
    case "label":
      return parsePairs(split, base, keyword);
    case "copy":
    case "add":
      return parseTransfer(lines, base, keyword);
    case "run":
      return parseRun(lines, base);
    case "cmd":
    case "entrypoint":
      checkFlags(split);
      return { ...base, keyword, command: commandLine(split.words, split, keyword === "entrypoint") };
    case "shell":
      return parseShell(split, base);
    case "healthcheck":
      return parseHealthcheck(split, base);
    case "user":
      return { ...base, keyword, user: oneWord(split, "USER") };
    case "workdir":
      return { ...base, keyword, path: oneWord(split, "WORKDIR") };
    case "maintainer":
      return { ...base, keyword, maintainer: oneWord(split, "MAINTAINER") };
    case "stopsignal":
      // BuildKit ignores flags here.
      return { ...base, keyword, signal: oneWord({ ...split, flags: [] }, "STOPSIGNAL") };
    case "expose":
      return { ...base, keyword, ports: someWords(split, "EXPOSE").toSorted(compare) };
    case "volume":
      return { ...base, keyword, paths: someWords(split, "VOLUME").map(volumePath) };
    case "onbuild":
      return parseOnbuild(lines, base, parseTrigger);
    default:
      throw invalid(`unknown instruction: ${split.written}${suggestKeyword(split.written)}`);
  }
}

function suggestKeyword(written: string): string {
  const suggestion = didYouMean(written.toUpperCase(), keywords);
  return written === written.toLowerCase()
    ? suggestion.replace(/mean (\w+)/, (_, name: string) => `mean ${name.toLowerCase()}`)
    : suggestion;
}

function parseFrom(split: SplitLine, base: Base): FromInstruction {
  const [image = "", as, writtenName] = split.words;
  let name: string | undefined;
  if (split.words.length === 3 && as?.toLowerCase() === "as" && writtenName !== undefined) {
    name = writtenName.toLowerCase();
    if (!/^[a-z][a-z0-9\-_.]*$/.test(name))
      throw invalid(
        `invalid name for build stage: ${quote(writtenName)}, name can't start with a number or contain symbols`,
      );
  } else if (split.words.length !== 1) throw invalid("FROM requires either one or three arguments");
  const flags = new InstructionFlags({ platform: "text" }, split.flags);
  return {
    ...base,
    keyword: "from",
    base: image,
    name,
    writtenName,
    writtenAs: as,
    platform: flags.text("platform"),
  };
}

function parseArg(split: SplitLine, base: Base): Instruction {
  // BuildKit ignores flags here.
  const args = someWords({ ...split, flags: [] }, "ARG").map((word) => {
    const [name, value] = cut(word, "=");
    if (name === "" && value !== undefined) throw invalid("ARG names can not be blank");
    return { name, value, comment: findDescription(base.comments, name) };
  });
  return { ...base, keyword: "arg", args };
}

/** The description of a name in the comments above its definition: `# NAME description`. */
export function findDescription(comments: readonly string[], name: string): string | undefined {
  if (name === "") return undefined;
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1);
}

function parsePairs(split: SplitLine, base: Base, keyword: "env" | "label"): Instruction {
  checkFlags(split);
  const upper = keyword.toUpperCase();
  if (split.pairs.length === 0) throw invalid(`${upper} requires at least one argument`);
  if (split.pairs.some(({ name }) => name === "")) throw invalid(`${upper} names can not be blank`);
  return { ...base, keyword, pairs: split.pairs };
}

const transferFlags = { chown: "text", chmod: "text", link: "boolean", exclude: "texts" } as const;
const copyFlags = { ...transferFlags, from: "text", parents: "boolean" } as const;
const addFlags = {
  ...transferFlags,
  "keep-git-dir": "boolean",
  checksum: "text",
  unpack: "boolean",
} as const;

function parseTransfer(lines: InstructionLines, base: Base, keyword: "copy" | "add"): Instruction {
  const { words, flags } = lines.split;
  const upper = keyword.toUpperCase();
  const target = words.at(-1);
  if (target === undefined || words.length < 2)
    throw invalid(
      `${upper} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  if (keyword === "copy") {
    const parsed = new InstructionFlags(copyFlags, flags);
    return {
      ...base,
      keyword,
      ...splitSources(lines, target, upper),
      from: parsed.text("from"),
      chown: parsed.text("chown"),
      chmod: parsed.text("chmod"),
      link: parsed.boolean("link") ?? false,
      exclude: parsed.texts("exclude"),
      parents: parsed.boolean("parents") ?? false,
    };
  }
  const parsed = new InstructionFlags(addFlags, flags);
  return {
    ...base,
    keyword,
    ...splitSources(lines, target, upper),
    chown: parsed.text("chown"),
    chmod: parsed.text("chmod"),
    link: parsed.boolean("link") ?? false,
    exclude: parsed.texts("exclude"),
    checksum: parsed.text("checksum"),
    unpack: parsed.boolean("unpack"),
    keepGitDir: parsed.boolean("keep-git-dir"),
  };
}

interface Sources {
  readonly sources: readonly string[];
  readonly heredocs: readonly Heredoc[];
  readonly target: string;
}

function splitSources({ split, heredocs }: InstructionLines, target: string, keyword: string): Sources {
  if (tryHeredoc(target) !== undefined) throw invalid(`${keyword} cannot accept a heredoc as a destination`);
  const contents = new Map(heredocs.map(({ name, content }) => [name, content]));
  const sources: string[] = [];
  const found: Heredoc[] = [];
  for (const word of split.words.slice(0, -1)) {
    const heredoc = tryHeredoc(word);
    if (heredoc === undefined) {
      sources.push(word);
      continue;
    }
    const content = contents.get(heredoc.name) ?? "";
    found.push({ ...heredoc, content: heredoc.chomp ? chompContent(content) : content });
  }
  return { sources, heredocs: found, target };
}

function tryHeredoc(word: string): ReturnType<typeof findHeredoc> {
  try {
    return findHeredoc(word);
  } catch {
    return undefined;
  }
}

const networks = ["default", "none", "host"] as const;
const securities = ["sandbox", "insecure"] as const;
const runFlags = { device: "texts", mount: "texts", network: "text", security: "text" } as const;

function parseRun({ split, heredocs }: InstructionLines, base: Base): Instruction {
  const flags = new InstructionFlags(runFlags, split.flags);
  const devices = flags.texts("device").map(parseRunDevice);
  const mounts = flags.texts("mount");
  for (const mount of mounts) checkRunMount(mount);
  const networkText = flags.text("network") ?? "default";
  const network = networks.find((known) => known === networkText);
  if (network === undefined) throw invalid(`invalid network mode ${quote(networkText)}`);
  const securityText = flags.text("security") ?? "sandbox";
  const security = securities.find((known) => known === securityText);
  if (security === undefined) throw invalid(`security ${quote(securityText)} is not valid`);
  const command = commandLine(split.words, split, false);
  return { ...base, keyword: "run", command, heredocs, mounts, network, security, devices };
}

/** The command line; undefined where there is none. */
function commandLine(
  words: readonly string[],
  { json }: SplitLine,
  emptyIsNone: boolean,
): CommandLine | undefined {
  if (json) return emptyIsNone && words.length === 0 ? undefined : { form: "exec", words };
  return words.length === 0 ? undefined : { form: "shell", line: words.join(" ") };
}

function parseShell(split: SplitLine, base: Base): Instruction {
  const words = someWords(split, "SHELL");
  if (!split.json) throw invalid("SHELL requires the arguments to be in JSON form");
  return { ...base, keyword: "shell", words };
}

const healthFlags = {
  interval: "text",
  timeout: "text",
  "start-period": "text",
  "start-interval": "text",
  retries: "text",
} as const;

function parseHealthcheck(split: SplitLine, base: Base): Instruction {
  const [written, ...words] = split.words;
  if (written === undefined) throw invalid("HEALTHCHECK requires at least one argument");
  const type = written.toUpperCase();
  const defaults = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
  if (type === "NONE") {
    if (words.length > 0) throw invalid("HEALTHCHECK NONE takes no arguments");
    return { ...base, keyword: "healthcheck", ...defaults };
  }
  const flags = new InstructionFlags(healthFlags, split.flags);
  if (type !== "CMD") throw invalid(`Unknown type ${quote(type)} in HEALTHCHECK (try CMD)`);
  const command = commandLine(words, split, true);
  if (command === undefined) throw invalid("Missing command after HEALTHCHECK CMD");
  return {
    ...base,
    keyword: "healthcheck",
    command,
    interval: parseInterval("interval", flags.text("interval")),
    timeout: parseInterval("timeout", flags.text("timeout")),
    startPeriod: parseInterval("start-period", flags.text("start-period")),
    startInterval: parseInterval("start-interval", flags.text("start-interval")),
    retries: parseRetries(flags.text("retries")),
  };
}

const longestDuration = 100;

function parseInterval(name: string, text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const ms = text.length > longestDuration ? undefined : findDuration(text);
  if (ms === undefined) throw invalid(describeDuration(text));
  if (ms !== 0 && ms < 1) throw invalid(`Interval ${quote(name)} cannot be less than 1ms`);
  return ms;
}

/** Why a text is no duration, in Go's words. */
function describeDuration(text: string): string {
  if (text.length > longestDuration) return `time: invalid duration ${quote(text)}`;
  if (/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return `time: missing unit in duration ${quote(text)}`;
  const unit = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]+)/.exec(
    text,
  )?.[1];
  return unit === undefined
    ? `time: invalid duration ${quote(text)}`
    : `time: unknown unit ${quote(unit)} in duration ${quote(text)}`;
}

function parseRetries(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`);
  const retries = Number(text);
  if (retries >= 2 ** 31 || retries < -(2 ** 31))
    throw invalid(`strconv.ParseInt: parsing ${quote(text)}: value out of range`);
  if (retries < 0) throw invalid(`--retries cannot be negative (${retries})`);
  return retries;
}

function parseOnbuild(
  { split, line, heredocs }: InstructionLines,
  base: Base,
  parseTrigger: (expression: string) => Instruction,
): Instruction {
  const [text] = someWords(split, "ONBUILD");
  const name = /^\S+/.exec(trimSpace(text ?? ""))?.[0].toUpperCase() ?? "";
  if (name === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === "MAINTAINER" || name === "FROM") throw invalid(`${name} isn't allowed as an ONBUILD trigger`);
  const contents = heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  const expression = line.replace(/^\s*ONBUILD\s*/i, "") + contents.join("");
  return { ...base, keyword: "onbuild", expression, trigger: tryTrigger(expression, parseTrigger) };
}

type Trigger = Extract<Instruction, { keyword: "onbuild" }>["trigger"];

function tryTrigger(expression: string, parseTrigger: (expression: string) => Instruction): Trigger {
  try {
    const trigger = parseTrigger(expression);
    return trigger.keyword === "onbuild" ? undefined : trigger;
  } catch {
    return undefined;
  }
}

function volumePath(word: string): string {
  const path = trimSpace(word);
  if (path === "") throw invalid("VOLUME specified can not be an empty string");
  return path;
}

function someWords(split: SplitLine, keyword: string): readonly string[] {
  if (split.words.length === 0) throw invalid(`${keyword} requires at least one argument`);
  checkFlags(split);
  return split.words;
}

function oneWord(split: SplitLine, keyword: string): string {
  const [word] = split.words;
  if (word === undefined) throw invalid(`${keyword} requires exactly one argument`);
  checkFlags(split);
  return word;
}

/** Refuses every flag. */
function checkFlags(split: SplitLine): void {
  const [flag] = split.flags;
  if (flag !== undefined) throw invalid(`unknown flag: ${cut(flag, "=")[0]}`);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
