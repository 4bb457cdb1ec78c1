import { describe, expect, test } from "bun:test";
import { cleanPath, depthOf, parseTarget } from "../../../src/linux/tree/entry-path.ts";

describe("cleanPath()", () => {
  test("cleanPath() takes out what means nothing", () => {
    const cases: [string, string][] = [
      ["a", "a"],
      ["./a/b/", "a/b"],
      ["a//b/./c", "a/b/c"],
      ["./", ""],
      [".", ""],
      ["...", "..."],
      ["..a/b..", "..a/b.."],
      ["a\nb/ ", "a\nb/ "],
    ];
    for (const [name, path] of cases) expect([name, cleanPath(name, "strict")]).toEqual([name, path]);
    expect(cleanPath("//etc/passwd", "docker")).toBe("etc/passwd");
    expect(cleanPath("/", "docker")).toBe("");
  });

  test("cleanPath() refuses dot-dot wherever it stands, and absolute names unless asked to take them", () => {
    for (const rules of ["strict", "docker"] as const) {
      for (const name of ["..", "../a", "a/..", "a/../b", "./..", "a/.././b", "/..", "/../a", "a//../b"]) {
        expect(() => cleanPath(name, rules)).toThrow("cannot unpack");
      }
    }
    for (const name of ["/", "/a", "//a"]) expect(() => cleanPath(name, "strict")).toThrow("absolute");
  });
});

describe("parseTarget()", () => {
  test("parseTarget() tells whiteouts from members", () => {
    expect(parseTarget("a/.wh.b", "strict")).toEqual({ kind: "whiteout", path: "a/b" });
    expect(parseTarget(".wh.b", "strict")).toEqual({ kind: "whiteout", path: "b" });
    expect(parseTarget("./a/.wh..wh..opq", "strict")).toEqual({ kind: "opaque", path: "a" });
    expect(parseTarget(".wh..wh..opq", "strict")).toEqual({ kind: "opaque", path: "" });
    expect(parseTarget("a/x.wh.b", "strict")).toEqual({ kind: "member", path: "a/x.wh.b" });
    expect(parseTarget(".wh..hidden", "strict")).toEqual({ kind: "whiteout", path: ".hidden" });
    expect(parseTarget(".wh..wh.plnk/1.2", "strict")).toEqual({ kind: "ignored" });
  });

  test("parseTarget() refuses whiteouts of nothing, of dots, and directories with their names", () => {
    for (const name of [".wh.", "a/.wh..", "a/.wh...", ".wh.a/b", "a/.wh.b/c"]) {
      expect(() => parseTarget(name, "docker")).toThrow("whiteout");
    }
  });
});

describe("depthOf()", () => {
  test("depthOf() counts components", () => {
    expect(["", "a", "a/b", "a/b/c"].map(depthOf)).toEqual([0, 1, 2, 3]);
  });
});
