import { isRecord } from "../../base/is-record.ts";
import { Failure } from "../../base/failure.ts";
import { membersOf } from "../../spec/json-members.ts";

/** The type of a field in a JSON request. null counts as absent, as in Go. The keys of a set or map keep their case. */
export type FieldSchema =
  | "text"
  | "boolean"
  | "integer"
  | "number"
  | "texts"
  /** Docker's StrSlice: one text stands for a list of one. */
  | "text-or-texts"
  | "integers"
  /** A list of lists of texts. */
  | "text-lists"
  | "text-map"
  /** An object used as a set (`{"80/tcp":{}}`). */
  | "set"
  /** Any JSON: read only to report that it is not supported. */
  | "any"
  | { readonly object: FieldSchemas }
  | { readonly list: FieldSchemas }
  | { readonly map: FieldSchemas }
  /** An object whose values are lists of objects (`{"80/tcp":[{"HostPort":"8080"}]}`); a null value stays null. */
  | { readonly mapOfLists: FieldSchemas };

export type FieldSchemas = Readonly<Record<string, FieldSchema>>;

/** The schema of a field of this type. A union of texts has none: readFields() does not compare texts. */
type SchemaOf<Field> = Field extends string
  ? string extends Field
    ? "text"
    : never
  : Field extends boolean
    ? "boolean"
    : Field extends number
      ? "integer" | "number"
      : Field extends readonly string[]
        ? "texts" | "text-or-texts"
        : Field extends readonly number[]
          ? "integers"
          : Field extends readonly (readonly string[])[]
            ? "text-lists"
            : Field extends readonly (infer Item)[]
              ? { readonly list: SchemasOf<Item> }
              : string extends keyof Field
                ? MapSchemaOf<Field[keyof Field]>
                : { readonly object: SchemasOf<Field> };

type MapSchemaOf<Value> = Value extends string
  ? "text-map"
  : NonNullable<Value> extends readonly (infer Item)[]
    ? { readonly mapOfLists: SchemasOf<Item> }
    : keyof Value extends never
      ? "set"
      : { readonly map: SchemasOf<Value> };

/** The schemas of all fields of a request's type. */
export type SchemasOf<Request> = {
  readonly [Name in keyof Request]-?: SchemaOf<NonNullable<Request[Name]>>;
};

/** What readFields() returns for a schema that is written `as const`. */
type FieldOf<Schema> = Schema extends "text"
  ? string
  : Schema extends "boolean"
    ? boolean
    : Schema extends "integer" | "number"
      ? number
      : Schema extends "texts" | "text-or-texts"
        ? readonly string[]
        : Schema extends "integers"
          ? readonly number[]
          : Schema extends "text-lists"
            ? readonly (readonly string[])[]
            : Schema extends "text-map"
              ? Readonly<Record<string, string>>
              : Schema extends "set"
                ? Readonly<Record<string, object>>
                : Schema extends { readonly object: infer Nested }
                  ? FieldsOf<Nested>
                  : Schema extends { readonly list: infer Nested }
                    ? readonly FieldsOf<Nested>[]
                    : Schema extends { readonly map: infer Nested }
                      ? Readonly<Record<string, FieldsOf<Nested>>>
                      : Schema extends { readonly mapOfLists: infer Nested }
                        ? Readonly<Record<string, readonly FieldsOf<Nested>[] | null>>
                        : unknown;

/** The fields of a request that fit their schemas. */
export type FieldsOf<Schemas> = { readonly [Name in keyof Schemas]?: FieldOf<Schemas[Name]> | undefined };

/**
 * Reads the known fields of a JSON object and validates each against its schema; drops other fields, as Docker does.
 * Names match without case, as in Go's encoding/json: the last value of a repeated name wins, and repeated objects and
 * maps are merged. Throws Failure("invalid") naming the field.
 */
export function readFields<const Schemas extends FieldSchemas>(
  value: unknown,
  schemas: Schemas,
  path: string,
): FieldsOf<Schemas> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was read by its schema
  return readMembers(value, schemas, { path }) as FieldsOf<Schemas>;
}

