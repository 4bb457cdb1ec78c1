import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of a swagger schema that is checked. */
interface Schema {
  readonly example?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly allOf?: readonly Schema[];
  readonly "x-nullable"?: boolean;
}

interface Parameter extends Schema {
  readonly in: "path" | "query" | "header" | "body";
  readonly name: string;
  readonly schema?: Schema;
}

interface SwaggerOperation {
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface Document {
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation>>>>;
}

/** Numbers that the reference does not call nullable but dockerd gives as null: pointers in its source. */
const dockerNulls = [".MemorySwappiness", ".ExitCode"];

/** The reference of one version; undefined when TARE_REFERENCE names no folder. */
export function findSwagger(version: string): Swagger | undefined {
  const folder = process.env["TARE_REFERENCE"];
  if (folder === undefined) return undefined;
  const text = readFileSync(join(folder, `docker-api-v${version}.yaml`), "utf8");
  return new Swagger(Bun.YAML.parse(text) as Document);
}

/**
 * Checks replies against the reference: types, enumerations, bounds, formats, required fields, no null where none is
 * allowed.
 */
export class Swagger {
  readonly #document: Document;
  readonly #names = new Map<Schema, ReadonlySet<string>>();

  constructor(document: Document) {
    this.#document = document;
  }

  has(path: string, method: string): boolean {
    return this.#document.paths[path]?.[method.toLowerCase()] !== undefined;
  }

  queryParameters(path: string, method: string): readonly string[] {
    return this.#parameters(path, method).flatMap((each) => (each.in === "query" ? [each.name] : []));
  }

  /** The path of each field of the body, at any depth: `[]` is an item of a list, `{}` a value of a map. */
  bodyFields(path: string, method: string): readonly (readonly string[])[] {
    const body = this.#parameters(path, method).find((each) => each.in === "body");
    return body?.schema === undefined ? [] : this.#fieldsOf(body.schema);
  }

  /** Values that a query parameter may have, and those at the edge of what it may have. */
  queryValues(path: string, method: string, name: string): readonly string[] {
    const found = this.#parameters(path, method).find((each) => each.in === "query" && each.name === name);
    return found === undefined ? [] : valuesOf(found).map((value) => String(value));
  }

  /** As queryValues(), of a field of the body, as JSON. */
  bodyValues(path: string, method: string, field: readonly string[]): readonly string[] {
    const body = this.#parameters(path, method).find((each) => each.in === "body");
    const schema = body?.schema === undefined ? undefined : this.#at(body.schema, field);
    return schema === undefined ? [] : valuesOf(schema).map((value) => JSON.stringify(value));
  }

  #at(given: Schema, field: readonly string[]): Schema | undefined {
    const schema = this.#resolve(given);
    const [step, ...rest] = field;
    if (step === undefined) return schema;
    const others = schema.additionalProperties;
    const map = typeof others === "object" ? others : undefined;
    const inner =
      step === "[]" ? schema.items : (schema.properties?.[step] ?? (step === "{}" ? map : undefined));
    if (inner !== undefined) return this.#at(inner, rest);
    for (const part of schema.allOf ?? []) {
      const found = this.#at(part, field);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #parameters(path: string, method: string): readonly Parameter[] {
    return this.#document.paths[path]?.[method.toLowerCase()]?.parameters ?? [];
  }

  #fieldsOf(given: Schema): readonly (readonly string[])[] {
    const schema = this.#resolve(given);
    const below = (step: string, inner: Schema): readonly (readonly string[])[] =>
      [[], ...this.#fieldsOf(inner)].map((rest) => [step, ...rest]);
    const others = schema.additionalProperties;
    return [
      ...(schema.allOf ?? []).flatMap((part) => this.#fieldsOf(part)),
      ...Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => below(name, inner)),
      ...(schema.items === undefined ? [] : below("[]", schema.items)),
      ...(typeof others === "object" ? below("{}", others) : []),
    ];
  }

  /** Whether the reference describes the body of this reply as JSON. */
  describesBody(path: string, method: string, status: number): boolean {
    const schema = this.#document.paths[path]?.[method.toLowerCase()]?.responses[String(status)]?.schema;
    return schema !== undefined && this.#resolve(schema).type !== "string";
  }

  /** What is wrong with this reply, one line a place; empty when it is right. */
  problems(path: string, method: string, status: number, value: unknown): readonly string[] {
    const response = this.#document.paths[path]?.[method.toLowerCase()]?.responses[String(status)];
    if (response === undefined) return [`${method} ${path} has no reply ${status}`];
    return response.schema === undefined || value === undefined
      ? []
      : this.#check(value, response.schema, "");
  }

  /** As problems(), against a definition. */
  problemsOf(definition: string, value: unknown): readonly string[] {
    return this.#check(value, { $ref: `#/definitions/${definition}` }, "");
  }

  #check(value: unknown, given: Schema, at: string): readonly string[] {
    const schema = this.#resolve(given);
    const found = this.#checkParts(value, schema, at);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return found;
    const known = this.#namesOf(schema);
    if (known === undefined) return found;
    const unknown = Object.keys(value).filter((name) => !known.has(name));
    return [...found, ...unknown.map((name) => `${at}.${name} is not described`)];
  }

