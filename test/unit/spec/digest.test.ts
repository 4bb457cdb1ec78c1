import { describe, expect, test } from "bun:test";
import { algorithmOf, Digester, digestOf, findDigest, hexOf, parseDigest } from "../../../src/spec/digest.ts";
import { findIdPrefix, findImageId, hasIdPrefix, shortId } from "../../../src/spec/image/id.ts";

const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("parseDigest()", () => {
  test("takes sha256 and sha512", () => {
    expect(hexOf(parseDigest(`sha256:${empty}`))).toBe(empty);
    expect(algorithmOf(parseDigest(`sha512:${empty}${empty}`))).toBe("sha512");
  });
  test.each([
    ["", "invalid checksum digest format"],
    [":abc", "invalid checksum digest format"],
    ["sha256:", "invalid checksum digest format"],
    [empty, "invalid checksum digest format"],
    [`md5:${empty}`, "unsupported digest algorithm"],
    [`SHA256:${empty}`, "unsupported digest algorithm"],
    [`sha256:${empty}0`, "invalid checksum digest length"],
    [`sha512:${empty}`, "invalid checksum digest length"],
    [`sha256:${empty.toUpperCase()}`, "invalid checksum digest format"],
    [`sha256:${"../".repeat(21)}x`, "invalid checksum digest format"],
    [`sha256:${empty.slice(1)}\n`, "invalid checksum digest format"],
  ])("refuses %s", (text, detail) => {
    expect(() => parseDigest(text)).toThrow(detail);
    expect(findDigest(text)).toBeUndefined();
  });
});

test("digestOf() and Digester agree with sha256sum", () => {
  expect(digestOf("")).toBe(parseDigest(`sha256:${empty}`));
  expect(new Digester("sha512").update("a").update("b").finish()).toBe(digestOf("ab", "sha512"));
});

test("findImageId() takes whole ids only, findIdPrefix() beginnings", () => {
  const id = digestOf("");
  expect(findImageId(empty)).toBe(id);
  expect(findImageId(id)).toBe(id);
  expect(findImageId(empty.slice(1))).toBeUndefined();
  expect(findImageId(`sha512:${empty}${empty}`)).toBeUndefined();
  expect(shortId(id)).toBe("e3b0c44298fc");
  expect(findIdPrefix("sha256:e3b")).toBe("e3b");
  expect(findIdPrefix("e3b")).toBe("e3b");
  expect(findIdPrefix("xyz")).toBeUndefined();
  expect(findIdPrefix("")).toBeUndefined();
  expect(hasIdPrefix(id, "e3b0")).toBe(true);
  expect(hasIdPrefix(id, "0")).toBe(false);
});
