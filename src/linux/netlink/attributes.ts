/** One netlink attribute, padded: struct nlattr and its payload. SPEC: netlink(7) */
export type Attribute = Uint8Array;

const NLA_F_NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const HEAD_BYTES = 4;

/** The machine's byte order is little-endian on both architectures; what the network sees is big-endian. */
export function bytesAttribute(type: number, payload: Uint8Array): Attribute {
  const length = HEAD_BYTES + payload.length;
  const attribute = Buffer.alloc((length + 3) & ~3);
  attribute.writeUInt16LE(length, 0);
  attribute.writeUInt16LE(type, 2);
  attribute.set(payload, HEAD_BYTES);
  return attribute;
}

export function textAttribute(type: number, text: string): Attribute {
  return bytesAttribute(type, Buffer.from(`${text}\0`));
}

export function u8Attribute(type: number, value: number): Attribute {
  return bytesAttribute(type, Uint8Array.of(value));
}

export function u16Attribute(type: number, value: number): Attribute {
  const payload = Buffer.alloc(2);
  payload.writeUInt16LE(value);
  return bytesAttribute(type, payload);
}

export function u32Attribute(type: number, value: number): Attribute {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value);
  return bytesAttribute(type, payload);
}

export function i32Attribute(type: number, value: number): Attribute {
  return u32Attribute(type, value >>> 0);
}

/** In network byte order: nfnetlink's numbers. */
export function bigU32Attribute(type: number, value: number): Attribute {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return bytesAttribute(type, payload);
}

export function nestedAttribute(type: number, ...children: readonly Attribute[]): Attribute {
  return bytesAttribute(type | NLA_F_NESTED, Buffer.concat(children));
}

export interface ParsedAttribute {
  readonly type: number;
  readonly payload: Buffer;
}

/** Those that lie one behind the other; a cut one ends the list. */
export function parseAttributes(bytes: Uint8Array, from = 0): readonly ParsedAttribute[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: ParsedAttribute[] = [];
  for (let at = from; at + HEAD_BYTES <= buffer.length; ) {
    const length = buffer.readUInt16LE(at);
    if (length < HEAD_BYTES || at + length > buffer.length) break;
    found.push({
      type: buffer.readUInt16LE(at + 2) & TYPE_MASK,
      payload: buffer.subarray(at + HEAD_BYTES, at + length),
    });
    at += (length + 3) & ~3;
  }
  return found;
}

/** By type; of several of one type, the last. */
export function attributeMap(bytes: Uint8Array, from = 0): ReadonlyMap<number, Buffer> {
  return new Map(parseAttributes(bytes, from).map(({ type, payload }) => [type, payload]));
}

/** Without the NUL at its end. */
export function textOf(payload: Buffer | undefined): string {
  if (payload === undefined) return "";
  const end = payload.indexOf(0);
  return payload.toString("utf8", 0, end < 0 ? payload.length : end);
}