  /** The fields that an object may have; undefined where it may have any. */
  #namesOf(given: Schema): ReadonlySet<string> | undefined {
    const schema = this.#resolve(given);
    const known = this.#names.get(schema);
    if (known !== undefined) return known;
    const { allOf = [], properties, additionalProperties } = schema;
    const parts = allOf.map((part) => this.#namesOf(part));
    const own = properties === undefined ? [] : Object.keys(properties);
    const isOpen =
      parts.includes(undefined) ||
      (allOf.length === 0 && properties === undefined) ||
      (additionalProperties !== undefined && additionalProperties !== false);
    if (isOpen) return undefined;
    const names = new Set([...own, ...parts.flatMap((part) => [...(part ?? [])])]);
    this.#names.set(schema, names);
    return names;
  }

  #checkParts(value: unknown, schema: Schema, at: string): readonly string[] {
    if (schema.allOf !== undefined) {
      const { allOf, ...own } = schema;
      const parts = schema.properties === undefined ? allOf : [...allOf, own];
      return parts.flatMap((part) => this.#checkParts(value, this.#resolve(part), at));
    }
    if (value === null) {
      // The reference marks few of the fields as nullable which Go leaves null: lists and maps.
      const { "x-nullable": isNullable, type } = schema;
      const mayBeNull = isNullable ?? ["array", "object", undefined].includes(type);
      return mayBeNull || dockerNulls.some((end) => at.endsWith(end)) ? [] : [`${at} is null`];
    }
    const type = schema.type ?? (schema.properties === undefined ? undefined : "object");
    if (type === undefined) return [];
    if (!isOfType(value, type))
      return [`${at} is ${JSON.stringify(value)?.slice(0, 60)}, not of type ${type}`];
    // An enumeration of objects is how the reference says "an empty object".
    const isKnown = type === "object" || (schema.enum?.includes(value) ?? true);
    if (!isKnown) return [`${at} is ${JSON.stringify(value)}`];
    const outside = outsideOf(value, schema);
    if (outside !== undefined) return [`${at} is ${JSON.stringify(value).slice(0, 60)}, not ${outside}`];
    if (type === "array") return this.#checkList(value as readonly unknown[], schema, at);
    return type === "object" ? this.#checkObject(value as Readonly<Record<string, unknown>>, schema, at) : [];
  }

  #checkList(value: readonly unknown[], { items }: Schema, at: string): readonly string[] {
    return items === undefined
      ? []
      : value.flatMap((item, index) => this.#check(item, items, `${at}[${index}]`));
  }

  #checkObject(value: Readonly<Record<string, unknown>>, schema: Schema, at: string): readonly string[] {
    const missing = (schema.required ?? [])
      .filter((name) => !(name in value))
      .map((name) => `${at}.${name} is missing`);
    const rest = Object.entries(value).flatMap(([name, item]) => {
      const own = schema.properties?.[name];
      if (own !== undefined) return this.#check(item, own, `${at}.${name}`);
      const others = schema.additionalProperties;
      return typeof others === "object" ? this.#check(item, others, `${at}.${name}`) : [];
    });
    return [...missing, ...rest];
  }

  #resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const name = schema.$ref.replace("#/definitions/", "");
    const found = this.#document.definitions[name];
    if (found === undefined) throw new Error(`the reference has no definition ${name}`);
    return this.#resolve(found);
  }
}

function valuesOf({
  type,
  enum: words = [],
  example,
  default: initial,
  minimum,
  maximum,
}: Schema): unknown[] {
  const edges = [minimum, maximum].flatMap((edge) => (edge === undefined ? [] : [edge - 1, edge, edge + 1]));
  const usual: Readonly<Record<string, readonly unknown[]>> = {
    boolean: [true, false],
    integer: [0, 1, 100],
    number: [0, 0.5],
    string: ["", "a"],
    array: [[]],
    object: [{}],
  };
  const given = [example, initial].filter((value) => value !== undefined);
  return [...words, ...given, ...edges, ...(usual[type ?? ""] ?? [])];
}

const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** The first bound, pattern or format that a value of the right type is not within. */
function outsideOf(value: unknown, schema: Schema): string | undefined {
  const { minimum, maximum, minItems, minLength, maxLength, pattern, format = "" } = schema;
  if (typeof value === "number") {
    const least = minimum ?? (format.startsWith("uint") ? 0 : value);
    if (value < least) return `at least ${least}`;
    return value > (maximum ?? value) ? `at most ${maximum}` : undefined;
  }
  if (Array.isArray(value)) return value.length < (minItems ?? 0) ? `of ${minItems} items` : undefined;
  if (typeof value !== "string") return undefined;
  if (value.length < (minLength ?? 0) || value.length > (maxLength ?? value.length))
    return "of the right length";
  if (pattern !== undefined && !new RegExp(pattern).test(value)) return `like ${pattern}`;
  return /^date-?time$/i.test(format) && !moment.test(value) ? "a time" : undefined;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}
