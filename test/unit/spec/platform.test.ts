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
  ["constructor", "linux/constructor"],
])("parsePlatform() normalizes %s", (text, expected) => {
  expect(formatPlatform(parsePlatform(text, host))).toBe(expected);
});

test.each(["", "a/b/c/d", "linux//v7", "linux/a b", "linux/\n"])("parsePlatform() refuses %j", (text) => {
  expect(() => parsePlatform(text, host)).toThrow("cannot parse platform");
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
