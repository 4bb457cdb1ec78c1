import { Failure } from "../../base/failure.ts";
import { compare, equals } from "./compare.ts";
import { printf } from "./printf.ts";
import { formatInner, formatJson, isList, isMap, isTrue, typeName } from "./values.ts";

/** A function of templates. `takes` is the least and greatest number of arguments. */
export interface TemplateFunction {
  readonly takes: readonly [least: number, most: number];
  /** Throws a Failure with what is wrong, without the place. */
  call(values: readonly unknown[]): unknown;
}

const any = Number.POSITIVE_INFINITY;

/** Go's own functions and Docker's. `and` and `or` are listed here, but evaluated where they stand. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  and: { takes: [1, any], call: (values) => values.find((value) => !isTrue(value)) ?? values.at(-1) },
  or: { takes: [1, any], call: (values) => values.find(isTrue) ?? values.at(-1) },
  not: { takes: [1, 1], call: ([value]) => !isTrue(value) },
  eq: { takes: [2, any], call: ([first, ...others]) => others.some((other) => equals(first, other)) },
  ne: { takes: [2, 2], call: ([first, second]) => !equals(first, second) },
  lt: { takes: [2, 2], call: ([first, second]) => compare(first, second) < 0 },
  le: { takes: [2, 2], call: ([first, second]) => compare(first, second) <= 0 },
  gt: { takes: [2, 2], call: ([first, second]) => compare(first, second) > 0 },
  ge: { takes: [2, 2], call: ([first, second]) => compare(first, second) >= 0 },
  index: { takes: [1, any], call: ([value, ...keys]) => keys.reduce(indexOne, value) },
  slice: { takes: [1, 4], call: ([value, ...bounds]) => sliceOf(value, bounds) },
  len: { takes: [1, 1], call: ([value]) => lengthOf(value) },
  print: { takes: [0, any], call: print },
  println: { takes: [0, any], call: (values) => `${values.map(formatInner).join(" ")}\n` },
  printf: { takes: [1, any], call: ([format, ...values]) => printf(text(format), values) },
  html: { takes: [0, any], call: (values) => escapeHtml(print(values)) },
  js: { takes: [0, any], call: (values) => escapeJs(print(values)) },
  urlquery: { takes: [0, any], call: (values) => escapeQuery(print(values)) },
  json: { takes: [1, 1], call: ([value]) => formatJson(value) },
  join: { takes: [2, 2], call: ([list, separator]) => listOf(list).map(formatInner).join(text(separator)) },
  split: { takes: [2, 2], call: ([value, separator]) => text(value).split(text(separator)) },
  lower: { takes: [1, 1], call: ([value]) => text(value).toLowerCase() },
  upper: { takes: [1, 1], call: ([value]) => text(value).toUpperCase() },
  title: {
    takes: [1, 1],
    call: ([value]) => text(value).replace(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase()),
  },
  pad: { takes: [3, 3], call: ([value, before, after]) => pad(text(value), whole(before), whole(after)) },
  truncate: { takes: [2, 2], call: ([value, length]) => truncate(text(value), whole(length)) },
};

/** For the heading of a table: what changes a value leaves the heading as it is. */
export const headingFunctions: Readonly<Record<string, TemplateFunction>> = {
  ...templateFunctions,
  json: same(1),
  lower: same(1),
  upper: same(1),
  title: same(1),
  truncate: same(2),
};

function same(count: number): TemplateFunction {
  return { takes: [count, count], call: ([value]) => value };
}

function wrongType(value: unknown, wanted: string): Failure {
  return new Failure("invalid", `wrong type for value; expected ${wanted}; got ${typeName(value)}`);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw wrongType(value, "string");
  return value;
}

function whole(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongType(value, "int");
  return value;
}

function listOf(value: unknown): readonly unknown[] {
  if (!isList(value)) throw wrongType(value, "[]string");
  return value;
}

/** As Go's Sprint: adds a space only between two operands of which neither is a string. */
function print(values: readonly unknown[]): string {
  return values
    .map((value, index) => {
      const isSpaced = index > 0 && typeof value !== "string" && typeof values[index - 1] !== "string";
      return (isSpaced ? " " : "") + formatInner(value);
    })
    .join("");
}

function indexOne(value: unknown, key: unknown): unknown {
  if (isMap(value)) {
    if (typeof key !== "string")
      throw new Failure("invalid", `value has type ${typeName(key)}; should be string`);
    const found = Object.hasOwn(value, key) ? value[key] : undefined;
    return typeof found === "function" ? undefined : found;
  }
  if (value === undefined || value === null) throw new Failure("invalid", "index of untyped nil");
  if (typeof value !== "string" && !isList(value)) {
    throw new Failure("invalid", `can't index item of type ${typeName(value)}`);
  }
  const items = typeof value === "string" ? Buffer.from(value) : value;
  const at = bound(key, items.length - 1);
  return items[at];
}

function bound(key: unknown, most: number): number {
  if (typeof key !== "number" || !Number.isInteger(key)) {
    throw new Failure("invalid", `cannot index slice/array with type ${typeName(key)}`);
  }
  if (key < 0 || key > most) throw new Failure("invalid", `index out of range: ${key}`);
  return key;
}

function sliceOf(value: unknown, bounds: readonly unknown[]): unknown {
  if (typeof value !== "string" && !isList(value)) {
    throw new Failure("invalid", `can't slice item of type ${typeName(value)}`);
  }
  if (typeof value === "string" && bounds.length > 2) {
    throw new Failure("invalid", "cannot 3-index slice a string");
  }
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const from = bounds.length > 0 ? bound(bounds[0], bytes.length) : 0;
  const to = bounds.length > 1 ? bound(bounds[1], bytes.length) : bytes.length;
  if (from > to) throw new Failure("invalid", `invalid slice index: ${from} > ${to}`);
  return Buffer.isBuffer(bytes) ? bytes.subarray(from, to).toString() : bytes.slice(from, to);
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (isList(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  throw new Failure(
    "invalid",
    value === undefined || value === null ? "len of nil pointer" : `len of type ${typeName(value)}`,
  );
}

const maximumPad = 1_000_000;

function pad(value: string, before: number, after: number): string {
  if (value === "") return value;
  if (before < 0 || after < 0 || before + after > maximumPad)
    throw new Failure("invalid", "width out of range");
  return " ".repeat(before) + value + " ".repeat(after);
}

function truncate(value: string, length: number): string {
  if (length < 0) throw new Failure("invalid", "length out of range");
  return value.slice(0, length);
}

const htmlEscapes: Readonly<Record<string, string>> = {
  "\0": "\ufffd",
  '"': "&#34;",
  "'": "&#39;",
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
};

function escapeHtml(value: string): string {
  return value.replace(/[\0"'&<>]/g, (character) => htmlEscapes[character] ?? "");
}

function escapeJs(value: string): string {
  return value.replace(/[\\'"]|[<>&=]|[^ -~]/g, (character) => {
    if (/[\\'"]/.test(character)) return `\\${character}`;
    if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(character) && character.charCodeAt(0) > 0x7e) return character;
    return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  });
}

function escapeQuery(value: string): string {
  const escaped = encodeURIComponent(value.toWellFormed());
  return escaped
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
