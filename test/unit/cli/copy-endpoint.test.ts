import { describe, expect, test } from "bun:test";
import { type CopyTarget, parseCopyEndpoint, resolveCopy } from "../../../src/cli/copy/copy-endpoint.ts";

describe("parseCopyEndpoint()", () => {
  test.each([
    ["web:/etc", { kind: "container", container: "web", path: "/etc" }],
    ["web:a:b", { kind: "container", container: "web", path: "a:b" }],
    ["web:", { kind: "container", container: "web", path: "" }],
    ["/a:b", { kind: "host", path: "/a:b" }],
    ["./a:b", { kind: "host", path: "./a:b" }],
    ["-", { kind: "host", path: "-" }],
  ] as const)("takes %s apart", (text, place) => {
    expect(parseCopyEndpoint(text)).toEqual(place);
  });
});

describe("resolveCopy()", () => {
  type Row = [string, boolean, string, CopyTarget["found"], string | { directory: string; name: string }];
  const rows: Row[] = [
    ["/a/file", false, "/to/new", undefined, { directory: "/to", name: "new" }],
    ["/a/file", false, "/to/new/", undefined, "no such directory"],
    ["/a/file", false, "/to/old", "other", { directory: "/to", name: "old" }],
    ["/a/file", false, "/to/old/", "other", "not a directory"],
    ["/a/file", false, "/to", "directory", { directory: "/to", name: "file" }],
    ["/a/file/", false, "/to", "directory", "not a directory"],
    ["/a/dir", true, "/to/new", undefined, { directory: "/to", name: "new" }],
    ["/a/dir", true, "/to/new/", undefined, { directory: "/to", name: "new" }],
    ["/a/dir/.", true, "/to/new", undefined, { directory: "/to", name: "new" }],
    ["/a/dir", true, "/to/old", "other", "cannot copy directory"],
    ["/a/dir", true, "/to", "directory", { directory: "/to", name: "dir" }],
    ["/a/dir/", true, "/to/", "directory", { directory: "/to/", name: "dir" }],
    ["/a/dir/.", true, "/to", "directory", { directory: "/to", name: "" }],
    ["/", true, "/to", "directory", { directory: "/to", name: "" }],
    ["/a/file", false, "/new", undefined, { directory: "/", name: "new" }],
    ["/a/file", false, "new", undefined, { directory: ".", name: "new" }],
  ];
  test.each(rows)("%s (directory: %p) to %s (%p)", (path, isDirectory, to, found, expected) => {
    const plan = (): object => resolveCopy({ path, isDirectory }, { path: to, found });
    if (typeof expected === "string") expect(plan).toThrow(expected);
    else expect(plan()).toEqual(expected);
  });
});
