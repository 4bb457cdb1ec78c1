import { describe, expect, test } from "bun:test";
import { formatFailures, nameFailure, readFailures } from "../../../scripts/read-failures.mjs";

const summary = "\n 4 pass\n 2 fail\n 9 expect() calls\nRan 6 tests across 1 file. [1.20s]\n";

function output(...lines: string[]): string {
  return `bun test v1.4.5 (a7733435c)\nbun test v1.4.5 (a7733435c)\n\ntest/a.test.ts:\n\ntest/a.test.ts:\n${lines.join("\n")}\n${summary}`;
}

describe("failures of a run", () => {
  test("are the lines between the test before and the failed one", () => {
    const text = output(
      "noise of a",
      "(pass) a [1.00ms]",
      "noise of b",
      "error: expect(received).toBe(expected)",
      "(fail) suite > b [2125.40ms]",
      "noise of c",
      "(pass) c",
      "(skip) d",
      "(todo) e",
      "error: of f",
      "(fail) f [3.5s]",
      "(pass) g",
    );
    expect(readFailures(text, 1)).toEqual([
      {
        file: "test/a.test.ts",
        name: "suite > b",
        lines: ["noise of b", "error: expect(received).toBe(expected)", "(fail) suite > b [2125.40ms]"],
      },
      { file: "test/a.test.ts", name: "f", lines: ["error: of f", "(fail) f [3.5s]"] },
    ]);
  });

  test("of the first test have no heading before them, and tell the file that they are of", () => {
    const text = output(
      "",
      "error: of a",
      "(fail) a",
      "left",
      "",
      "test/b.test.ts:",
      "",
      "error: of b",
      "(fail) b",
    );
    expect(readFailures(text, 1)).toEqual([
      { file: "test/a.test.ts", name: "a", lines: ["error: of a", "(fail) a"] },
      { file: "test/b.test.ts", name: "b", lines: ["error: of b", "(fail) b"] },
    ]);
  });

  test("take the line that says why, after the name", () => {
    const text = output("(fail) a [100.21ms]", "  ^ this test timed out after 100ms.", "(pass) b");
    expect(readFailures(text, 1)[0]?.lines).toEqual([
      "(fail) a [100.21ms]",
      "  ^ this test timed out after 100ms.",
    ]);
  });

  test("of hooks and outside of tests are among them", () => {
    const rule = "-".repeat(31);
    const text = output(
      "(pass) a",
      "error: before all",
      "(fail) hooks > (unnamed) [0.02ms]",
      "",
      "# Unhandled error between tests",
      rule,
      "error: load",
      rule,
      "",
      "(pass) b",
    );
    expect(readFailures(text, 1)).toEqual([
      {
        file: "test/a.test.ts",
        name: "hooks > (unnamed)",
        lines: ["error: before all", "(fail) hooks > (unnamed) [0.02ms]"],
      },
      {
        file: "test/a.test.ts",
        name: "(error outside of a test)",
        lines: ["# Unhandled error between tests", "error: load"],
      },
    ]);
  });

  test("are not in a run without one", () => {
    expect(readFailures(output("(pass) a", "(skip) b"), 0)).toEqual([]);
  });

  test("are one more in a run that ended without its summary, with its last lines", () => {
    const text = output("(pass) a", "the last word").replace(summary, "");
    expect(readFailures(text, null)).toEqual([
      { file: "test/a.test.ts", name: "(the run ended without its summary)", lines: ["the last word"] },
    ]);
    expect(readFailures("", null)).toEqual([
      { file: "", name: "(the run ended without its summary)", lines: [] },
    ]);
  });

  test("are one in a run whose status alone says so", () => {
    expect(readFailures(output("(pass) a"), 7)[0]?.name).toBe("(the run ended with status 7)");
  });

  test("are told by their begin and their end when they are long", () => {
    const lines = Array.from({ length: 200 }, (_, n) => `line ${n}`);
    const told = readFailures(output("(pass) a", ...lines, "(fail) b"), 1)[0]?.lines ?? [];
    expect(told).toHaveLength(61);
    expect(told.slice(14, 17)).toEqual(["line 14", "[… 141 lines …]", "line 156"]);
    expect(told.at(-1)).toBe("(fail) b");
  });

  test("have no line that is longer than 300 characters, and nothing but text", () => {
    const text = output(`\u001b[31mred\u0007\u0000\r\u009b\u2028\tä`, "x".repeat(1000), "(fail) \u001bb");
    const failures = readFailures(text, 1);
    expect(failures[0]?.lines).toEqual([
      "\\x1b[31mred\\x07\\x00\\x0d\\x9b\\x2028\tä",
      `${"x".repeat(299)}…`,
      "(fail) \\x1bb",
    ]);
    expect(failures.map(nameFailure)).toEqual(["failed: test/a.test.ts > \\x1bb"]);
  });

  test("are told with their lines, the first ten, and by their names, the others", () => {
    const lines = Array.from({ length: 12 }, (_, n) => `error: of ${n}\n(fail) test ${n}`);
    const text = formatFailures(readFailures(output(...lines), 1));
    expect(text).toContain("error: of 9\n(fail) test 9\n(fail) test 10\n(fail) test 11");
    expect(text).not.toContain("error: of 10");
  });
});
