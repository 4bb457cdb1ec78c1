import { expect, test } from "bun:test";
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  rankPlatform,
} from "../../../src/spec/platform.ts";

const host = normalizePlatform("linux", "amd64");

test.each([
  ["linux/x86_64", "linux/amd64"],
  ["linux/amd64/v1", "linux/amd64"],
  ["linux/amd64/3", "linux/amd64/v3"],
  ["linux/aarch64/v8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["linux/armhf", "linux/arm/v7"],
  ["arm64", "linux/arm64"],
  ["linux", "linux/amd64"],
  ["Linux/S390X", "linux/s390x"],
  ["linux/constructor", "linux/constructor"],
  ["macos", "darwin/amd64"],
  ["windows(10.0.17763)/amd64", "windows/amd64"],
])("parsePlatform() normalizes %s", (text, expected) => {
  expect(formatPlatform(parsePlatform(text, host))).toBe(expected);
});

test.each([
  ["foo", '"foo": unknown operating system or architecture: invalid argument'],
  ["constructor", '"constructor": unknown operating system or architecture: invalid argument'],
  ["a/b/c/d", '"a/b/c/d": cannot parse platform specifier: invalid argument'],
  ["linux/*", '"linux/*": wildcards not yet supported: invalid argument'],
  [
    "linux//v7",
    '"" is an invalid component of "linux//v7": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument',
  ],
  [
    "li nux/amd64",
    String.raw`"li nux" is an invalid OS component of "li nux/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$": invalid argument`,
  ],
])("parsePlatform() refuses %j in containerd's words", (text, message) => {
  expect(() => parsePlatform(text, host)).toThrow(message);
});

test.each(["", "linux/a b", "linux/\n", "linux/amd64 "])("parsePlatform() refuses %j", (text) => {
  expect(() => parsePlatform(text, host)).toThrow(/component of/);
});

test.each([
  ["linux/amd64", "linux/amd64/v3", 2],
  ["linux/amd64/v3", "linux/amd64/v3", 0],
  ["linux/amd64/v4", "linux/amd64/v3", undefined],
  ["linux/386", "linux/amd64", 1],
  ["linux/arm/v7", "linux/arm64", 2],
  ["linux/arm64", "linux/amd64", undefined],
  ["windows/amd64", "linux/amd64", undefined],
  ["linux/arm/v7", "linux/arm/v6", undefined],
  ["linux/arm/v5", "linux/arm/v6", 1],
] as const)("rankPlatform() of %s on %s is %p", (platform, on, rank) => {
  expect(rankPlatform(parsePlatform(platform), parsePlatform(on))).toBe(rank as number);
});

test("choosePlatform() takes the best, the first among equals, none when none fits", () => {
  const choose = (...names: string[]) =>
    choosePlatform(names, { host, platformOf: (name) => parsePlatform(name) });
  expect(choose("linux/386", "linux/arm64", "linux/amd64")).toBe("linux/amd64");
  expect(choose("linux/arm64", "linux/386")).toBe("linux/386");
  expect(choose("linux/arm64", "unknown/unknown")).toBeUndefined();
});

test("hostPlatform() is this machine's", () => {
  expect(hostPlatform().os).toBe("linux");
  expect(["amd64", "arm64"]).toContain(hostPlatform().architecture);
});
