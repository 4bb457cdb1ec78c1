import { expect, test } from "bun:test";
import { decodePathStat, encodePathStat } from "../../../src/api/container/path-stat.ts";

const stat = {
  name: "tmp",
  kind: "directory",
  permissions: 0o1777,
  sizeBytes: 4096,
  modified: { seconds: 1_700_000_000, nanoseconds: 5 },
  linkTarget: "",
} as const;

test("encodePathStat() gives Go's file mode", () => {
  const header = JSON.parse(Buffer.from(encodePathStat(stat), "base64").toString()) as { mode: number };
  expect(header.mode).toBe(2147483648 + 1048576 + 0o777);
});

test("decodePathStat() gives back what encodePathStat() was given", () => {
  for (const kind of ["file", "directory", "symlink", "character", "block", "fifo", "socket"] as const)
    for (const permissions of [0, 0o644, 0o7777, 0o4755])
      for (const modified of [stat.modified, { seconds: 0, nanoseconds: 0 }]) {
        const each = { ...stat, kind, permissions, modified, linkTarget: kind === "symlink" ? "/a" : "" };
        expect(decodePathStat(encodePathStat(each))).toEqual(each);
      }
});

test("decodePathStat() refuses what is none", () => {
  for (const text of [undefined, "", "e30", "###"]) expect(() => decodePathStat(text)).toThrow("malformed");
});
