import { describe, expect, test } from "bun:test";
import { failureOfReply, statusOfFailure } from "../../../src/api/http/failure-status.ts";
import type { Operation } from "../../../src/api/http/routes.ts";
import { noSuchImage, toDockerFailure } from "../../../src/api/docker-errors.ts";
import { Failure, type FailureKind } from "../../../src/base/failure.ts";

describe("toDockerFailure()", () => {
  test.each([
    ["containers.start", "not-found", {}, { id: "web" }, "No such container: web"],
    ["containers.start", "not-found", { container: "other" }, { id: "web" }, "No such container: other"],
    ["containers.start", "not-found", { image: "x" }, { id: "web" }, "No such image: x:latest"],
    ["exec.create", "not-found", {}, { id: "web" }, "No such container: web"],
    ["exec.start", "not-found", {}, { id: "e" }, "No such exec instance: e"],
    ["images.inspect", "not-found", {}, { name: "a/b" }, "No such image: a/b:latest"],
    ["networks.inspect", "not-found", {}, { id: "n" }, "network n not found"],
    ["volumes.inspect", "not-found", {}, { name: "v" }, "get v: no such volume"],
    [
      "containers.create",
      "conflict",
      { name: "web", id: "abc" },
      {},
      'Conflict. The container name "/web" is already in use by container "abc". You have to remove (or rename) that container to be able to reuse that name.',
    ],
    [
      "containers.rename",
      "conflict",
      { name: "/web", id: "abc" },
      { id: "x" },
      'Error when allocating new name: Conflict. The container name "/web" is',
    ],
    [
      "containers.remove",
      "conflict",
      { state: "running", id: "abc", name: "web" },
      { id: "abc" },
      'cannot remove container "/web": container is running: stop the container before removing or force remove',
    ],
    [
      "containers.remove",
      "conflict",
      { state: "paused" },
      { id: "web" },
      'cannot remove container "/web": container is paused and must be unpaused first',
    ],
    [
      "containers.remove",
      "conflict",
      { state: "removing" },
      { id: "w" },
      "removal of container w is already in progress",
    ],
    ["containers.kill", "conflict", {}, { id: "w" }, "cannot kill container: w: container w is not running"],
    [
      "exec.start",
      "conflict",
      { state: "paused", id: "abc" },
      { id: "e" },
      "Container abc is paused, unpause the container before exec",
    ],
    [
      "exec.create",
      "conflict",
      { state: "paused" },
      { id: "w" },
      "Container w is paused, unpause the container before exec",
    ],
    [
      "containers.start",
      "invalid",
      { exitCode: 127 },
      { id: "w" },
      "ours: executable file not found in $PATH",
    ],
    ["containers.start", "invalid", { exitCode: 126 }, { id: "w" }, "ours: permission denied"],
    ["containers.start", "conflict", {}, { id: "w" }, "ours"],
    ["images.remove", "conflict", { conflict: "must be forced" }, { name: "w" }, "conflict: must be forced"],
    ["images.create", "not-found", {}, {}, "ours"],
    ["system.info", "internal", {}, {}, "ours"],
  ] as const)("%s, %s, %j", (operation, kind, details, params, sentence) => {
    const failure = new Failure(kind, "ours", { details });
    const converted = toDockerFailure(failure, { operation: operation as Operation, params });
    expect(converted.message).toStartWith(sentence);
    expect([converted.kind, converted.details]).toEqual([kind, details]);
  });
});

test.each([
  ["x", "x:latest"],
  ["x:1", "x:1"],
  ["reg:5000/x", "reg:5000/x:latest"],
  ["x@sha256:a", "x@sha256:a"],
  ["4f2a4f2a4f2a", "4f2a4f2a4f2a"],
] as const)("noSuchImage(%j)", (reference, shown) => {
  expect(noSuchImage(reference)).toBe(`No such image: ${shown}`);
});

test("each kind comes back from its reply as it was", () => {
  const kinds: readonly FailureKind[] = [
    "invalid",
    "not-found",
    "conflict",
    "not-permitted",
    "unsupported",
    "unavailable",
    "exhausted",
    "corrupt",
    "canceled",
    "deadline",
    "internal",
  ];
  for (const kind of kinds) {
    const failure = failureOfReply(statusOfFailure(kind), '{"message":"m"}', { kind });
    expect([failure.kind, failure.message]).toEqual([kind, "m"]);
  }
});

test.each([
  [404, '{"message":"gone"}\n', "not-found", "gone"],
  [401, '{"message":""}', "not-permitted", "the daemon answered with status 401"],
  [500, "plain text\n", "internal", "plain text"],
  [422, "null", "invalid", "null"],
] as const)("failureOfReply(%d, %j)", (status, body, kind, message) => {
  expect(failureOfReply(status, body)).toMatchObject({ kind, message });
});
