import { Failure } from "./failure.ts";

const binaryFactors: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  p: 1024 ** 5,
};
const decimalFactors: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  t: 1000 ** 4,
  p: 1000 ** 5,
};
const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
const pattern = /^(\d+(?:\.\d*)?|\.\d+) ?(?:([kmgtp])(?:i?b)?|(b))?$/i;

/**
 * Bytes meant by a memory size as Docker's flags take it: `512m`, `1.5g`, `64KiB`, `1024`; k = 1024.
 * Fractions of a byte are cut off. Throws Failure("invalid") for anything else, negative numbers included.
 */
export function parseByteSize(text: string): number {
  return parseWith(text, binaryFactors);
}

/** As parseByteSize(), but k = 1000 (Docker's sizes of disks and devices). */
export function parseDecimalByteSize(text: string): number {
  return parseWith(text, decimalFactors);
}

function parseWith(text: string, factors: Readonly<Record<string, number>>): number {
  const match = pattern.exec(text);
  if (match === null)
    throw new Failure("invalid", `cannot read size "${text}": want a number and one of b, k, m, g, t, p`);
  const bytes = Math.trunc(Number(match[1]) * (factors[(match[2] ?? "").toLowerCase()] ?? 1));
  if (!Number.isSafeInteger(bytes))
    throw new Failure("invalid", `cannot read size "${text}": it is too large`);
  return bytes;
}

/** Decimal text as Docker prints sizes of images: `1.23MB`; `precision` counts significant digits. */
export function formatByteSize(bytes: number, precision = 4): string {
  return formatWith(bytes, 1000, decimalUnits, precision);
}

/** Binary text as Docker prints memory: `1.944GiB`. */
export function formatBinaryByteSize(bytes: number): string {
  return formatWith(bytes, 1024, binaryUnits, 4);
}

function formatWith(bytes: number, base: number, units: readonly string[], precision: number): string {
  let value = bytes;
  let index = 0;
  // Rounding first keeps 999,999 from printing as 1e+03kB.
  while (Number(value.toPrecision(precision)) >= base && index < units.length - 1) {
    value /= base;
    index++;
  }
  return `${Number(value.toPrecision(precision))}${units[index]}`;
}
