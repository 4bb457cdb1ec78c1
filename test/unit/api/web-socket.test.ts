import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  acceptWebSocket,
  encodeWebSocketFrame,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketPart,
} from "../../../src/api/http/web-socket.ts";
import { maskedFrame } from "../../support/web-socket-frames.ts";

const sample = {
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const accept = (fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  acceptWebSocket((name) => new Map(Object.entries(fields)).get(name));

describe("acceptWebSocket()", () => {
  test("answers the RFC's own example, and repeats the one subprotocol", () => {
    const accepted = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    };
    expect(accept(sample)).toEqual(accepted);
    expect(accept({ ...sample, "sec-websocket-protocol": "tty" })).toEqual({
      ...accepted,
      "Sec-WebSocket-Protocol": "tty",
    });
  });

  test.each([
    [{ upgrade: "tcp" }, "Upgrade: websocket"],
    [{ connection: "close" }, "Connection: Upgrade"],
    [{ "sec-websocket-version": "8" }, "must be 13"],
    [{ "sec-websocket-key": "dGhl" }, "16 bytes in base64"],
    [{ "sec-websocket-protocol": "a, b" }, "several subprotocols"],
  ])("refuses %p", (change, why) => {
    expect(() => accept({ ...sample, ...change })).toThrow(why);
  });
});

/** The data of messages joined, and all else in order. */
function decode(bytes: Uint8Array, sizes: readonly number[] = []): { data: string; rest: WebSocketPart[] } {
  const decoder = new WebSocketDecoder();
  const parts: WebSocketPart[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    parts.push(...decoder.push(bytes.subarray(at, at + size)));
    at += size;
  }
  const data = parts.flatMap((part) => (part.kind === "data" ? [Buffer.from(part.bytes)] : []));
  return { data: Buffer.concat(data).toString(), rest: parts.filter(({ kind }) => kind !== "data") };
}

describe("WebSocketDecoder", () => {
  test("gives the messages however the bytes and fragments are cut, with control frames between", () => {
    const long = "x".repeat(70_000);
    const stream = Buffer.concat([
      maskedFrame({ opcode: 1, text: "Hel", isFinal: false }),
      maskedFrame({ opcode: 9, text: "beat" }),
      maskedFrame({ opcode: 10, text: "unasked" }),
      maskedFrame({ opcode: 0, text: "", isFinal: false }),
      maskedFrame({ opcode: 0, text: "lo" }),
      maskedFrame({ opcode: 2, text: "y".repeat(300) }),
      maskedFrame({ opcode: 2, text: long }),
      maskedFrame({ opcode: 8, text: "\x03\xe8bye" }),
      Buffer.from("what follows is ignored"),
    ]);
    const whole = decode(stream);
    expect(whole.data).toBe(`Hello${"y".repeat(300)}${long}`);
    expect(whole.rest).toEqual([
      { kind: "ping", bytes: Buffer.from("beat") },
      { kind: "close", bytes: Buffer.from("\x03\xe8bye", "latin1") },
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 60 }), (sizes) => {
        expect(decode(stream, sizes)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  test("gives the bytes of a frame before its end, and unmasks a copy", () => {
    const decoder = new WebSocketDecoder();
    const frame = maskedFrame({ opcode: 2, text: "0123456789" });
    const before = createHash("sha1").update(frame).digest("hex");
    expect(decoder.push(frame.subarray(0, 10))).toEqual([
      { kind: "data", bytes: Uint8Array.from(Buffer.from("0123")), isFirst: true },
    ]);
    expect(createHash("sha1").update(frame).digest("hex")).toBe(before);
  });

  test.each([
    ["no mask", Buffer.from([0x81, 0x00]), 1002],
    ["a reserved bit", Buffer.from([0xc1, 0x80]), 1002],
    ["a reserved opcode of data", Buffer.from([0x83, 0x80]), 1002],
    ["a reserved control opcode", Buffer.from([0x8b, 0x80]), 1002],
    ["a fragmented ping", Buffer.from([0x09, 0x80]), 1002],
    ["a long ping", Buffer.from([0x89, 0xfe]), 1002],
    ["a continuation of nothing", Buffer.from([0x80, 0x80]), 1002],
    [
      "a message within a message",
      Buffer.concat([maskedFrame({ opcode: 1, text: "a", isFinal: false }), Buffer.from([0x81, 0x80])]),
      1002,
    ],
    ["a closing code that is cut", maskedFrame({ opcode: 8, text: "\x03" }), 1002],
    ["a closing code that is not sent", maskedFrame({ opcode: 8, text: "\x03\xed" }), 1002],
    ["a length of 2^63", Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1009],
    ["more than 1 GiB", Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 1, 0, 0, 0, 0]), 1009],
  ])("refuses %s", (_, bytes, code) => {
    let thrown: unknown;
    try {
      new WebSocketDecoder().push(bytes);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WebSocketError);
    expect(thrown).toMatchObject({ code });
  });
});

test("encodeWebSocketFrame() writes lengths in one, two and eight bytes", () => {
  for (const [length, head] of [
    [125, [0x82, 125]],
    [126, [0x82, 126, 0, 126]],
    [65_535, [0x82, 126, 255, 255]],
    [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ] as const) {
    const frame = encodeWebSocketFrame("binary", new Uint8Array(length));
    expect([...frame.subarray(0, head.length)]).toEqual([...head]);
    expect(frame).toHaveLength(head.length + length);
  }
});
