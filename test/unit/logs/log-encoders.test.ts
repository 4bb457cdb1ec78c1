import { describe, expect, test } from "bun:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { AckReader, FluentdEncoder } from "../../../src/logs/drivers/fluentd-encoder.ts";
import { GelfEncoder } from "../../../src/logs/drivers/gelf-encoder.ts";
import { JournaldEncoder } from "../../../src/logs/drivers/journald-encoder.ts";
import { packMessage } from "../../../src/logs/drivers/message-pack.ts";
import type { LogMessage, MessageContext } from "../../../src/logs/drivers/message.ts";
import { PartialTracker } from "../../../src/logs/drivers/partial-tracker.ts";
import { SyslogEncoder } from "../../../src/logs/drivers/syslog-encoder.ts";
import {
  decodePosition,
  encodePosition,
  firstPosition,
} from "../../../src/logs/forwarding/forwarding-position.ts";
import type { LogEntry } from "../../../src/logs/log-entry.ts";
import { renderLogTag, selectLogAttributes } from "../../../src/spec/log-driver/log-attributes.ts";
import type { GelfReceiver, SyslogFormat } from "../../../src/spec/log-driver/log-receiver.ts";

const context: MessageContext = {
  hostname: "host",
  pid: 7,
  containerId: "c".repeat(64),
  containerName: "web",
  imageId: "sha256:1234567890",
  imageName: "nginx:1",
  command: "nginx -g x",
  created: "2026-01-02T03:04:05.000Z",
  tag: "the-tag",
  attributes: [["role", "front"]],
};
const timeNs = 1_767_323_045_123_456_789n;

function message(line: string | Uint8Array, more: Partial<LogMessage> = {}): LogMessage {
  return { stream: "stdout", timeNs, line: Buffer.from(line), partial: undefined, ...more };
}

