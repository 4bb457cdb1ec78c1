import { version } from "../../src/base/version.ts";
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dir, "../..");
const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const list = (folder: string, ending: string): string[] =>
  (readdirSync(join(repository, folder), { recursive: folder !== "." }) as string[])
    .filter((name) => name.endsWith(ending))
    .map((name) => (folder === "." ? name : `${folder}/${name}`));

const documents = [...list(".", ".md"), ...list("docs", ".md")];
const examples = list("examples", ".ts");

/** Words in backticks that are paths of this repository: `src/linux/`, `test/unit/a.test.ts`, `package.json`. */
function pathsIn(text: string): string[] {
  const words = [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, word]) => word as string,
  );
  const below = /^(src|native|test|docs|bench|scripts|examples|\.ci)\/[\w./-]*$/;
  const atTop = /^[\w.-]+\.(md|json|cjs|mjs)$/;
  return [...new Set(words.filter((word) => below.test(word) || atTop.test(word)))];
}

/** Cells of the first table whose heading row has these words. */
function tableIn(text: string, headings: readonly string[]): string[][] {
  const rows = text.split("\n").map((line) =>
    line.startsWith("|")
      ? line
          .slice(1, -1)
          .split("|")
          .map((cell) => cell.trim())
      : [],
  );
  const first = rows.findIndex((row) => row.join() === headings.join());
  if (first < 0) throw new Error(`there is no table of ${headings.join(", ")}`);
  const rest = rows.slice(first + 2);
  const end = rest.findIndex((row) => row.length === 0);
  return rest.slice(0, end < 0 ? rest.length : end);
}

describe("the documents", () => {
  test("CHANGELOG.md begins with the version of package.json, and the source has the same", () => {
    const { version: published } = JSON.parse(read("package.json")) as { readonly version: string };
    expect(version).toBe(published);
    const [first] = /^## .*/m.exec(read("CHANGELOG.md")) ?? [];
    expect(first).toMatch(
      new RegExp(`^## \\[${published.replaceAll(".", "\\.")}\\] - (unreleased|\\d{4}-\\d\\d-\\d\\d)$`),
    );
  });

  test("there are all that a reader is promised", () => {
    for (const path of [
      "README.md",
      "ARCHITECTURE.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "RELEASING.md",
      "docs/reference/kernel-features.md",
      "docs/internals/decisions.md",
      "docs/internals/security.md",
    ]) {
      expect(documents).toContain(path);
    }
  });

  test.each(documents)("%s names only paths that exist", (document) => {
    const missing = pathsIn(read(document)).filter((path) => !existsSync(join(repository, path)));
    expect(missing).toEqual([]);
  });

  test.each([...documents, ...examples])("%s speaks of the project alone", (document) => {
    const forbidden = [
      /#\d+\b/,
      /\/work\//,
      /(?<!\/)\bsession/i,
      /\bissues?\/\d/,
      /registry\.npmjs|deb\.debian\.org/,
      /\bTODO\b|\bFIXME\b/,
    ];
    const found = forbidden.flatMap((word) => word.exec(read(document))?.[0] ?? []);
    expect(found).toEqual([]);
  });

  test("no file of the project names a place of the machine that it was made on", () => {
    const files = execFileSync(
      "git",
      ["ls-files", "src", "native", "test", "docs", "bench", "scripts", "examples"],
      {
        cwd: repository,
        encoding: "utf8",
      },
    );
    const place = ["", "work", ""].join("/");
    const found = files
      .split("\n")
      .filter((path) => path !== "" && existsSync(join(repository, path)))
      .filter((path) => path !== "test/unit/documents.test.ts" && read(path).includes(`${place}main`));
    expect(found).toEqual([]);
  });
});

describe("ARCHITECTURE.md", () => {
  const text = read("ARCHITECTURE.md");
  /** Those that hold code. */
  const folders = readdirSync(join(repository, "src")).filter(
    (name) => statSync(join(repository, "src", name)).isDirectory() && list(`src/${name}`, ".ts").length > 0,
  );

  test("it has a line for every folder of src", () => {
    const lines = tableIn(text, ["path", "what"]).map(([path]) => path);
    for (const name of folders) expect(lines).toContain(`\`src/${name}/\``);
  });

  test("its table of imports is the one that is checked", () => {
    const { forbidden } = createRequire(import.meta.url)(join(repository, ".dependency-cruiser.cjs")) as {
      forbidden: { name: string; to: { pathNot?: string[] | string } }[];
    };
    const checked = forbidden.flatMap(({ name, to }) => {
      const folder = /^(\w+)-imports-only-below$/.exec(name)?.[1];
      const below = [to.pathNot ?? []]
        .flat()
        .flatMap((path) => /^\^src\/(\w+)\/\[\^\/\]\+/.exec(path)?.[1] ?? []);
      return folder === undefined ? [] : [[folder, below.join(", ") || "–"]];
    });
    expect(checked.length).toBeGreaterThan(10);
    expect(tableIn(text, ["folder", "may import"])).toEqual(checked);
  });

  test("it says which folders of the table are not there yet", () => {
    const absent = tableIn(text, ["folder", "may import"])
      .map(([folder]) => folder as string)
      .filter((folder) => !folders.includes(folder));
    const said = /Not implemented yet: ([a-z, ]+)\./.exec(text)?.[1]?.split(", ") ?? [];
    expect(said).toEqual(absent);
  });
});

