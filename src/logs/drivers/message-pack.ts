/** Text, numbers, lists, maps with text as keys, bytes, and the time of Fluentd's forward protocol. */
export type Packed = string | number | Uint8Array | PackedTime | readonly Packed[] | Map<string, Packed>;

/** SPEC: Fluentd forward protocol, EventTime: an extension of type 0 with seconds and nanoseconds. */
export class PackedTime {
  readonly timeNs: bigint;

  constructor(timeNs: bigint) {
    this.timeNs = timeNs;
  }
}

/** SPEC: msgpack, in its shortest forms. Numbers are whole and not negative. */
export function packMessage(value: Packed): Buffer {
  const parts: Uint8Array[] = [];
  pack(value, parts);
  return Buffer.concat(parts);
}

function pack(value: Packed, parts: Uint8Array[]): void {
  if (typeof value === "number") parts.push(packNumber(value));
  else if (typeof value === "string") {
    const bytes = Buffer.from(value);
    parts.push(head(bytes.length, { short: [0xa0, 32], sizes: [0xd9, 0xda, 0xdb] }), bytes);
  } else if (value instanceof Uint8Array)
    // Text of unknown encoding: SPEC: msgpack allows any bytes in text, and receivers take lines as they are.
    parts.push(head(value.length, { short: [0xa0, 32], sizes: [0xd9, 0xda, 0xdb] }), value);
  else if (value instanceof PackedTime) parts.push(packTime(value));
  else if (value instanceof Map) {
    parts.push(head(value.size, { short: [0x80, 16], sizes: [undefined, 0xde, 0xdf] }));
    for (const [name, member] of value) {
      pack(name, parts);
      pack(member, parts);
    }
  } else {
    parts.push(head(value.length, { short: [0x90, 16], sizes: [undefined, 0xdc, 0xdd] }));
    for (const member of value) pack(member, parts);
  }
}

function head(
  length: number,
  {
    short: [base, most],
    sizes: [one, two, four],
  }: {
    readonly short: readonly [base: number, most: number];
    readonly sizes: readonly [one: number | undefined, two: number, four: number];
  },
): Buffer {
  if (length < most) return Buffer.from([base | length]);
  if (length < 0x100 && one !== undefined) return Buffer.from([one, length]);
  if (length < 0x10000) return Buffer.from([two, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(four, 0);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function packNumber(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value]);
  if (value < 0x100000000) {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt8(0xce, 0);
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9);
  bytes.writeUInt8(0xcf, 0);
  bytes.writeBigUInt64BE(BigInt(value), 1);
  return bytes;
}

function packTime({ timeNs }: PackedTime): Buffer {
  const bytes = Buffer.alloc(10);
  bytes.writeUInt16BE(0xd700, 0);
  bytes.writeUInt32BE(Number((timeNs / 1_000_000_000n) & 0xffffffffn), 2);
  bytes.writeUInt32BE(Number(timeNs % 1_000_000_000n), 6);
  return bytes;
}
