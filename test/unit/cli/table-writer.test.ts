import { describe, expect, test } from "bun:test";
import { formatRows, type Listing } from "../../../src/cli/format/rows.ts";
import { alignColumns } from "../../../src/cli/format/table-writer.ts";

const plain = { minimumWidth: 0, padding: 1 };

describe("alignColumns()", () => {
  test.each([
    ["", ""],
    ["a\n", "a\n"],
    ["a\tb\n", "a b\n"],
    ["a\tb\nccc\td\n", "a   b\nccc d\n"],
    ["a\tb\tc\n", "a b c\n"],
    // A line without the cell ends the column: the blocks above and below are aligned on their own.
    ["aaaa\tb\nx\nc\td\n", "aaaa b\nx\nc d\n"],
    ["a\tbbb\tc\nd\te\nf\tg\th\n", "a bbb c\nd e\nf g h\n"],
    // Counted in characters, not bytes.
    ["ü…\tb\nabc\td\n", "ü…  b\nabc d\n"],
    ["\tb\n", " b\n"],
  ])("aligns %p", (text, wanted) => expect(alignColumns(text, plain)).toBe(wanted));

  test("makes columns ten wide at least, three apart, as docker does", () => {
    expect(alignColumns("ID\tNAMES\n0123456789ab\tweb\n")).toBe("ID             NAMES\n0123456789ab   web\n");
    expect(alignColumns("A\tB\n")).toBe("A         B\n");
  });
});

describe("formatRows()", () => {
  const listing: Listing = {
    rowName: "thing",
    headings: { ID: "THING ID", Name: "NAME" },
    table: "{{.ID}}\t{{.Name}}",
    quiet: "{{.ID}}",
  };
  const rows = [
    { ID: "1", Name: "<a>", Label: (name: string) => `label ${name}` },
    { ID: "22", Name: "b", Label: (name: string) => name.slice(0, 0) },
  ];

  test.each<[string, string]>([
    ["", "THING ID   NAME\n1          <a>\n22         b\n"],
    ["table", "THING ID   NAME\n1          <a>\n22         b\n"],
    ["table {{.Name}}\\t{{.ID}}", "NAME      THING ID\n<a>       1\nb         22\n"],
    [
      'table {{.ID}}\\t{{upper .Name}}\\t{{.Label "com.x.some-role"}}',
      "THING ID   NAME      some role\n1          <A>       label com.x.some-role\n22         B         \n",
    ],
    ["{{.ID}}:{{.Name}}", "1:<a>\n22:b\n"],
    ["json", '{"ID":"1","Name":"\\u003ca\\u003e"}\n{"ID":"22","Name":"b"}\n'],
  ])("formats as %p", (format, wanted) => expect(formatRows(rows, listing, { format })).toBe(wanted));

  test("prints only ids when quiet", () => {
    expect(formatRows(rows, listing, { isQuiet: true, format: "{{.Name}}" })).toBe("1\n22\n");
  });

  test("prints the heading alone when there is nothing", () => {
    expect(formatRows([], listing)).toBe("THING ID   NAME\n");
    expect(formatRows([], listing, { format: "{{.ID}}" })).toBe("");
  });

  test("refuses a field that is not there", () => {
    expect(() => formatRows(rows, listing, { format: "{{.Foo}}" })).toThrow(
      "can't evaluate field Foo in type thing",
    );
  });
});