test("docs/internals/decisions.md has a line for every dependency, and no other", () => {
  const manifest = JSON.parse(read("package.json")) as {
    dependencies?: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const rows = tableIn(read("docs/internals/decisions.md"), [
    "package",
    "what",
    "why not own code",
    "take out",
  ]);
  expect(new Set(rows.map(([name]) => name?.replaceAll("`", "")))).toEqual(
    new Set([...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.devDependencies)]),
  );
  for (const row of rows) expect(row.every((cell) => cell.length > 2)).toBe(true);
  expect(Object.keys(manifest.dependencies ?? {})).toEqual(["smol-toml", "yaml"]);
});

test("docs/reference/kernel-features.md has every word of TARE_WITHOUT, and no other", () => {
  const known = [
    ...(/type Avoidable =([^;]+);/.exec(read("src/linux/kernel/without.ts"))?.[1] ?? "").matchAll(
      /"([^"]+)"/g,
    ),
  ].map(([, word]) => word as string);
  const text = read("docs/reference/kernel-features.md");
  const forced = [...text.matchAll(/^\|.*\|$/gm)].flatMap(([line]) => {
    const cells = line.split("|").map((cell) => cell.trim());
    return cells.length === 8
      ? [...(cells[5] ?? "").matchAll(/`([^`]+)`/g)].map(([, word]) => word as string)
      : [];
  });
  expect(known.length).toBeGreaterThan(10);
  for (const word of known) expect(text).toContain(`\`${word}\``);
  for (const word of forced) expect(known).toContain(word);
  // Each has another way, which is tested, or is said to have none.
  const only = /## Words of TARE_WITHOUT that change only([\s\S]*?) make /.exec(text)?.[1] ?? "";
  const alone = [...only.matchAll(/`([^`]+)`/g)].map(([, word]) => word as string);
  expect(new Set([...forced, ...alone])).toEqual(new Set(known));
  expect(forced.filter((word) => alone.includes(word))).toEqual([]);
});

test("docs/internals/security.md names for each past vulnerability the tests that attack it, or that there is nothing to attack yet", () => {
  const rows = tableIn(read("docs/internals/security.md"), ["vulnerability", "cause", "in Tare"]);
  expect(rows.length).toBeGreaterThan(25);
  for (const [name = "", , here = ""] of rows) {
    const tests = [...here.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(([, path]) => path as string);
    if (!here.startsWith("not built yet")) expect([name, tests]).not.toEqual([name, []]);
    for (const path of tests) expect([name, existsSync(join(repository, path))]).toEqual([name, true]);
  }
});

test("docs/reference/kernel-features.md names for each word that forces another way the tests that do so", () => {
  const rows = [...read("docs/reference/kernel-features.md").matchAll(/^\|.*\|$/gm)].map(([line]) =>
    line.split("|"),
  );
  const words = rows.flatMap((cells) =>
    cells.length === 8
      ? [...(cells[5] ?? "").matchAll(/`([^`]+)`/g)].map(([, word]) => ({
          word: word as string,
          tests: [...(cells[6] ?? "").matchAll(/`([^`]+\.ts)`/g)].map(([, path]) => path as string),
        }))
      : [],
  );
  expect(words.length).toBeGreaterThan(8);
  for (const { word, tests } of words) {
    expect([word, tests.filter((path) => read(path).includes(`"${word}"`))]).not.toEqual([word, []]);
  }
});

test("docs/guide/library.md shows examples/run.ts as it is", () => {
  const shown = [...read("docs/guide/library.md").matchAll(/```ts\n([\s\S]*?)```/g)].map(
    ([, code]) => code as string,
  );
  expect(shown).toContain(read("examples/run.ts"));
});

test("docs/reference/programs.md names each file of src that starts programs, and no other", () => {
  const starting = list("src", ".ts").filter((path) =>
    /node:child_process|context\.become\(/.test(read(path)),
  );
  const named = pathsIn(read("docs/reference/programs.md")).filter((path) => path.startsWith("src/"));
  expect(named.sort()).toEqual(starting.sort());
});
