import { describe, expect, test } from "bun:test";
import { IgnorePatterns, parseIgnoreFile } from "../../../../src/build/dockerfile/ignore-patterns.ts";

test("parseIgnoreFile() cleans patterns and leaves comments out", () => {
  const text = "\uFEFF# comment\n\n /a/b/ \r\n!  /c\n./d/../e\n #kept\n/\n!\n";
  expect(parseIgnoreFile(text)).toEqual(["a/b", "!c", "e", "#kept", "/", "!"]);
});

describe("matches()", () => {
  test.each([
    [["**"], "file", true],
    [["**"], "dir/file", true],
    [["**/"], "dir/file", true],
    [["**/**"], "dir/file", true],
    [["dir/**"], "dir/file", true],
    [["dir/**"], "dir", false],
    [["**/dir2/*"], "dir/dir2/file", true],
    [["**/dir2/**"], "dir/dir2/dir2/file", true],
    [["**file"], "dir/file", true],
    [["**file"], "dir/afile", true],
    [["**/file"], "dir/afile", false],
    [["**/file"], "file", true],
    [["**/*.txt"], "dir/a.txt", true],
    [["**/*.txt"], "a.txt.gz", false],
    [["a**/*.txt"], "a/dir/file.txt", true],
    [["a[b-d]e"], "ace", true],
    [["a[^b-d]e"], "aze", true],
    [["a[^b-d]e"], "ace", false],
    [["[^a]b"], "/b", true],
    [["a\\*b"], "a*b", true],
    [["a\\*b"], "axb", false],
    [["a.|)$(}+{bc"], "a.|)$(}+{bc", true],
    [["a?c"], "a/c", false],
    [["*"], "a/b", true],
    [["a"], "a/b/c", true],
    [["a/b"], "a/c", false],
    [["*/b"], "a/b/c", true],
    [["dir", "!dir/keep"], "dir/keep", false],
    [["dir", "!dir/keep"], "dir/other", true],
    [["dir/*", "!dir/keep", "dir/keep/x"], "dir/keep/x", true],
    [["*", "!*.md"], "README.md", false],
    [["."], "a", false],
    [["**"], ".", false],
    [["한*"], "한국", true],
  ])("%j and %j: %p", (patterns, path, wanted) => {
    const ignore = new IgnorePatterns(patterns);
    expect(ignore.matches(path)).toBe(wanted);
    let parent: readonly boolean[] | undefined;
    const parts = path.split("/");
    if (path === "." || path.startsWith("/")) return;
    for (const index of parts.keys()) {
      const { ignored, matches } = ignore.matchIn(parts.slice(0, index + 1).join("/"), parent);
      if (index === parts.length - 1) expect(ignored).toBe(wanted);
      parent = matches;
    }
  });

  test.each(["[", "[]", "[a", "a[b-]", "[-a]", "[z-a]", "a\\"])("refuses %j", (pattern) => {
    expect(() => new IgnorePatterns([pattern])).toThrow(
      `syntax error in pattern: ${JSON.stringify(pattern)}`,
    );
  });

  test("refuses an exception of nothing", () => {
    expect(() => new IgnorePatterns(["!"])).toThrow('illegal exclusion pattern: "!"');
  });

  test("ends for patterns with many wildcards", () => {
    const ignore = new IgnorePatterns([`${"**/a*".repeat(60)}b`]);
    expect(ignore.matches("a/".repeat(2000))).toBe(false);
  });
});
