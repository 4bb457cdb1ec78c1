import type { TarTime } from "../tar-entry.ts";
import { corrupt } from "./corrupt.ts";

/**
 * A numeric header field: octal text, or base-256 when its first bit is set (GNU; two's complement, so it may
 * be negative). Empty is 0. Throws "corrupt" for other text and for what a JavaScript number can't hold.
 */
export function parseNumber(block: Uint8Array, from: number, length: number, field: string): number {
  if ((block[from] ?? 0) & 0x80) return parseBase256(block, from, length, field);
  let at = from;
  const end = from + length;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at < end && block[at] !== 0x20 && block[at] !== 0) throw corrupt(`the field ${field} is not a number`);
  return value;
}

function parseBase256(block: Uint8Array, from: number, length: number, field: string): number {
  const first = block[from] ?? 0;
  const negative = (first & 0x40) !== 0;
  // The marker bit is no part of the value: sign-extend from the bit below it.
  let value = negative ? (first & 0x3f) - 0x40 : first & 0x3f;
  for (let at = from + 1; at < from + length; at++) {
    value = value * 256 + (block[at] ?? 0);
    if (!Number.isSafeInteger(value)) throw corrupt(`the field ${field} is too large`);
  }
  return value;
}

/** A decimal number ≥ 0 of a PAX record or a sparse map. */
export function parseDecimal(text: string, field: string): number {
  if (!/^[0-9]{1,16}$/.test(text)) throw corrupt(`${field} is ${quoteShort(text)}, not a number`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw corrupt(`${field} is too large`);
  return value;
}

/** Seconds with any number of decimals; those after the ninth are dropped towards the past. */
export function parseTime(text: string): TarTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,64}))?$/.exec(text);
  if (match === null) throw corrupt(`a time is ${quoteShort(text)}`);
  const seconds = Number(match[2]);
  const decimals = match[3] ?? "";
  let nanoseconds = Number(decimals.slice(0, 9).padEnd(9, "0"));
  if (match[1] !== "-") return { seconds, nanoseconds };
  if (/[1-9]/.test(decimals.slice(9))) nanoseconds += 1;
  if (nanoseconds === 0) return { seconds: seconds === 0 ? 0 : -seconds, nanoseconds: 0 };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** The shortest text that parseTime() reads back. */
export function formatTime(time: TarTime): string {
  if (time.nanoseconds === 0) return String(time.seconds);
  const negative = time.seconds < 0;
  const seconds = negative ? -time.seconds - 1 : time.seconds;
  const nanoseconds = negative ? 1_000_000_000 - time.nanoseconds : time.nanoseconds;
  const decimals = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
  return `${negative ? "-" : ""}${seconds}.${decimals}`;
}

function quoteShort(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