describe("SyslogEncoder", () => {
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`;
  test.each([
    ["", /^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d the-tag\[7\]: a line\n$/],
    ["rfc3164", /^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d host the-tag\[7\]: a line\n$/],
    ["rfc5424", new RegExp(`^<14>1 ${time}(Z|[+-]\\d\\d:\\d\\d) host the-tag 7 the-tag - a line\\n$`)],
    [
      "rfc5424micro",
      new RegExp(`^<14>1 ${time}\\.123456(Z|[+-]\\d\\d:\\d\\d) host the-tag 7 the-tag - a line\\n$`),
    ],
  ] as [SyslogFormat, RegExp][])("format %j", (format, wanted) => {
    const encoder = new SyslogEncoder(context, { facility: 1, format, countsOctets: false });
    expect(Buffer.concat(encoder.encode(message("a line"))).toString()).toMatch(wanted);
  });

  test("stderr is an error; with counted octets the length is in front", () => {
    const encoder = new SyslogEncoder(context, { facility: 23, format: "rfc5424", countsOctets: true });
    const text = Buffer.concat(encoder.encode(message("é", { stream: "stderr" }))).toString("latin1");
    const [, length = "", rest = ""] = /^(\d+) (.*)$/s.exec(text) ?? [];
    expect(Number(length)).toBe(rest.length);
    expect(rest).toStartWith("<187>1 ");
  });
});

describe("GelfEncoder", () => {
  const udp: GelfReceiver = {
    driver: "gelf",
    address: { transport: "udp", host: "h", port: 1 },
    compression: "none",
    level: 1,
  };

  test("all members", () => {
    const [bytes = new Uint8Array()] = new GelfEncoder(context, udp).encode(
      message("x", { stream: "stderr" }),
    );
    expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({
      version: "1.1",
      host: "host",
      short_message: "x",
      timestamp: 1767323045.123,
      level: 3,
      _command: "nginx -g x",
      _container_id: context.containerId,
      _container_name: "web",
      _created: context.created,
      _image_id: context.imageId,
      _image_name: "nginx:1",
      _tag: "the-tag",
      _role: "front",
    });
  });

  test("compression, a zero byte on TCP, and nothing for an empty line", () => {
    const one = (receiver: GelfReceiver): Uint8Array =>
      new GelfEncoder(context, receiver).encode(message("abc"))[0] ?? new Uint8Array();
    expect(gunzipSync(one({ ...udp, compression: "gzip" })).toString()).toContain('"short_message":"abc"');
    expect(inflateSync(one({ ...udp, compression: "zlib" })).toString()).toContain('"short_message":"abc"');
    expect(one({ ...udp, address: { transport: "tcp", host: "h", port: 1 } }).at(-1)).toBe(0);
    expect(new GelfEncoder(context, udp).encode(message(""))).toEqual([]);
  });

  test("a long message comes in chunks of 1420 bytes, one that needs more than 128 not at all", () => {
    const chunks = new GelfEncoder(context, udp).encode(message("y".repeat(5000)));
    expect(chunks.length).toBe(4);
    chunks.forEach((chunk, index) => {
      expect(chunk.length).toBeLessThanOrEqual(1420);
      expect([...chunk.subarray(0, 2), ...chunk.subarray(10, 12)]).toEqual([0x1e, 0x0f, index, 4]);
    });
    const whole = Buffer.concat(chunks.map((chunk) => chunk.subarray(12))).toString();
    expect(JSON.parse(whole)).toMatchObject({ short_message: "y".repeat(5000) });
    expect(new GelfEncoder(context, udp).encode(message("y".repeat(200_000)))).toEqual([]);
  });
});

test("JournaldEncoder writes fields, and values with line ends behind their length", () => {
  const encoder = new JournaldEncoder({ ...context, attributes: [["9-my.role", "a\nb"]] });
  const partial = { id: "f", ordinal: 2, isLast: false };
  const text = Buffer.concat(encoder.encode(message("x", { partial }))).toString("latin1");
  expect(text).toStartWith("MESSAGE=x\nPRIORITY=6\nCONTAINER_ID=cccccccccccc\nCONTAINER_ID_FULL=");
  expect(text).toContain("\nCONTAINER_TAG=the-tag\nIMAGE_NAME=nginx:1\nSYSLOG_IDENTIFIER=the-tag\n");
  expect(text).toContain("MY_ROLE\n\x03\0\0\0\0\0\0\0a\nb\n");
  expect(text).toContain("\nCONTAINER_PARTIAL_MESSAGE=true\nCONTAINER_PARTIAL_ID=f\n");
  expect(text).toEndWith("CONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=false\n");
});

describe("FluentdEncoder", () => {
  test("message mode, with whole seconds or the time of an event", () => {
    const options = { hasSubSeconds: false, requestsAck: false };
    const plain = Buffer.concat(new FluentdEncoder(context, options).encode(message("hi")));
    expect(plain.subarray(0, 9).toString("latin1")).toBe("\x93\xa7the-tag");
    expect(plain.subarray(9, 15).toString("hex")).toBe("ce695735a585");
    expect(plain.toString("latin1")).toContain("\xa3log\xa2hi\xa4role\xa5front");
    const exact = Buffer.concat(
      new FluentdEncoder(context, { ...options, hasSubSeconds: true }).encode(message("hi")),
    );
    expect(exact.subarray(9, 19).toString("hex")).toBe("d700695735a5075bcd15");
  });

  test("waits for its chunk, which AckReader finds in pieces of any size", () => {
    const encoder = new FluentdEncoder(context, { hasSubSeconds: false, requestsAck: true });
    encoder.encode(message("hi"));
    const [chunk = ""] = encoder.unconfirmed;
    const answer = packMessage(new Map([["ack", chunk]]));
    const reader = new AckReader();
    const found = [...answer].flatMap((byte) => reader.push(Buffer.from([byte])) ?? ["wrong"]);
    expect(found).toEqual([chunk]);
    expect(new AckReader().push(Buffer.from("HTTP/1.1"))).toBeUndefined();
  });
});

test("packMessage() uses the forms of each length", () => {
  const hex = (value: Parameters<typeof packMessage>[0]): string =>
    packMessage(value).subarray(0, 5).toString("hex");
  expect(hex(5)).toBe("05");
  expect(hex(300)).toBe("ce0000012c");
  expect(hex("x".repeat(31))).toStartWith("bf");
  expect(hex("x".repeat(32))).toStartWith("d920");
  expect(hex("x".repeat(256))).toStartWith("da0100");
  expect(hex("x".repeat(70_000))).toBe("db00011170");
  expect(hex(Array.from({ length: 16 }, () => 1))).toStartWith("dc0010");
  expect(hex(new Map(Array.from({ length: 16 }, (_, at) => [String(at), 1])))).toStartWith("de0010");
});

test("PartialTracker numbers the pieces of a long line, from its state on, too", () => {
  const entry = (text: string, stream: LogEntry["stream"] = "stdout"): LogEntry => ({
    stream,
    timeNs,
    bytes: Buffer.from(text),
  });
  const options = { mostBytes: 4 };
  const tracker = new PartialTracker("id");
  expect(tracker.next(entry("abc\n"), options)).toBeUndefined();
  const first = tracker.next(entry("abcd"), options);
  expect(first).toMatchObject({ ordinal: 1, isLast: false });
  expect(tracker.next(entry("x\n", "stderr"), options)).toBeUndefined();
  const later = new PartialTracker("id", tracker.state());
  expect(later.next(entry("e\n"), options)).toEqual({ id: first?.id ?? "", ordinal: 2, isLast: true });
  expect(later.next(entry("f\n"), options)).toBeUndefined();
});

test("decodePosition() is the way back of encodePosition(), and refuses what is cut off", () => {
  const position = {
    ...firstPosition,
    sequence: 9n,
    offset: 123_456,
    open: [
      { bytes: Buffer.from("begun"), timeNs: 5n },
      { bytes: Buffer.from(""), timeNs: 0n },
    ],
    partial: [undefined, { ordinal: 3, timeNs: 4n }] as const,
    entries: 17,
    sent: 99,
    droppedBytes: 5,
    isComplete: true,
  };
  const bytes = encodePosition(position);
  expect(decodePosition(bytes)).toEqual(position);
  expect(decodePosition(encodePosition(firstPosition))).toEqual(firstPosition);
  expect(decodePosition(bytes.subarray(0, -1))).toBeUndefined();
  expect(decodePosition(Buffer.from("something else"))).toBeUndefined();
});

describe("attributes of a container's log", () => {
  const container = {
    id: "0123456789abcdef",
    name: "web",
    command: ["nginx", "-g"],
    imageId: "sha256:1234567890",
    imageName: "nginx",
    created: "",
    labels: { "com.a": "1", "com.b": "2", other: "3" },
    env: ["HOME=/", "LOG_LEVEL=x=y"],
  };
  test.each([
    ["{{.ID}}", "0123456789ab"],
    ["{{.ImageName}}/{{.Name}}/{{.ImageID}}", "nginx/web/sha256:12345"],
    ["{{.DaemonName}}-{{upper .Name}}", "tare-WEB"],
    ['{{index .ContainerLabels "other"}} {{.Command}}', "3 nginx -g"],
  ])("renderLogTag(%s)", (template, wanted) => {
    expect(renderLogTag(template, container)).toBe(wanted);
  });

  test("renderLogTag() refuses an unknown field", () => {
    expect(() => renderLogTag("{{.Nope}}", container)).toThrow("failed to initialize logging driver");
  });

  test("selectLogAttributes() takes names and patterns", () => {
    const options = new Map([
      ["labels", "other,absent"],
      ["labels-regex", "^com\\.b"],
      ["env", "HOME"],
      ["env-regex", "^LOG_"],
    ]);
    expect([...selectLogAttributes(options, container)]).toEqual([
      ["other", "3"],
      ["com.b", "2"],
      ["HOME", "/"],
      ["LOG_LEVEL", "x=y"],
    ]);
  });
});
