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

  test("cleanPath() resolves dot-dot inside the root", () => {
    const cases: [string, string][] = [
      ["a/..", ""],
      ["a/../b", "b"],
      ["./a/./../b/", "b"],
      ["a//../b", "b"],
      ["a/b/../../c", "c"],
      ["a/b/c/../../d/..", "a"],
    ];
    for (const rules of ["strict", "docker"] as const)
      for (const [name, path] of cases) expect([name, cleanPath(name, rules)]).toEqual([name, path]);
    expect(cleanPath("/a/../b", "docker")).toBe("b");
  });

  test("cleanPath() refuses dot-dot that leaves the root, and absolute names unless asked to take them", () => {
    for (const rules of ["strict", "docker"] as const) {
      for (const name of [
        "..",
        "../a",
        "./..",
        "a/.././../b",
        "/..",
        "/../a",
        "a/../../a",
        "../a/..",
        "a/b/../../../c",
      ]) {
        expect(() => cleanPath(name, rules)).toThrow("cannot unpack");
      }
    }
    for (const name of ["/", "/a", "//a", "/a/../b"])
      expect(() => cleanPath(name, "strict")).toThrow("absolute");
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
    expect(parseTarget("a/../.wh.b", "strict")).toEqual({ kind: "whiteout", path: "b" });
    expect(parseTarget("a/.wh.b/../c", "strict")).toEqual({ kind: "member", path: "a/c" });
  });

  test("parseTarget() knows the files of aufs, and those that hard links of old layers name", () => {
    for (const name of [
      ".wh..wh.plnk",
      ".wh..wh.plnk/a/b",
      ".wh..wh.aufs",
      ".wh..wh.orph/x",
      "a/.wh..wh.plnk/1",
    ])
      expect([name, parseTarget(name, "strict")]).toEqual([name, { kind: "ignored" }]);
    const path = ".wh..wh.plnk/1.2";
    expect(parseTarget(`./${path}`, "strict")).toEqual({ kind: "link-source", path });
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
