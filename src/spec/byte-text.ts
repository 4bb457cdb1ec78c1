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
    const code = character.codePointAt(0) as number;
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
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (bytes[at] as number));
      at += 1;
    } else {
      text += decoder.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** How many bytes at `at` are one well-formed UTF-8 sequence; 0 when they are none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  const sequence = bytes.subarray(at, at + length);
  if (sequence.length < length) return 0;
  try {
    decoder.decode(sequence);
    return length;
  } catch {
    return 0;
  }
}
