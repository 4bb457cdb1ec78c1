import { expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { commands } from "../../../src/cli/commands.ts";
import { formatCommandPage, listManPages } from "../../../src/cli/install/man-pages.ts";

test("formatCommandPage() escapes what roff would take for its own", () => {
  const page = formatCommandPage(
    { names: ["image x", "x"], summary: "Do x", load: async () => await Promise.reject(new Error("unused")) },
    {
      usage: "[OPTIONS] A-B",
      takes: [0, 0],
      flags: {
        dot: {
          type: "string",
          usage: ".starts with a dot\n'quote, back\\slash",
          initial: "",
          add: (text: string) => text,
        },
      },
      run: async () => 0,
    },
    "1.2.3",
  );
  expect(page).toContain('.TH "TARE\\-IMAGE\\-X" 1 "" "Tare 1.2.3" "User Commands"\n');
  expect(page).toContain("[OPTIONS] A\\-B\n");
  expect(page).toContain(".B \\-\\-dot string\n\\&.starts with a dot\n\\&'quote, back\\eslash\n");
  expect(page).toContain("Other names: tare x.\n");
});

test("listManPages() has a page for every name of every shown command", async () => {
  const pages = await listManPages(commands, { directory: "/m", version: "1" });
  const texts = new Map(pages.map(({ path, content }) => [path, gunzipSync(content).toString()]));
  for (const { names, isHidden } of commands.entries) {
    const [name = "", ...aliases] = names.map((each) => `tare-${each.replaceAll(" ", "-")}`);
    const expected = isHidden === true ? undefined : expect.stringContaining(".SH NAME");
    expect(texts.get(`/m/man1/${name}.1.gz`)).toEqual(expected);
    for (const alias of isHidden === true ? [] : aliases)
      expect(texts.get(`/m/man1/${alias}.1.gz`)).toBe(`.so man1/${name}.1\n`);
  }
  // A line that begins with a dot is a request of man(7): no text of ours may be one.
  const requests = /^\.(TH|SH|SS|PP|TP|B|BR|nf|fi|so)\b/;
  for (const text of texts.values())
    for (const line of text.split("\n")) if (/^[.']/.test(line)) expect(line).toMatch(requests);
});
