import { decodeBytes } from "../byte-text.ts";
import { corrupt } from "./corrupt.ts";

export interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
/** Names of attributes have 255 bytes at most. */
const KEY_BYTES = 512;
/** A record's own length has so many digits at most: bodies are far below 10 MB. */
const LENGTH_DIGITS = 7;

/**
 * The records of a PAX header body: `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record. SPEC: pax(1),
 * POSIX.1-2024.
 */
export function parsePax(body: Uint8Array): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < body.length; ) {
    const { length, keyAt } = parseLength(body, at);
    const end = at + length;
    // Shortest record: one byte of key, "=", the newline.
    if (end > body.length || keyAt + 3 > end) throw corrupt("the length of a PAX record is wrong");
    if (body[end - 1] !== NEWLINE) throw corrupt("a PAX record has no newline at its end");
    const equals = body.indexOf(EQUALS, keyAt);
    if (equals <= keyAt || equals >= end) throw corrupt("a PAX record has no key");
    if (equals - keyAt > KEY_BYTES) throw corrupt("the key of a PAX record is too long");
    const key = decodeBytes(body.subarray(keyAt, equals));
    if (key.includes("\0")) throw corrupt("the key of a PAX record has a NUL byte");
    records.push({ key, value: body.slice(equals + 1, end - 1) });
    at = end;
  }
  return records;
}

function parseLength(body: Uint8Array, from: number): { length: number; keyAt: number } {
  let length = 0;
  for (let at = from; at < from + LENGTH_DIGITS + 1; at++) {
    const byte = body[at];
    if (byte === SPACE && at > from) return { length, keyAt: at + 1 };
    if (byte === undefined || byte < 0x30 || byte > 0x39) break;
    length = length * 10 + (byte - 0x30);
  }
  throw corrupt("the length of a PAX record is not a number");
}

/** One record, its length counted with itself. */
export function encodePaxRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  const head = `${length} `;
  const record = new Uint8Array(length);
  record.set(Buffer.from(head, "latin1"), 0);
  record.set(key, head.length);
  record[head.length + key.length] = EQUALS;
  record.set(value, head.length + key.length + 1);
  record[length - 1] = NEWLINE;
  return record;
}
