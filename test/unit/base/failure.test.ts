import { expect, test } from "bun:test";
import {
  Failure,
  type FailureDetails,
  isAlreadyRunning,
  isFailure,
  within,
} from "../../../src/base/failure.ts";

test("isFailure() narrows details to those of the kind", () => {
  const thrown: unknown = new Failure("conflict", "cannot remove", { details: { users: ["a"] } });
  expect(isFailure(thrown, "not-found")).toBe(false);
  expect(isFailure(thrown, "conflict") && thrown.details.users).toEqual(["a"]);
  expect(isFailure(new Error("conflict"), "conflict")).toBe(false);
  // @ts-expect-error A missing object has no users.
  const wrong: FailureDetails<"not-found"> = { users: ["a"] };
  expect(wrong).toBeDefined();
});

test("within() keeps kind and details, and takes the code of an error that is no Failure", () => {
  const inner = new Failure("conflict", "it runs", { details: { alreadyRunning: true } });
  expect(isAlreadyRunning(within("cannot start", inner))).toBe(true);
  const missing = Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" });
  expect(within("cannot read", missing)).toMatchObject({ kind: "internal", details: { code: "ENOENT" } });
});
