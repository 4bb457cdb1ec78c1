import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of JSON schema (draft 4) that the schemas of images use. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly definitions?: Readonly<Record<string, Schema>>;
}

const checked: ReadonlySet<string> = new Set(
  "$ref type pattern enum minimum maximum minItems items required properties patternProperties additionalProperties oneOf anyOf allOf definitions".split(
    " ",
  ),
);
/** Keywords with information for people, or unused by our documents. */
const ignored: ReadonlySet<string> = new Set([
  "$schema",
  "id",
  "description",
  "format",
  "default",
  "media",
  "title",
]);

/** Lists the faults of a value by the schema of that file, one line each; empty when it is valid. */
export function schemaProblems(directory: string, file: string, value: unknown): readonly string[] {
  const read = (name: string): Schema => JSON.parse(readFileSync(join(directory, name), "utf8")) as Schema;
  const resolve = (reference: string, from: string): readonly [Schema, string] => {
    const [name = "", pointer = ""] = reference.split("#");
    const of = name === "" ? from : name;
    let found: unknown = read(of);
    for (const part of pointer.split("/").filter((each) => each !== ""))
      found = (found as Record<string, unknown>)[part];
    if (found === undefined) throw new Error(`there is no schema ${reference} in ${from}`);
    return [found as Schema, of];
  };
  const check = (
    given: unknown,
    schema: Schema,
    { at, from }: { at: string; from: string },
  ): readonly string[] => {
    for (const word of Object.keys(schema)) {
      if (!checked.has(word) && !ignored.has(word)) throw new Error(`"${word}" of ${from} is not checked`);
    }
    if (schema.$ref !== undefined) {
      const [target, of] = resolve(schema.$ref, from);
      return check(given, target, { at, from: of });
    }
    const deeper = (inner: unknown, by: Schema, step: string): readonly string[] =>
      check(inner, by, { at: `${at}${step}`, from });
    const problems: string[] = [];
    if (schema.type !== undefined && !isOfType(given, schema.type))
      return [`${at} is ${JSON.stringify(given)}, no ${schema.type}`];
    if (schema.enum !== undefined && !schema.enum.includes(given))
      problems.push(`${at} is ${JSON.stringify(given)}`);
    if (typeof given === "string" && schema.pattern !== undefined && !new RegExp(schema.pattern).test(given))
      problems.push(`${at} is "${given}", not like ${schema.pattern}`);
    if (typeof given === "number" && (given < (schema.minimum ?? given) || given > (schema.maximum ?? given)))
      problems.push(`${at} is ${given}`);
    if (Array.isArray(given)) {
      if (given.length < (schema.minItems ?? 0)) problems.push(`${at} has ${given.length} items`);
      const { items } = schema;
      if (items !== undefined)
        problems.push(...given.flatMap((item, index) => deeper(item, items, `[${index}]`)));
    } else if (typeof given === "object" && given !== null) {
      const object = given as Readonly<Record<string, unknown>>;
      problems.push(
        ...(schema.required ?? [])
          .filter((name) => !(name in object))
          .map((name) => `${at}.${name} is missing`),
      );
      for (const [name, inner] of Object.entries(object)) {
        const patterned = Object.entries(schema.patternProperties ?? {}).filter(([pattern]) =>
          new RegExp(pattern).test(name),
        );
        const own = schema.properties?.[name];
        for (const by of [...(own === undefined ? [] : [own]), ...patterned.map(([, each]) => each)])
          problems.push(...deeper(inner, by, `.${name}`));
        if (own !== undefined || patterned.length > 0) continue;
        if (schema.additionalProperties === false) problems.push(`${at}.${name} is not allowed`);
        if (typeof schema.additionalProperties === "object")
          problems.push(...deeper(inner, schema.additionalProperties, `.${name}`));
      }
    }
    for (const by of schema.allOf ?? []) problems.push(...check(given, by, { at, from }));
    const fitting = (all: readonly Schema[]): number =>
      all.filter((by) => check(given, by, { at, from }).length === 0).length;
    if (schema.oneOf !== undefined && fitting(schema.oneOf) !== 1)
      problems.push(`${at} fits ${fitting(schema.oneOf)} of one`);
    if (schema.anyOf !== undefined && fitting(schema.anyOf) === 0) problems.push(`${at} fits none`);
    return problems;
  };
  return check(value, read(file), { at: "", from: file });
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "null":
      return value === null;
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}
