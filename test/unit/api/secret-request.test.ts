import { describe, expect, test } from "bun:test";
import { formatSecret, parseSecretRequest, parseSecret } from "../../../src/api/secret/secret-request.ts";

test("parseSecret() and formatSecret() are each other's way back", () => {
  const reference = { Source: "name", Type: "mount", Target: "/x", UID: 1, GID: 2, Mode: "0400" };
  const planned = { secret: "name", kind: "file", target: "/x", uid: 1, gid: 2, mode: 0o400 } as const;
  expect(parseSecret(reference)).toEqual(planned);
  expect(formatSecret(planned)).toEqual(reference);
  expect(parseSecret({ Source: "name", Type: "env" })).toEqual({ secret: "name", kind: "variable" });
  expect(formatSecret({ secret: "name", kind: "variable" })).toEqual({ Source: "name", Type: "env" });
});

test.each([
  [{}, "it has no name"],
  [{ Source: "a", Type: "odd" }, 'invalid type of secret "odd": want mount or env'],
  [{ Source: "a", Mode: "0x1" }, 'invalid mode "0x1": must be octal'],
])("parseSecret(%j) refuses: %s", (reference, sentence) => {
  expect(() => parseSecret(reference)).toThrow(sentence);
});

describe("parseSecretRequest()", () => {
  test("decodes the value, also one with bytes that are no text", () => {
    const Data = Buffer.from([0, 255, 10]).toString("base64");
    expect(parseSecretRequest({ Name: "a", Data, Labels: { b: "c" } })).toEqual({
      Name: "a",
      Labels: { b: "c" },
      value: Buffer.from([0, 255, 10]),
    });
    expect(parseSecretRequest({ Name: "a" }).value).toHaveLength(0);
  });

  test.each([
    [{ Name: "a", Data: "not base64!" }, "Data must be base64"],
    [{ Name: 1 }, "Name must be a text"],
    [[], "it must be an object"],
  ])("refuses %j", (body, sentence) => {
    expect(() => parseSecretRequest(body)).toThrow(sentence);
  });
});
