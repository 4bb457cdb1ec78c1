import { isRecord } from "../base/is-record.ts";
import { Failure } from "../base/failure.ts";

export interface JsonLimits {
  /** The name of the document in error messages: `image manifest`. */
  readonly what: string;
  readonly maxBytes?: number | undefined;
  readonly maxDepth?: number | undefined;
}

/**
 * Parses untrusted JSON: strict UTF-8 without byte order mark, by default at most 4 MiB and 64 levels. Throws "invalid"
 * naming the document.
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits): JsonNode {
  return new JsonNode(parseJson(bytes, limits), { what: limits.what, path: "" });
}

/** The value of a document that readJson() would read; throws as it does. */
export function parseJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  return parseCountedJson(bytes, limits).value;
}

/**
 * As parseJson(). `members`: so many were written, while of those of one object that have the same name the value has
 * the last.
 */
export function parseCountedJson(
  bytes: Uint8Array,
  limits: JsonLimits,
): { readonly value: unknown; readonly text: string; readonly members: number } {
  const { what, maxBytes = 4 * 1024 * 1024, maxDepth = 64 } = limits;
  if (bytes.length > maxBytes) {
    throw new Failure(
      "invalid",
      `cannot read ${what}: it has ${bytes.length} bytes, at most ${maxBytes} are allowed`,
    );
  }
  const { depth, members } = measure(bytes);
  if (depth > maxDepth) {
    throw new Failure("invalid", `cannot read ${what}: it is nested deeper than ${maxDepth} levels`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return { value, text, members };
  } catch (cause) {
    throw new Failure("invalid", `cannot read ${what}: it is no JSON: ${String(cause)}`, { cause });
  }
}

/** A place in a document, read by asking for what must be there. null counts as absent, as in Go. */
export class JsonNode {
  readonly #value: unknown;
  readonly #context: { readonly what: string; readonly path: string };

  constructor(value: unknown, context: { readonly what: string; readonly path: string }) {
    this.#value = value;
    this.#context = context;
  }

  get present(): boolean {
    return this.#value !== undefined && this.#value !== null;
  }

  /** The member of this object; an absent one reads as absent again. */
  at(key: string): JsonNode {
    if (!this.present) return this.#child(undefined, `.${key}`);
    const members = this.#object();
    return this.#child(Object.hasOwn(members, key) ? members[key] : undefined, `.${key}`);
  }

  /** Applies `read` to this node when it exists. */
  optional<T>(read: (node: JsonNode) => T): T | undefined {
    return this.present ? read(this) : undefined;
  }

  /** Text without NUL, which neither paths, arguments nor names may have. */
  text(): string {
    const text = this.anyText();
    if (text.includes("\0")) throw this.refused("must not contain NUL");
    return text;
  }

  anyText(): string {
    if (typeof this.#value !== "string") throw this.refused("must be a string");
    return this.#value;
  }

  boolean(): boolean {
    if (typeof this.#value !== "boolean") throw this.refused("must be true or false");
    return this.#value;
  }

  /** An integer from 0 up to what a number holds exactly. */
  count(): number {
    const value = this.#value;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw this.refused("must be an integer ≥ 0");
    }
    return value;
  }

  /** Empty when absent. */
  list<T>(read: (node: JsonNode) => T): readonly T[] {
    if (!this.present) return Object.freeze([]);
    if (!Array.isArray(this.#value)) throw this.refused("must be a list");
    return Object.freeze(this.#value.map((item: unknown, index) => read(this.#child(item, `[${index}]`))));
  }

  /** Empty when absent. Safe with keys such as `__proto__`. */
  map<T>(read: (node: JsonNode) => T): Readonly<Record<string, T>> {
    if (!this.present) return Object.freeze({});
    const entries = Object.entries(this.#object());
    return Object.freeze(
      Object.fromEntries(
        entries.map(([key, item]) => [key, read(this.#child(item, `[${JSON.stringify(key)}]`))]),
      ),
    );
  }

  /** The keys of an object used as a set (`{"80/tcp": {}}`), without NUL. */
  keys(): readonly string[] {
    const keys = this.present ? Object.keys(this.#object()) : [];
    if (keys.some((key) => key.includes("\0"))) throw this.refused("must not contain NUL");
    return Object.freeze(keys);
  }

  refused(rule: string): Failure {
    const { what, path } = this.#context;
    const where = path === "" ? "it" : path.replace(/^\./, "");
    return new Failure("invalid", `cannot read ${what}: ${where.slice(0, 200)} ${rule}`);
  }

  #object(): Readonly<Record<string, unknown>> {
    if (!isRecord(this.#value)) throw this.refused("must be an object");
    return this.#value;
  }

  #child(value: unknown, step: string): JsonNode {
    return new JsonNode(value, { what: this.#context.what, path: this.#context.path + step });
  }
}

/** How deep brackets nest, and how many members there are, without parsing: a parser may recurse, this doesn't. */
function measure(bytes: Uint8Array): { readonly depth: number; readonly members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === 0x5c) index++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x7b || byte === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x3a) members++;
  }
  return { depth: deepest, members };
}
