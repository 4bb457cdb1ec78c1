import { expect, test } from "bun:test";
import fc from "fast-check";
import protobuf from "protobufjs/light.js";
import { Failure } from "../../../../src/base/failure.ts";
import {
  decodeFilePacket,
  encodeFilePacket,
  type FilePacket,
  goOfMode,
  modeOfGo,
} from "../../../../src/daemon/buildkit/file-packet.ts";
import { messageDescriptors } from "../../../../src/daemon/buildkit/messages.ts";

const packetType = protobuf.Root.fromJSON(messageDescriptors()).lookupType("fsutil.types.Packet");

const modes = fc
  .tuple(
    fc.constantFrom(0o100000, 0o040000, 0o120000, 0o010000, 0o140000, 0o020000, 0o060000),
    fc.integer({ min: 0, max: 0o7777 }),
  )
  .map(([type, bits]) => type | bits);

const entries = fc.record({
  path: fc.string({ unit: "grapheme", maxLength: 40 }).filter((path) => !path.includes("\ufffd")),
  mode: modes,
  uid: fc.nat(2 ** 32 - 1),
  gid: fc.nat(2 ** 32 - 1),
  sizeBytes: fc.maxSafeNat(),
  modifiedNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  target: fc.option(fc.string({ minLength: 1, maxLength: 20 }), { nil: undefined }),
  xattrs: fc
    .array(fc.tuple(fc.stringMatching(/^user\.[a-z]{1,6}$/), fc.uint8Array({ maxLength: 9 })))
    .map((pairs) => new Map(pairs)),
});

const packets: fc.Arbitrary<FilePacket> = fc.oneof(
  entries.map((entry) => {
    const isDevice = [0o020000, 0o060000].includes(entry.mode & 0o170000);
    return {
      type: "stat",
      entry: { ...entry, device: isDevice ? { major: 1, minor: 300 } : undefined },
    } as const;
  }),
  fc.constant({ type: "stat", entry: undefined } as const),
  fc.record({ type: fc.constant("request" as const), id: fc.nat(2 ** 32 - 1) }),
  fc.record({
    type: fc.constant("data" as const),
    id: fc.nat(2 ** 32 - 1),
    bytes: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.constant({ type: "finish" } as const),
  fc.record({ type: fc.constant("error" as const), message: fc.string({ maxLength: 50 }) }),
);

const plain = (packet: FilePacket): unknown =>
  packet.type === "data"
    ? { ...packet, bytes: [...packet.bytes] }
    : packet.type === "stat" && packet.entry !== undefined
      ? { ...packet.entry, xattrs: [...packet.entry.xattrs].map(([name, value]) => [name, [...value]]) }
      : packet;

test("decodeFilePacket() reads what encodeFilePacket() writes", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      expect(plain(decodeFilePacket(encodeFilePacket(packet)))).toEqual(plain(packet));
    }),
  );
});

test("encodeFilePacket() writes messages of the published descriptor", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const bytes = encodeFilePacket({ type: "stat", entry: { ...entry, device: undefined } });
      const { stat } = packetType.toObject(packetType.decode(bytes), {
        longs: String,
        bytes: Array,
        defaults: true,
        objects: true,
      });
      expect(stat).toMatchObject({
        path: entry.path,
        mode: goOfMode(entry.mode),
        uid: entry.uid,
        size: String(entry.sizeBytes),
        modTime: String(entry.modifiedNs),
        linkname: entry.target ?? "",
      });
      expect(Object.keys(stat.xattrs).length).toBe(entry.xattrs.size);
      const again = packetType.encode(packetType.decode(bytes)).finish();
      expect(plain(decodeFilePacket(again))).toEqual(plain(decodeFilePacket(bytes)));
    }),
  );
});

test("decodeFilePacket() gives a packet or one failure for any bytes", () => {
  const decode = (bytes: Uint8Array): void => {
    try {
      decodeFilePacket(bytes);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== "invalid") throw thrown;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decode), { numRuns: 5000 });
  fc.assert(
    fc.property(
      packets,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
      fc.nat(400),
      (packet, changes, length) => {
        const bytes = Uint8Array.from(encodeFilePacket(packet));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        decode(bytes.subarray(0, length));
      },
    ),
    { numRuns: 3000 },
  );
});

test("decodeFilePacket() bounds names and attributes", () => {
  const entry = {
    path: "a",
    mode: 0o100644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedNs: 0n,
    xattrs: new Map<string, Uint8Array>(),
  };
  const decode = (more: object): FilePacket =>
    decodeFilePacket(encodeFilePacket({ type: "stat", entry: { ...entry, ...more } }));
  expect(() => decode({ path: "n".repeat(4097) })).toThrow(/too long/);
  expect(() => decode({ xattrs: new Map([["user.a", new Uint8Array(70_000)]]) })).toThrow(
    /too many extended attributes/,
  );
  expect(() =>
    decode({ xattrs: new Map(Array.from({ length: 65 }, (_, at) => [`user.${at}`, new Uint8Array(1)])) }),
  ).toThrow(/too many extended attributes/);
  expect(() => decodeFilePacket(Uint8Array.of(0x08, 9))).toThrow(/type 9/);
});

test("modeOfGo() and goOfMode() are inverse, and types of no file are refused", () => {
  fc.assert(fc.property(modes, (mode) => expect(modeOfGo(goOfMode(mode))).toBe(mode)));
  expect(modeOfGo(0o644)).toBe(0o100644);
  expect(modeOfGo(2 ** 31 + 0o755)).toBe(0o040755);
  expect(() => modeOfGo(2 ** 31 + 2 ** 27)).toThrow(/a file of the type/);
  expect(() => modeOfGo(2 ** 19)).toThrow(/a file of the type/);
});

test("names that are not UTF-8 keep their bytes", () => {
  const name = Buffer.from([0x61, 0xff, 0x62]);
  const stat = packetType.encode({ type: 0, stat: { mode: 0o644 } }).finish();
  const body = Buffer.concat([Buffer.from([0x0a, name.length]), name, Buffer.from([0x10, 0xa4, 0x03])]);
  const packet = decodeFilePacket(Buffer.concat([Buffer.from([0x12, body.length]), body]));
  expect(stat.length).toBeGreaterThan(0);
  expect(encodeFilePacket(packet).includes(name)).toBe(true);
});