function readMembers(
  value: unknown,
  schemas: FieldSchemas,
  { path, before }: FieldPosition,
): Record<string, unknown> {
  if (!isRecord(value)) throw refused(path, "must be an object");
  const fields = new Map(entriesOf(before));
  for (const [key, item] of membersOf(value)) {
    const name = Object.hasOwn(schemas, key) ? key : namesWithoutCase(schemas).get(foldCase(key));
    const schema = name === undefined ? undefined : schemas[name];
    if (name === undefined || schema === undefined) continue;
    if (item === null || item === undefined) {
      if (!scalars.has(schema)) fields.delete(name);
      continue;
    }
    const position = { path: path === "" ? name : `${path}.${name}`, before: fields.get(name) };
    fields.set(name, readField(item, schema, position));
  }
  return Object.fromEntries(fields);
}

/** Schemas whose Go types have no nil: null keeps the earlier value of the field. */
const scalars: ReadonlySet<FieldSchema> = new Set(["text", "boolean", "integer", "number"]);

const foldedNames = new WeakMap<FieldSchemas, ReadonlyMap<string, string>>();

function namesWithoutCase(schemas: FieldSchemas): ReadonlyMap<string, string> {
  const known = foldedNames.get(schemas);
  if (known !== undefined) return known;
  const names = new Map(Object.keys(schemas).map((name) => [foldCase(name), name]));
  foldedNames.set(schemas, names);
  return names;
}

/**
 * All known names are ASCII. Go folds the long s and the Kelvin sign to s and k, too; toLowerCase() only the latter.
 */
function foldCase(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s");
}

/** Where a value stands, and what a field of the same name had before it. */
interface FieldPosition {
  readonly path: string;
  readonly before?: unknown;
}

function readField(value: unknown, schema: FieldSchema, { path, before }: FieldPosition): unknown {
  if (typeof schema === "object") return readNested(value, schema, { path, before });
  switch (schema) {
    case "text":
      return text(value, path);
    case "boolean":
      if (typeof value !== "boolean") throw refused(path, "must be true or false");
      return value;
    case "integer":
      if (!Number.isSafeInteger(value)) throw refused(path, "must be a whole number");
      return value;
    case "number":
      if (typeof value !== "number") throw refused(path, "must be a number");
      return value;
    case "texts":
      return listOf(value, path).map((item, index) => text(item, `${path}[${index}]`));
    case "text-or-texts":
      return typeof value === "string" ? [text(value, path)] : readField(value, "texts", { path });
    case "integers":
      return listOf(value, path).map((item, index) =>
        readField(item, "integer", { path: `${path}[${index}]` }),
      );
    case "text-lists":
      return listOf(value, path).map((item, index) =>
        readField(item, "texts", { path: `${path}[${index}]` }),
      );
    case "text-map":
      return mapOf(value, { path, before }, (item, at) => (item === null ? "" : text(item, at)));
    case "set":
      return mapOf(value, { path, before }, () => ({}));
    case "any":
      return value;
    default:
      return schema satisfies never;
  }
}

function readNested(
  value: unknown,
  schema: Exclude<FieldSchema, string>,
  { path, before }: FieldPosition,
): unknown {
  if ("object" in schema) return readMembers(value, schema.object, { path, before });
  if ("map" in schema) {
    return mapOf(value, { path, before }, (item, at) =>
      item === null ? {} : readMembers(item, schema.map, { path: at }),
    );
  }
  if ("mapOfLists" in schema) {
    return mapOf(value, { path, before }, (item, at) =>
      item === null ? null : readList(item, schema.mapOfLists, at),
    );
  }
  return readList(value, schema.list, path);
}

function readList(value: unknown, schemas: FieldSchemas, path: string): unknown {
  return listOf(value, path).map((item, index) => readMembers(item, schemas, { path: `${path}[${index}]` }));
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refused(path, "must be a list");
  return value;
}

function mapOf(
  value: unknown,
  { path, before }: FieldPosition,
  read: (item: unknown, at: string) => unknown,
): Record<string, unknown> {
  if (!isRecord(value)) throw refused(path, "must be an object");
  const entries = membersOf(value).map(([key, item]) => [
    text(key, path),
    read(item, `${path}[${JSON.stringify(key)}]`),
  ]);
  // SAFETY: fromEntries() defines members, so that a key __proto__ is a key as any other.
  return Object.fromEntries([...entriesOf(before), ...entries]);
}

/** Of an object that was read before under the same name. */
function entriesOf(before: unknown): readonly [string, unknown][] {
  return isRecord(before) ? Object.entries(before) : [];
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw refused(path, "must be a text");
  if (value.includes("\0")) throw refused(path, "must not contain NUL");
  return value;
}

function refused(path: string, rule: string): Failure {
  return new Failure("invalid", `invalid JSON: ${path === "" ? "it" : path.slice(0, 200)} ${rule}`);
}
