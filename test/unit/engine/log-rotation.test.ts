import { expect, test } from "bun:test";
import { resolveLogRotation } from "../../../src/engine/resolve/log-rotation.ts";

test("resolveLogRotation() has the engine's default, what is asked for, and no more than ten files", () => {
  const usual = 20 * 1024 * 1024;
  expect(resolveLogRotation(undefined)).toEqual({ maxBytes: usual, files: 3 });
  expect(resolveLogRotation("none")).toBeUndefined();
  expect(resolveLogRotation({ fileBytes: 1000 })).toEqual({ maxBytes: 1000, files: 1 });
  expect(resolveLogRotation({ files: 5 })).toEqual({ maxBytes: usual, files: 5 });
  expect(resolveLogRotation({ fileBytes: 1000, files: 10 })).toEqual({ maxBytes: 1000, files: 10 });
  expect(resolveLogRotation({ fileBytes: 1000, files: 25 })).toEqual({ maxBytes: 2500, files: 10 });
  expect(resolveLogRotation({ fileBytes: Number.MAX_SAFE_INTEGER, files: 1e9 })).toEqual({
    maxBytes: Number.MAX_SAFE_INTEGER,
    files: 10,
  });
});
