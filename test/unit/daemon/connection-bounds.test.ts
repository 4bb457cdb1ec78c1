import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { ConnectionBounds, connectionKindOf } from "../../../src/daemon/http/connection-bounds.ts";

const limits = { events: 1, streams: 2, requests: 1, control: 1, idle: 2 };

test("ConnectionBounds.enter() refuses more of a kind than there may be; others go on", () => {
  const bounds = new ConnectionBounds(limits);
  const leave = bounds.enter("events");
  expect(() => bounds.enter("events")).toThrow(/^cannot answer the request: 1 event streams are open/);
  bounds.enter("control");
  leave();
  leave(); // once only
  bounds.enter("events");
  expect(() => bounds.enter("events")).toThrow();
});

test("ConnectionBounds.rest() closes the connections that have been idle longest", async () => {
  const bounds = new ConnectionBounds(limits);
  const connections = Array.from({ length: 6 }, () => new PassThrough());
  const [first, second, third, fourth, ...rest] = connections as [
    PassThrough,
    PassThrough,
    PassThrough,
    PassThrough,
    ...PassThrough[],
  ];
  bounds.rest(first, { isUsed: true });
  bounds.rest(second, { isUsed: true });
  bounds.wake(first);
  bounds.rest(third, { isUsed: false });
  bounds.wake(third); // its request has come in the same turn
  for (const connection of [fourth, ...rest]) bounds.rest(connection, { isUsed: false });
  await new Promise((resolve) => setImmediate(resolve));
  expect(connections.map(({ writableEnded, destroyed }) => writableEnded || destroyed)).toEqual([
    false,
    true,
    false,
    true,
    false,
    false,
  ]);
  expect(second.read()).toBeNull();
  expect(String(fourth.read())).toMatch(
    /^HTTP\/1.1 503 [^]*"message":"cannot answer the request: 2 connections/,
  );
});

test("connectionKindOf() tells streams, and what ends things, from other requests", () => {
  const plain = { isUpgrade: false };
  expect(connectionKindOf("events.stream", plain)).toBe("events");
  expect(connectionKindOf("containers.logs", plain)).toBe("streams");
  expect(connectionKindOf("containers.create", { isUpgrade: true })).toBe("streams");
  expect(connectionKindOf("containers.stop", plain)).toBe("control");
  expect(connectionKindOf("images.load", plain)).toBe("requests");
});
