import { Failure } from "../../base/failure.ts";
import { countMembers, parseRepeatedNames } from "../../spec/json-members.ts";
import { parseCountedJson } from "../../spec/json-reader.ts";

/** Docker's clients name each port of a range: all ports of two protocols take 9 MB. */
export const jsonBodyLimitBytes: number = 16 * 1024 * 1024;
/** Each time that a name comes again costs as much as what it had before. No client repeats names. */
const MOST_REPEATED = 1000;

/**
 * A request's JSON: strict UTF-8, bounded size and depth. Undefined when the body is empty; Failure("invalid"). Objects
 * whose names come again are to be read by membersOf().
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const limits = { what: "the request", maxBytes: jsonBodyLimitBytes, maxDepth: 32 };
  const { value, text, members } = parseCountedJson(bytes, limits);
  const repeated = members - countMembers(value);
  if (repeated === 0) return value;
  if (repeated > MOST_REPEATED) {
    const sentence = `it repeats names of fields ${repeated} times, at most ${MOST_REPEATED} are allowed`;
    throw new Failure("invalid", `cannot read the request: ${sentence}`);
  }
  return parseRepeatedNames(text);
}
