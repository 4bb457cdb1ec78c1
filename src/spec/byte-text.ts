import { TextDecoder, TextEncoder } from "node:util";

// File names on Linux are bytes, and bytes that are no UTF-8 are legal. They are kept in strings
// as Python's surrogateescape (PEP 383) does: each such byte b is the lone surrogate U+DC00 + b.
// Text made by decodeBytes() encodes back to exactly the same bytes.

const decoder: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder: TextEncoder = new TextEncoder();
const notAscii: RegExp = /[^\0-\x7f]/;
const surrogate: RegExp = /[\ud800-\udfff]/;

/** The text of bytes that are UTF-8 in most cases; what isn't is kept as lone surrogates U+DC80 to U+DCFF. */
export function decodeBytes(bytes: Uint8Array): string {
  const latin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (!notAscii.test(latin)) return latin;
  try {
    return decoder.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

/** The bytes of a text from decodeBytes(). A lone surrogate that stands for no byte becomes U+FFFD. */
export function encodeBytes(text: string): Uint8Array {
  if (!surrogate.test(text)) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code & 0xff);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}

/** True when the text holds bytes that are not UTF-8. */
export function hasEscapedBytes(text: string): boolean {
  return surrogate.test(text) && /[\udc80-\udcff]/u.test(text);
}

/** True when each character is one byte of ASCII. */
export function isAscii(text: string): boolean {
  return !notAscii.test(text);
}

function decodeEscaped(bytes: Uint8Array): string {
  const parts: string[] = [];
  let valid = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > valid) parts.push(decoder.decode(bytes.subarray(valid, at)));
    parts.push(String.fromCharCode(0xdc00 + (bytes[at] ?? 0)));
    at += 1;
    valid = at;
  }
  if (bytes.length > valid) parts.push(decoder.decode(bytes.subarray(valid)));
  return parts.join("");
}

/** How many bytes at `at` are one well-formed UTF-8 sequence; 0 when they are none. SPEC: Unicode, table 3-7. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const second = bytes[at + 1] ?? 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (length === 0 || second < lowest || second > highest) return 0;
  for (let index = at + 2; index < at + length; index++) {
    if (((bytes[index] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
