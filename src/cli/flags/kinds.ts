import { parseByteSize } from "../../base/byte-size.ts";
import { parseDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";
import type { Flag } from "./flag.ts";
import type { Subject } from "../subject.ts";

/** The properties of every kind of flag besides its usage. */
export interface Extras {
  readonly short?: string | undefined;
  readonly also?: readonly string[] | undefined;
  readonly words?: readonly string[] | undefined;
  readonly isFile?: boolean | undefined;
  readonly names?: Subject | undefined;
  readonly isHidden?: boolean | undefined;
  readonly type?: string | undefined;
}

const truths: Readonly<Record<string, boolean>> = {
  "1": true,
  t: true,
  T: true,
  true: true,
  TRUE: true,
  True: true,
  "0": false,
  f: false,
  F: false,
  false: false,
  FALSE: false,
  False: false,
};

/** A truth as Go reads it; undefined for anything else. */
export function parseTruth(text: string): boolean | undefined {
  return Object.hasOwn(truths, text) ? truths[text] : undefined;
}

// A command has up to 150 flags, all of which are made before it does anything: those without extras are one object
// each, and nothing else.
const none: Extras = {};

export function bool(
  usage: string,
  extras: Extras & { readonly initial?: boolean | undefined } = none,
): Flag<boolean> {
  const plain = { type: "", usage, initial: false, add: readTruth };
  if (extras === none) return plain;
  return {
    ...plain,
    ...extras,
    type: "",
    initial: extras.initial ?? false,
    initialText: extras.initial === true ? "true" : undefined,
  };
}

function readTruth(text: string): boolean {
  const value = parseTruth(text);
  if (value === undefined) throw invalidSyntax("ParseBool", text);
  return value;
}

/** `check` gives the value to keep, or throws. */
export function string(
  usage: string,
  extras: Extras & {
    readonly initial?: string | undefined;
    readonly check?: ((text: string) => string) | undefined;
  } = none,
): Flag<string> {
  if (extras === none) return { type: "string", usage, initial: "", add: asIs };
  const { initial = "", check = asIs, ...rest } = extras;
  return {
    ...rest,
    type: rest.type ?? "string",
    usage,
    initial,
    initialText: initial === "" ? undefined : `"${initial}"`,
    add: (text) => check(text),
  };
}

function asIs(text: string): string {
  return text;
}

/** Text that may be absent, which differs from empty (`--entrypoint ""`). */
export function optional(usage: string, extras: Extras = none): Flag<string | undefined> {
  const plain = { type: "string", usage, initial: undefined, add: asIs };
  return extras === none ? plain : { ...plain, ...extras, type: extras.type ?? plain.type };
}

/** Repeatable; `check` gives the value to keep, or throws. */
export function list(
  usage: string,
  extras: Extras & {
    readonly check?: ((text: string) => string) | undefined;
    readonly initialText?: string | undefined;
  } = none,
): Flag<readonly string[]> {
  if (extras === none) return { type: "list", usage, initial: noText, add: append };
  const { check = asIs, ...rest } = extras;
  return {
    ...rest,
    type: rest.type ?? "list",
    usage,
    initial: noText,
    add: (text, before) => [...before, check(text)],
  };
}

const noText: readonly string[] = [];

function append(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** Repeatable `name=value`. */
export function map(
  usage: string,
  extras: Extras & { readonly check?: ((text: string) => void) | undefined } = {},
): Flag<Readonly<Record<string, string>>> {
  const { check = (): void => {}, ...rest } = extras;
  return {
    ...rest,
    type: rest.type ?? "map",
    usage,
    initial: {},
    initialText: "map[]",
    add(text, before) {
      check(text);
      const at = text.indexOf("=");
      const [name, value] = at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
      return { ...before, [name]: value };
    },
  };
}

/** A whole number; absent unless given. */
export function int(
  usage: string,
  extras: Extras & { readonly initialText?: string | undefined } = none,
): Flag<number | undefined> {
  const plain = { type: "int", usage, initial: undefined, add: parseInteger };
  return extras === none ? plain : { ...plain, ...extras, type: extras.type ?? plain.type };
}

/** Bytes: `512m`; absent unless given. `unlimited` allows −1. */
export function bytes(
  usage: string,
  extras: Extras & { readonly unlimited?: boolean | undefined } = none,
): Flag<number | undefined> {
  if (extras === none) return { type: "bytes", usage, initial: undefined, add: readSize };
  const { unlimited = false, ...rest } = extras;
  return {
    ...rest,
    type: rest.type ?? "bytes",
    usage,
    initial: undefined,
    add: (text) => (unlimited && text === "-1" ? -1 : readSize(text)),
  };
}

function readSize(text: string): number {
  try {
    return parseByteSize(text);
  } catch {
    throw new Failure("invalid", `invalid size: '${text}'`);
  }
}

/** A Go duration in milliseconds. */
export function duration(usage: string, extras: Extras = {}): Flag<number | undefined> {
  return {
    ...extras,
    type: extras.type ?? "duration",
    usage,
    initial: undefined,
    initialText: "0s",
    add: (text) => parseDuration(text),
  };
}

/** A decimal number of processors, in billionths: `1.5` is 1,500,000,000. */
export function nanoCpus(usage: string, extras: Extras = {}): Flag<number | undefined> {
  return {
    ...extras,
    type: extras.type ?? "decimal",
    usage,
    initial: undefined,
    add(text) {
      const match = /^(\d+)(?:\.(\d*))?$|^\.(\d+)$/.exec(text);
      if (match === null) throw new Failure("invalid", `failed to parse ${text} as a rational number`);
      const fraction = match[2] ?? match[3] ?? "";
      if (/[1-9]/.test(fraction.slice(9))) throw new Failure("invalid", "value is too precise");
      const value = Number(match[1] ?? 0) * 1e9 + Number(fraction.slice(0, 9).padEnd(9, "0"));
      if (!Number.isSafeInteger(value)) throw new Failure("invalid", "value is too large");
      return value;
    },
  };
}

/** The same flag for something that comes later: it parses, and giving it is refused by name, but for `unless`. */
export function later<T>(flag: Flag<T>, ...unless: readonly string[]): Flag<T> {
  return { ...flag, laterUnless: unless };
}

/** A whole number as Go reads it: decimal, `0x`, `0o`, `0b`, with sign. */
export function parseInteger(text: string): number {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9]\d*)$/.exec(text);
  if (match === null) throw invalidSyntax("ParseInt", text);
  const digits = (match[2] ?? "").replace(/^0(?=\d)/, "0o");
  const value = Number(digits) * (match[1] === "-" ? -1 : 1);
  if (!Number.isSafeInteger(value)) {
    throw new Failure("invalid", `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

function invalidSyntax(call: string, text: string): Failure {
  return new Failure("invalid", `strconv.${call}: parsing ${JSON.stringify(text)}: invalid syntax`);
}
