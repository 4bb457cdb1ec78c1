import { findDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";
import type { ImageHealthcheck } from "./config.ts";

const flagNames = ["interval", "timeout", "start-period", "start-interval", "retries"] as const;
type FlagName = (typeof flagNames)[number];
type Flags = Readonly<Partial<Record<FlagName, string>>>;
const minimumNs = 1_000_000;

/**
 * The text behind `HEALTHCHECK` of a Dockerfile: `NONE`, or flags and `CMD` with a command, which `readList` reads when
 * it is a JSON list. Throws "invalid" in dockerd's words. SPEC: Dockerfile reference, "HEALTHCHECK"
 */
export function parseHealthcheckChange(
  text: string,
  { readList }: { readonly readList: (text: string) => readonly string[] | undefined },
): ImageHealthcheck {
  const { words, rest } = splitFlags(text);
  const [, type = "", command = ""] = /^(\S*)\s*([^]*)$/.exec(rest) ?? [];
  const name = type.toUpperCase();
  if (name === "") throw refused("HEALTHCHECK requires at least one argument");
  if (name === "NONE") {
    if (command !== "") throw refused("HEALTHCHECK NONE takes no arguments");
    return { test: ["NONE"] };
  }
  const flags = readFlags(words);
  if (name !== "CMD") {
    throw refused(`Unknown type ${JSON.stringify(name.slice(0, 100))} in HEALTHCHECK (try CMD)`);
  }
  const list = readList(command);
  if (command === "" || list?.length === 0) throw refused("Missing command after HEALTHCHECK CMD");
  return {
    test: list === undefined ? ["CMD-SHELL", command] : ["CMD", ...list],
    intervalNs: readTime(flags, "interval"),
    timeoutNs: readTime(flags, "timeout"),
    startPeriodNs: readTime(flags, "start-period"),
    startIntervalNs: readTime(flags, "start-interval"),
    retries: readRetries(flags.retries ?? ""),
  };
}

/** The words that begin with `--`; `--` alone ends them. */
function splitFlags(text: string): { readonly words: readonly string[]; readonly rest: string } {
  const words: string[] = [];
  let rest = text.trim();
  while (rest.startsWith("--")) {
    const [whole, word = ""] = /^(\S+)\s*/.exec(rest) ?? [rest];
    rest = rest.slice(whole.length);
    if (word === "--") break;
    words.push(word);
  }
  return { words, rest };
}

function readFlags(words: readonly string[]): Flags {
  const flags: Partial<Record<FlagName, string>> = {};
  for (const word of words) {
    const [, name = "", value] = /^--([^=]*)(?:=([^]*))?$/.exec(word) ?? [];
    const known = flagNames.find((each) => each === name);
    if (known === undefined) throw refused(`unknown flag: ${name.slice(0, 100)}`);
    if (Object.hasOwn(flags, known)) throw refused(`duplicate flag specified: ${known}`);
    if (value === undefined) throw refused(`missing a value on flag: ${known}`);
    flags[known] = value;
  }
  return flags;
}

/** Nanoseconds; undefined for 0 and for nothing. */
function readTime(flags: Flags, name: FlagName): number | undefined {
  const text = flags[name] ?? "";
  if (text === "") return undefined;
  const ms = findDuration(text);
  if (ms === undefined) throw refused(describeWrongDuration(text.slice(0, 100)));
  const ns = Math.round(ms * 1e6);
  if (ns === 0) return undefined;
  if (ns < minimumNs) throw refused(`Interval "${name}" cannot be less than 1ms`);
  return ns;
}

/** The words of Go's time.ParseDuration(). */
function describeWrongDuration(text: string): string {
  const [, , unit] =
    /^[+-]?((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]*)/.exec(text) ?? [];
  if (unit === undefined) return `time: invalid duration ${JSON.stringify(text)}`;
  if (unit === "") return `time: missing unit in duration ${JSON.stringify(text)}`;
  return `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`;
}

function readRetries(text: string): number | undefined {
  if (text === "") return undefined;
  const shown = JSON.stringify(text.slice(0, 100));
  if (!/^[+-]?\d+$/.test(text)) throw refused(`strconv.ParseInt: parsing ${shown}: invalid syntax`);
  const count = Number(text);
  if (Math.abs(count) >= 2 ** 31) throw refused(`strconv.ParseInt: parsing ${shown}: value out of range`);
  if (count < 0) throw refused(`--retries cannot be negative (${count})`);
  return count === 0 ? undefined : count;
}

function refused(message: string): Failure {
  return new Failure("invalid", message);
}
