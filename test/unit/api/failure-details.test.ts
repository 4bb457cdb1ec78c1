import { describe, expect, test } from "bun:test";
import { startFailureStatus } from "../../../src/api/container/run-text.ts";
import { encodeFailureDetails, parseFailureDetails } from "../../../src/api/http/failure-details.ts";
import { failureOfReply, statusOfFailure } from "../../../src/api/http/failure-status.ts";
import { Failure } from "../../../src/base/failure.ts";

describe("encodeFailureDetails()", () => {
  test("comes back as it was, in ASCII", () => {
    const details = { volume: "daten-ü\u2028", users: ["web", "db"], exitCode: 126, alreadyRunning: true };
    const text = encodeFailureDetails(details) ?? "";
    expect(text).toMatch(/^[\x20-\x7e]+$/);
    expect(parseFailureDetails(text)).toEqual(details);
  });

  test("omits what belongs to one process, and what is too long", () => {
    expect(encodeFailureDetails({ fromDaemon: true, status: 400, silent: true })).toBeUndefined();
    const long = "x".repeat(5000);
    expect(encodeFailureDetails({ path: long, container: "web" })).toBe('{"container":"web"}');
    const users = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(36, "x"));
    const text = encodeFailureDetails({ users, name: "x".repeat(4000), volume: "y".repeat(4000) }) ?? "";
    expect(text.length).toBeLessThanOrEqual(8192);
  });
});

test.each([
  ["", {}],
  ["null", {}],
  ["[1]", {}],
  ['{"users":"web","exitCode":"1","alreadyRunning":1,"pod":null}', {}],
  ['{"users":[1],"__proto__":{"a":1},"fromDaemon":true,"other":1,"pod":"p"}', { pod: "p" }],
])("parseFailureDetails(%j) ignores what it does not know", (text, details) => {
  expect(parseFailureDetails(text)).toEqual(details);
});

describe("failureOfReply()", () => {
  test("restores kind and details from the headers", () => {
    const failure = failureOfReply(409, '{"message":"in use"}', {
      kind: "conflict",
      details: '{"users":["web"]}',
    });
    expect(failure).toMatchObject({
      kind: "conflict",
      message: "in use",
      details: { users: ["web"], status: 409, fromDaemon: true },
    });
  });

  test.each([
    ["No such image: alpine:latest", { image: "alpine:latest" }],
    ["image with reference alpine was found but does not match the specified platform", { image: "alpine" }],
    ['exec: "nope": executable file not found in $PATH', { exitCode: 127 }],
    ['stat /a: no such file or directory: unknown"', { exitCode: 127 }],
    ['exec: "/etc": permission denied', { exitCode: 126 }],
    ["exec /a: exec format error", { exitCode: 126 }],
    ["no space left on device", {}],
  ])("reads Docker's message %j only without Tare's headers", (message, details) => {
    const body = JSON.stringify({ message });
    expect(failureOfReply(400, body).details).toEqual({ ...details, status: 400, fromDaemon: true });
    expect(failureOfReply(400, body, { kind: "invalid" }).details).toEqual({ status: 400, fromDaemon: true });
  });
});

test.each([
  [{ exitCode: 127 }, 127],
  [{ exitCode: 126, code: "ENOENT" }, 126],
  [{ code: "ENOENT" }, 127],
  [{ code: "EACCES" }, 126],
  [{ code: "EISDIR" }, 126],
  [{ code: "ENOSPC" }, 125],
  [{ exitCode: 3 }, 125],
  [{}, 125],
])("startFailureStatus() of %j is %d", (details, status) => {
  // The sentence has no influence.
  const failure = new Failure("invalid", "cannot start web: permission denied", { details });
  expect(startFailureStatus(failure)).toBe(status);
  expect(statusOfFailure(failure.kind)).toBe(400);
});
