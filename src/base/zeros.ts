const zeros: Uint8Array = new Uint8Array(1 << 18);

/** Whether all bytes are 0; true of none. */
export function isAllZeros(bytes: Uint8Array): boolean {
  if ((bytes[0] ?? 0) !== 0 || (bytes.at(-1) ?? 0) !== 0) return false;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const piece = bytes.subarray(at, at + zeros.length);
    if (Buffer.compare(piece, zeros.subarray(0, piece.length)) !== 0) return false;
  }
  return true;
}
