import { fromKeys, isOneOf } from "../../base/keys.ts";
import { isRecord } from "../../base/is-record.ts";
import { Failure } from "../../base/failure.ts";

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context?: { readonly source?: string | undefined },
) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** Docker's own has 13,470. */
const maxLength = 1024 * 1024;

/** One place of a parsed document, read strictly: each mistake is a Failure that names the place. */
export class Field {
  readonly #value: unknown;
  readonly #path: string;

  private constructor(value: unknown, path: string) {
    this.#value = value;
    this.#path = path;
  }

  /** SPEC: RFC 8259 §6: integers beyond 2⁵³ stay exact, as bigint. */
  static parse(text: string): Field {
    if (text.length > maxLength) {
      throw new Failure(
        "invalid",
        `cannot read the seccomp profile: it has ${text.length} characters, at most ${maxLength} are allowed`,
      );
    }
    try {
      const value = parseWithSource(text, (_key, member, context) =>
        typeof member === "number" && !Number.isSafeInteger(member) && /^-?\d+$/.test(context?.source ?? "")
          ? BigInt(context?.source ?? "")
          : member,
      );
      return Field.of(value);
    } catch (cause) {
      throw new Failure("invalid", `cannot read the seccomp profile: it is no JSON: ${String(cause)}`, {
        cause,
      });
    }
  }

  static of(value: unknown): Field {
    return new Field(value, "");
  }

  /** False for what is absent or null, which Go's JSON writes for an empty list. */
  get present(): boolean {
    return this.#value !== undefined && this.#value !== null;
  }

  /** The members of an object that may have these and no others. */
  members<Key extends string>(allowed: readonly Key[]): Readonly<Record<Key, Field>> {
    const object = this.#value;
    if (!isRecord(object)) throw this.wrong("is no object");
    for (const key of Object.keys(object)) {
      if (!isOneOf(allowed, key)) throw this.#at(`.${key}`).wrong("is not known");
    }
    return fromKeys(allowed, (key) => this.#member(object, key));
  }

  /** Its items; none when it is absent. */
  items(): readonly Field[] {
    if (!this.present) return [];
    if (!Array.isArray(this.#value)) throw this.wrong("is no list");
    return this.#value.map((item: unknown, index) => new Field(item, `${this.#path}[${index}]`));
  }

  text(): string {
    if (!this.present) throw this.wrong("is missing");
    if (typeof this.#value !== "string") throw this.wrong("is no text");
    if (this.#value === "" || this.#value.includes("\0")) throw this.wrong("is empty or has a NUL");
    return this.#value;
  }

  oneOf<Name extends string>(names: readonly Name[]): Name {
    const text = this.text();
    const found = names.find((name) => name === text);
    if (found === undefined) throw this.wrong(`"${text.slice(0, 80)}" is none of ${names.join(", ")}`);
    return found;
  }

  /** An integer from 0 to `max`. */
  integer(max: bigint): bigint {
    if (!this.present) throw this.wrong("is missing");
    const value = this.#value;
    const isExact = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
    if (!isExact) throw this.wrong("is no exact integer");
    const integer = BigInt(value);
    if (integer < 0n || integer > max) throw this.wrong(`${integer} is not in 0 to ${max}`);
    return integer;
  }

  wrong(detail: string): Failure {
    const path = this.#path === "" ? "it" : this.#path.replace(/^\./, "").slice(0, 120);
    return new Failure("invalid", `cannot read the seccomp profile: ${path} ${detail}`);
  }

  #at(step: string): Field {
    return new Field(undefined, this.#path + step);
  }

  #member(object: Record<string, unknown>, key: string): Field {
    return new Field(Object.hasOwn(object, key) ? object[key] : undefined, `${this.#path}.${key}`);
  }
}
