import { encodeName } from "../../src/network/dns/message.ts";

/** A question as a client writes it; with `udpBytes` it brings an OPT record. */
export function queryBytes({
  id,
  name,
  type,
  udpBytes,
}: {
  readonly id: number;
  readonly name: string;
  readonly type: number;
  readonly udpBytes?: number;
}): Uint8Array {
  const labels = name === "" ? Uint8Array.of(0) : (encodeName(name) ?? Uint8Array.of(0));
  const extension = udpBytes === undefined ? 0 : 11;
  const bytes = Buffer.alloc(12 + labels.length + 4 + extension);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(0x0100, 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(extension === 0 ? 0 : 1, 10);
  bytes.set(labels, 12);
  bytes.writeUInt16BE(type, 12 + labels.length);
  bytes.writeUInt16BE(1, 14 + labels.length);
  if (udpBytes !== undefined) {
    bytes.writeUInt16BE(41, bytes.length - 10);
    bytes.writeUInt16BE(udpBytes, bytes.length - 8);
  }
  return new Uint8Array(bytes);
}
