import { Failure } from "../../base/failure.ts";

/** What a field of a JSON request may hold. null counts as absent, as in Go. */
export type FieldShape =
  | "text"
  | "boolean"
  | "integer"
  | "number"
  | "texts"
  /** Docker's StrSlice: one text stands for a list of one. */
  | "text-or-texts"
  | "integers"
  | "text-map"
  /** An object used as a set (`{"80/tcp":{}}`). */
  | "set"
  /** Any JSON: only looked at to say that it is not supported. */
  | "any"
  | { readonly object: FieldShapes }
  | { readonly list: FieldShapes }
  | { readonly map: FieldShapes };

export type FieldShapes = Readonly<Record<string, FieldShape>>;

/**
 * The known fields of a JSON object, each proven to be what its shape says; others are dropped, as Docker drops them.
 * Throws Failure("invalid") naming the field.
 */
export function readFields(value: unknown, shapes: FieldShapes, path: string): Record<string, unknown> {
  if (!isRecord(value)) throw refused(path, "must be an object");
  const fields: [string, unknown][] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const item = Object.hasOwn(value, name) ? value[name] : undefined;
    if (item === undefined || item === null) continue;
    fields.push([name, readField(item, shape, path === "" ? name : `${path}.${name}`)]);
  }
  return Object.fromEntries(fields);
}

function readField(value: unknown, shape: FieldShape, path: string): unknown {
  if (typeof shape === "object") return readNested(value, shape, path);
  switch (shape) {
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
      return typeof value === "string" ? [text(value, path)] : readField(value, "texts", path);
    case "integers":
      return listOf(value, path).map((item, index) => readField(item, "integer", `${path}[${index}]`));
    case "text-map":
      return mapOf(value, path, (item, at) => (item === null ? "" : text(item, at)));
    case "set":
      return mapOf(value, path, () => ({}));
    case "any":
      return value;
    default:
      return shape satisfies never;
  }
}

function readNested(value: unknown, shape: Exclude<FieldShape, string>, path: string): unknown {
  if ("object" in shape) return readFields(value, shape.object, path);
  if ("map" in shape) {
    return mapOf(value, path, (item, at) => (item === null ? {} : readFields(item, shape.map, at)));
  }
  return listOf(value, path).map((item, index) => readFields(item, shape.list, `${path}[${index}]`));
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refused(path, "must be a list");
  return value;
}

function mapOf(
  value: unknown,
  path: string,
  read: (item: unknown, at: string) => unknown,
): Record<string, unknown> {
  if (!isRecord(value)) throw refused(path, "must be an object");
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      text(key, path),
      read(item, `${path}[${JSON.stringify(key)}]`),
    ]),
  );
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw refused(path, "must be a text");
  if (value.includes("\0")) throw refused(path, "must not contain NUL");
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(path: string, rule: string): Failure {
  return new Failure(
    "invalid",
    `cannot read the request: ${path === "" ? "it" : path.slice(0, 200)} ${rule}`,
  );
}
