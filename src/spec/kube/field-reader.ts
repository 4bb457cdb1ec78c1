import { Failure } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";

/**
 * Reads the fields of one object of a manifest. Each has a type, or is refused with its path; what no one has read is
 * reported by unread(). A field that is null counts as absent.
 */
export class FieldReader {
  readonly path: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();
  readonly #children = new Map<string, FieldReader>();

  /** Throws Failure("invalid") for what is no object. */
  constructor(value: unknown, path: string) {
    if (!isRecord(value)) throw new Failure("invalid", `${path}: must be an object`);
    this.#fields = value;
    this.path = path;
  }

  has(name: string): boolean {
    return this.#take(name) !== undefined;
  }

  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.refused(name, "must be a text");
  }

  /** A text that must be there and not be empty. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw this.refused(name, "is missing");
    return value;
  }

  /** One of a few words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    const found = words.find((each) => each === value);
    if (value === undefined || value === "" || found !== undefined) return found;
    throw this.refused(name, `"${value}" is none of ${words.join(", ")}`);
  }

  integer(name: string): number | undefined {
    const value = this.#take(name);
    if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value))) return value;
    throw this.refused(name, "must be a whole number");
  }

  boolean(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.refused(name, "must be true or false");
  }

  /** Quantities and ports may be written as numbers. */
  scalar(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    throw this.refused(name, "must be a text or a number");
  }

  object(name: string): FieldReader | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : this.#child(value, `${this.path}.${name}`);
  }

  objects(name: string): readonly FieldReader[] {
    return this.#list(name).map((each, index) => this.#child(each, `${this.path}.${name}[${index}]`));
  }

  texts(name: string): readonly string[] | undefined {
    if (!this.has(name)) return undefined;
    return this.#list(name).map((each, index) => {
      if (typeof each === "string") return each;
      throw new Failure("invalid", `${this.path}.${name}[${index}]: must be a text`);
    });
  }

  integers(name: string): readonly number[] {
    return this.#list(name).map((each, index) => {
      if (typeof each === "number" && Number.isSafeInteger(each)) return each;
      throw new Failure("invalid", `${this.path}.${name}[${index}]: must be a whole number`);
    });
  }

  /** An object whose values are texts or, with `takesNumbers`, numbers. */
  map(
    name: string,
    { takesNumbers = false }: { readonly takesNumbers?: boolean } = {},
  ): Readonly<Record<string, string>> {
    const value = this.#take(name);
    if (value === undefined) return {};
    if (!isRecord(value)) throw this.refused(name, "must be an object");
    const entries = Object.entries(value).flatMap(([key, each]): readonly [string, string][] => {
      if (each === null) return [];
      if (typeof each === "string") return [[key, each]];
      if (takesNumbers && typeof each === "number") return [[key, String(each)]];
      throw this.refused(`${name}.${key}`, "must be a text: put it in quotes");
    });
    return Object.fromEntries(entries);
  }

  /** Fields that are known, and mean nothing here. */
  skip(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  refused(name: string, why: string): Failure {
    return new Failure("invalid", `${this.path}.${name}: ${why}`);
  }

  /** The paths of fields that no call has asked for, here and below. */
  unread(): readonly string[] {
    const own = Object.keys(this.#fields).filter(
      (name) => !this.#read.has(name) && this.#fields[name] !== null,
    );
    return [
      ...own.map((name) => `${this.path}.${name}`),
      ...[...this.#children.values()].flatMap((child) => child.unread()),
    ];
  }

  #child(value: unknown, path: string): FieldReader {
    const child = this.#children.get(path) ?? new FieldReader(value, path);
    this.#children.set(path, child);
    return child;
  }

  #list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw this.refused(name, "must be a list");
  }

  #take(name: string): unknown {
    this.#read.add(name);
    return Object.hasOwn(this.#fields, name) ? (this.#fields[name] ?? undefined) : undefined;
  }
}
