import { expect, test } from "bun:test";
import { resolveHealthWarnings } from "../../../src/engine/resolve/health-warnings.ts";
import { resolveLogRotation } from "../../../src/engine/resolve/log-rotation.ts";
import type { ImageDefaults } from "../../../src/spec/image/config.ts";

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

test("resolveHealthWarnings() names the check that is not run", () => {
  const image = (test: readonly string[] | undefined): ImageDefaults =>
    (test === undefined ? {} : { healthcheck: { test } }) as ImageDefaults;
  const warn = (own: readonly string[] | undefined, of: readonly string[] | undefined) =>
    resolveHealthWarnings(
      { image: "x", lifecycle: own === undefined ? {} : { healthcheck: own } },
      image(of),
    );
  for (const [own, of] of [
    [undefined, undefined],
    [undefined, []],
    [undefined, ["NONE"]],
    [["NONE"], ["CMD", "x"]],
    [[], ["NONE"]],
  ] as const)
    expect(warn(own, of)).toEqual([]);
  expect(warn(undefined, ["CMD", "x"])).toEqual([expect.stringContaining("the HEALTHCHECK of the image")]);
  expect(warn([], ["CMD-SHELL", "x"])).toEqual([expect.stringContaining("the HEALTHCHECK of the image")]);
  expect(warn(["CMD", "y"], ["NONE"])).toEqual([
    expect.stringContaining("the health check of the container"),
  ]);
});
