import type { ParameterKind } from "../../src/api/http/routes.ts";
import type { FieldSchema, FieldSchemas } from "../../src/api/http/field-schemas.ts";

/** The path of a field in a JSON body: names, `[]` for an item of a list, `{}` for a value of a map. */
export type FieldPath = readonly string[];

const long = "x".repeat(70_000);
const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
/** Names that every plain object has, or that change it. */
const inheritedNames = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"] as const;

const wrongTexts: readonly string[] = [
  "",
  " ",
  "a\0b",
  "a\nb",
  "../..",
  "-1",
  "0",
  "1",
  "1.5",
  "text",
  "true",
  "9".repeat(20),
  "9".repeat(400),
  "0x10",
  "1e400",
  "a:b:c:d:e",
  "a=b",
  ":",
  "/",
  "=",
  "%",
  "\u{1f980}",
  "\u001b]0;title\u0007",
  "[::1",
  "1.2.3.4/99",
  "::/129",
  "99999/tcp",
  "0-99999999",
  "2026-13-45T99:99:99Z",
  long,
  ...inheritedNames,
];

/** JSON texts: some of them cannot be made by JSON.stringify(). */
export const wrongJson: readonly string[] = [
  ...wrongTexts.map((text) => JSON.stringify(text)),
  '"\\ud800"',
  "null",
  "true",
  "0",
  "-1",
  "5",
  "0.5",
  "1e400",
  "-1e400",
  "9007199254740993",
  "9223372036854775807",
  "-9223372036854775808",
  "9".repeat(400),
  "[]",
  "[null]",
  "[5]",
  '[""]',
  '["a\\u0000b"]',
  "[[]]",
  "[{}]",
  "[-1,-1]",
  '["constructor","__proto__"]',
  deep(20),
  deep(2000),
  "{}",
  '{"":""}',
  '{"":null}',
  '{"a":null}',
  '{"a":5}',
  '{"a":[]}',
  '{"a":{}}',
  '{"a":"b"}',
  '{"a\\u0000b":"c"}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":5,"valueOf":null,"length":-1}',
];

const wrongFilters: readonly string[] = [
  "{",
  "[]",
  "5",
  "null",
  '""',
  deep(2000),
  ...[
    "label",
    "status",
    "name",
    "id",
    "until",
    "since",
    "before",
    "ancestor",
    "network",
    "publish",
    "expose",
  ].flatMap((key) =>
    [
      5,
      null,
      {},
      [5],
      [null],
      { a: 5 },
      [""],
      ["\0"],
      ["constructor"],
      ["-1"],
      ["9".repeat(30)],
      [long],
      ["=", ":"],
    ].map((value) => JSON.stringify({ [key]: value })),
  ),
  ...[
    "volume",
    "exited",
    "health",
    "is-task",
    "reference",
    "dangling",
    "driver",
    "type",
    "scope",
    "event",
    "image",
  ].flatMap((key) =>
    [[""], ["constructor"], ["-1"], ["true", "false"], ["[", "*"]].map((value) =>
      JSON.stringify({ [key]: value }),
    ),
  ),
  ...inheritedNames.flatMap((key) => [`{"${key}":["x"]}`, `{"${key}":{"x":true}}`, `{"label":["${key}"]}`]),
];

export function wrongParameters(kind: ParameterKind | undefined): readonly string[] {
  return kind === "filters" ? wrongFilters : wrongTexts;
}

export const wrongPathParts: readonly string[] = [
  ...wrongTexts.filter((text) => text !== "").map((text) => encodeURIComponent(text.slice(0, 5000))),
  "%",
  "%ff",
  "%2e%2e",
  "..%2f..%2fetc",
  "%00",
  "sha256:",
  "sha256:zz",
  `sha256:${"0".repeat(64)}`,
  "a@sha256:5",
  "A",
  "@",
  "a//b",
];

/** Each field that the schemas name, at any depth. */
export function fieldsOf(schemas: FieldSchemas): readonly FieldPath[] {
  return Object.entries(schemas).flatMap(([name, schema]) =>
    [[], ...fieldsBelow(schema)].map((rest: FieldPath) => [name, ...rest]),
  );
}

function fieldsBelow(schema: FieldSchema): readonly FieldPath[] {
  if (typeof schema === "string") {
    const isList = ["texts", "text-or-texts", "integers"].includes(schema);
    return isList ? [["[]"]] : ["text-map", "set"].includes(schema) ? [["{}"]] : [];
  }
  if ("object" in schema) return fieldsOf(schema.object);
  const [steps, inner]: readonly [FieldPath, FieldSchemas] =
    "map" in schema
      ? [["{}"], schema.map]
      : "list" in schema
        ? [["[]"], schema.list]
        : [["{}", "[]"], schema.mapOfLists];
  return [
    ...steps.map((_, at) => steps.slice(0, at + 1)),
    ...fieldsOf(inner).map((rest) => [...steps, ...rest]),
  ];
}

/**
 * The JSON of a body that is right but for this field. `right` holds what the body needs besides; a path in
 * `companions` names what the object that is there needs besides.
 */
export function bodyWith(
  path: FieldPath,
  value: string,
  { right, companions }: { readonly right: object; readonly companions: Readonly<Record<string, object>> },
): string {
  const nest = (at: number): string => {
    const step = path[at];
    if (step === undefined) return value;
    const inner = nest(at + 1);
    if (step === "[]") return `[${inner}]`;
    const besides = at === 0 ? right : (companions[path.slice(0, at).join(".")] ?? {});
    const name = step === "{}" ? keyOf(path.slice(0, at).join(".")) : step;
    const members = Object.entries(besides)
      .filter(([key]) => key !== name)
      .map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`);
    return `{${[...members, `${JSON.stringify(name)}:${inner}`].join()}}`;
  };
  return nest(0);
}

/** A key that the map may have. */
function keyOf(path: string): string {
  if (/Ports|PortBindings|PublishAdd/.test(path)) return "80/tcp";
  if (/Volumes|Tmpfs/.test(path)) return "/x";
  if (/Sysctls/.test(path)) return "net.ipv4.ip_forward";
  if (/EndpointsConfig/.test(path)) return "fuzz";
  return "key";
}
