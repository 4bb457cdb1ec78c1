import { findDuration } from "./duration.ts";
import { Failure } from "./failure.ts";

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
const pattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?)?)?([Zz]|[+-]\d\d:\d\d)?$/;

/**
 * Nanoseconds since 1970 of an RFC 3339 time, or of a shorter one as Docker takes it (`2026-11-23`,
 * `2026-11-23T10:00`); without a zone it is local time. Undefined for other text and impossible dates.
 */
export function findRfc3339(text: string): bigint | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const field = (group: number): number => Number(match[group] ?? 0);
  const fields = [field(1), field(2) - 1, field(3), field(4), field(5), field(6)] as const;
  if (fields[1] > 11 || fields[3] > 23 || fields[4] > 59 || fields[5] > 59) return undefined;
  const utc = new Date(0);
  utc.setUTCFullYear(fields[0], fields[1], fields[2]);
  if (utc.getUTCMonth() !== fields[1] || utc.getUTCDate() !== fields[2]) return undefined;
  utc.setUTCHours(fields[3], fields[4], fields[5]);
  const ms = match[8] === undefined ? new Date(...fields).getTime() : utc.getTime() - zoneMs(match[8]);
  return BigInt(ms) * NS_PER_MS + BigInt((match[7] ?? "").padEnd(9, "0"));
}

function zoneMs(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const size = Number(zone.slice(1, 3)) * 3_600_000 + Number(zone.slice(4, 6)) * 60_000;
  return zone.startsWith("-") ? -size : size;
}

/**
 * Nanoseconds since 1970 meant by the value of `--since` or `--until`: a Go duration back from `nowMs`,
 * RFC 3339 (also shortened), or seconds since 1970 with an optional fraction. Throws Failure("invalid").
 */
export function parseTimestamp(text: string, nowMs: number = Date.now()): bigint {
  const back = text === "0" ? undefined : findDuration(text);
  if (back !== undefined) return BigInt(Math.round((nowMs - back) * 1000)) * 1000n;
  const moment = findRfc3339(text) ?? findUnixTime(text);
  if (moment !== undefined) return moment;
  throw new Failure(
    "invalid",
    `cannot read time "${text}": want for example 10m, 2026-01-31T10:00:00Z or seconds since 1970`,
  );
}

/** Nanoseconds since 1970 of `SECONDS[.FRACTION]`, the form the Docker API uses in queries. */
export function findUnixTime(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) return undefined;
  const size = BigInt(match[2] ?? "0") * NS_PER_SECOND + BigInt((match[3] ?? "").padEnd(9, "0"));
  return match[1] === "-" ? -size : size;
}

/** `SECONDS.NANOSECONDS`, as the Docker API takes times in queries. */
export function formatUnixTime(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const size = ns < 0n ? -ns : ns;
  return `${sign}${size / NS_PER_SECOND}.${(size % NS_PER_SECOND).toString().padStart(9, "0")}`;
}

/** UTC with nanoseconds, trailing zeros cut as Go does: `2026-11-23T10:00:00.5Z`. */
export function formatRfc3339(ns: bigint): string {
  const fraction = fractionOf(ns).replace(/0+$/, "");
  return `${secondsText(ns)}${fraction === "" ? "" : `.${fraction}`}Z`;
}

/** UTC with all nine digits, so that lines align (`logs -t`). */
export function formatRfc3339Fixed(ns: bigint): string {
  return `${secondsText(ns)}.${fractionOf(ns)}Z`;
}

function fractionOf(ns: bigint): string {
  return (((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND).toString().padStart(9, "0");
}

function secondsText(ns: bigint): string {
  const seconds = (ns - BigInt(fractionOf(ns))) / NS_PER_SECOND;
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
}
