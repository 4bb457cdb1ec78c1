import { findDuration } from "../../base/duration.ts";
import { Failure } from "../../base/failure.ts";

/** The options of a log driver by name, as a client sent them. */
export type LogOptions = ReadonlyMap<string, string>;

/** A Failure in dockerd's words. */
export function refusedOption(sentence: string): Failure {
  return new Failure("invalid", sentence);
}

/** Text of a client inside a sentence: without control characters, and not longer than 100 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100)).slice(1, -1);
}

/** SPEC: Go's strconv.ParseBool. Undefined for other text. */
export function findBoolean(text: string): boolean | undefined {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false;
  return undefined;
}

/** An absent or empty option is false. Throws "invalid" in dockerd's words. */
export function booleanOption(options: LogOptions, name: string): boolean {
  const text = options.get(name) ?? "";
  if (text === "") return false;
  const value = findBoolean(text);
  if (value !== undefined) return value;
  throw refusedOption(
    `invalid value for ${name}: strconv.ParseBool: parsing "${quoted(text)}": invalid syntax`,
  );
}

/** Milliseconds; undefined for an absent or empty option. Throws "invalid" for what is no duration of Go. */
export function durationOption(options: LogOptions, name: string): number | undefined {
  const text = options.get(name) ?? "";
  if (text === "") return undefined;
  const ms = findDuration(text);
  if (ms === undefined)
    throw refusedOption(`invalid value for ${name}: time: invalid duration "${quoted(text)}"`);
  if (ms < 0) throw refusedOption(`invalid value for ${name}: the duration must not be negative`);
  return ms;
}

/** A whole number that is not negative; undefined for an absent or empty option. Throws "invalid". */
export function countOption(options: LogOptions, name: string): number | undefined {
  const text = options.get(name) ?? "";
  if (text === "") return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw refusedOption(`invalid value for ${name}: "${quoted(text)}" is not a whole number`);
}
