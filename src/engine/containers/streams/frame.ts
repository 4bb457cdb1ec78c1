import type { LogEntry } from "../../../model/logs.ts";

/** Docker's frame around bytes of one stream: stream, 0, 0, 0, length as 32 bits big-endian, bytes. */
export function encodeFrame({ stream, bytes }: Pick<LogEntry, "stream" | "bytes">): Uint8Array {
  const frame = Buffer.allocUnsafe(8 + bytes.length);
  frame.writeUInt32BE(stream === "stdout" ? 0x0100_0000 : 0x0200_0000, 0);
  frame.writeUInt32BE(bytes.length, 4);
  frame.set(bytes, 8);
  return frame;
}
