import { describe, expect, test } from "bun:test";
import { formatFilters, hasLabel, parseFilters, requireFilterKeys } from "../../../src/api/http/filters.ts";
import { parseDockerBoolean, Query } from "../../../src/api/http/query.ts";
import type { Route } from "../../../src/api/http/routes.ts";

test.each([
  ["", false],
  ["0", false],
  ["no", false],
  ["FALSE", false],
  [" none ", false],
  ["1", true],
  ["true", true],
  ["anything", true],
] as const)("parseDockerBoolean(%p) is %p", (text, value) => {
  expect(parseDockerBoolean(text)).toBe(value);
});

describe("Query", () => {
  const route: Route = {
    method: "GET",
    path: "/x",
    operation: "system.info",
    query: { a: "boolean", b: "boolean=true", n: "integer", t: "text", l: "texts", filters: "filters" },
  };
  const read = (text: string): Query => new Query(route, new URLSearchParams(text));

  test("it reads by kind", () => {
    const query = read('a=1&b=0&n=-5&t=x%20y&l=1&l=2&filters={"k":["v"]}&other=1');
    expect([query.boolean("a"), query.boolean("b"), query.integer("n"), query.text("t")]).toEqual([
      true,
      false,
      -5,
      "x y",
    ]);
    expect(query.texts("l")).toEqual(["1", "2"]);
    expect(query.filters()).toEqual({ k: ["v"] });
  });

  test("it has defaults for what is absent or empty", () => {
    const query = read("n=&t=");
    expect([query.boolean("a"), query.boolean("b"), query.integer("n"), query.text("t")]).toEqual([
      false,
      true,
      undefined,
      undefined,
    ]);
    expect([query.texts("l"), query.filters()]).toEqual([[], {}]);
  });

  test.each(["n=x", "n=1.5", "n=1e3", "n=99999999999999999", "t=%00"])("it refuses %p", (text) => {
    expect(() => read(text)).toThrow("cannot read");
  });

  test("a parameter that the table does not have is a mistake of ours", () => {
    expect(() => read("").text("other")).toThrow("the route table has no such text");
    expect(() => read("").boolean("n")).toThrow("the route table has no such boolean");
  });
});

describe("parseFilters()", () => {
  test.each([
    [undefined, {}],
    ["", {}],
    ["null", {}],
    ["{}", {}],
    ['{"label":["a=b","c"]}', { label: ["a=b", "c"] }],
    ['{"label":{"a=b":true,"c":false}}', { label: ["a=b"] }],
  ] as const)("%p", (text, filters) => {
    expect(parseFilters(text)).toEqual(filters);
  });

  test.each(["{", "[]", "5", '"x"', '{"a":5}', '{"a":[5]}', '{"a":null}', '{"a":{"b":1}}'])(
    "it refuses %p",
    (text) => {
      expect(() => parseFilters(text)).toThrow("invalid filter");
    },
  );

  test("keys such as __proto__ are keys", () => {
    const filters = parseFilters('{"__proto__":["x"]}');
    expect(Object.keys(filters)).toEqual(["__proto__"]);
    expect(() => requireFilterKeys(filters, ["label"])).toThrow("invalid filter '__proto__'");
  });

  test("formatFilters() is its inverse", () => {
    expect(formatFilters({})).toBeUndefined();
    expect(parseFilters(formatFilters({ a: ["b"] }))).toEqual({ a: ["b"] });
  });
});

test.each([
  ["a", true],
  ["a=b", true],
  ["a=", false],
  ["b", false],
  ["toString", false],
] as const)("hasLabel() finds %p: %p", (wanted, found) => {
  expect(hasLabel({ a: "b" }, wanted)).toBe(found);
});
