import { expect, test } from "bun:test";
import { connect } from "node:net";
import { BodyMemory } from "../../../src/daemon/http/body-memory.ts";
import { startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

test("BodyMemory refuses what is too much together, and keeps a part for small bodies", () => {
  const memory = new BodyMemory({ totalBytes: 100, reservedBytes: 20, smallBytes: 10 });
  const [first, second, small] = [memory.open(), memory.open(), memory.open()];
  first.add(50);
  expect(() => second.add(31)).toThrow(
    "cannot read the request: the bodies of other requests take 50 bytes, all together may take 80; try again",
  );
  second.add(30);
  small.add(10);
  expect(() => small.add(1)).toThrow("may take 80");
  const other = memory.open();
  other.add(10);
  expect(() => memory.open().add(1)).toThrow("may take 100");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  memory.open().add(30);
});

test("bodies that are read at the same time are refused with 503 beyond a bound, small ones are not", async () => {
  await using daemon = await startDaemon();
  const mebibyte = 1024 * 1024;
  const ofSize = (bytes: number): string =>
    requestText(
      "POST /containers/create",
      JSON.stringify({ Image: "busybox", Labels: { x: "x".repeat(bytes) } }),
    );
  const ask = (text: string): Promise<string> => rawRequest(daemon.socketPath, text, { untilMs: 60_000 });
  const large = ofSize(4 * mebibyte);
  expect(statusOf(await ask(large))).toBe(201);
  // Three requests of 15 MiB whose last byte does not come.
  const held = ofSize(15 * mebibyte).slice(0, -1);
  const sockets = [0, 1, 2].map(() => connect(daemon.socketPath));
  for (const socket of sockets) socket.write(held);
  const refused = await until(large, 503);
  expect(bodyOf(refused)).toMatch(
    /cannot read the request: the bodies of other requests take \d+ bytes, all together may take 50331648; try again/,
  );
  expect(statusOf(await ask(ofSize(10)))).toBe(201);
  for (const socket of sockets) socket.destroy();
  await until(large, 201);

  /** Asks until the daemon has seen what the other connections did. */
  async function until(text: string, status: number): Promise<string> {
    for (;;) {
      const reply = await ask(text);
      if (statusOf(reply) === status) return reply;
    }
  }
}, 120_000);
