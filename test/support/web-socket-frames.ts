/** A frame as clients send it; `text` is latin1. */
export function maskedFrame({
  opcode,
  text,
  isFinal = true,
}: {
  readonly opcode: number;
  readonly text: string;
  readonly isFinal?: boolean;
}): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  const { length } = bytes;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const second = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  const head = Buffer.from([(isFinal ? 0x80 : 0) | opcode, 0x80 | second]);
  const masked = bytes.map((byte, i) => byte ^ (mask[i & 3] ?? 0));
  return Buffer.concat([head, extended, mask, masked]);
}

/** The frames that a server has sent, taken apart; what is cut at the end is left out. */
export function framesOf(bytes: Buffer): readonly { readonly opcode: number; readonly bytes: Buffer }[] {
  const frames: { readonly opcode: number; readonly bytes: Buffer }[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const kind = bytes.readUInt8(at + 1);
    const start = at + 2 + (kind === 126 ? 2 : kind === 127 ? 8 : 0);
    if (start > bytes.length) break;
    const length =
      kind === 126 ? bytes.readUInt16BE(at + 2) : kind === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : kind;
    if (start + length > bytes.length) break;
    frames.push({ opcode: bytes.readUInt8(at) & 0x0f, bytes: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}
