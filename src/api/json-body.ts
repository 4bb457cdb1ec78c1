import { parseJson } from "../spec/json-reader.ts";

/** Docker's clients name each port of a range: all ports of two protocols take 9 MB. */
export const jsonBodyLimitBytes: number = 16 * 1024 * 1024;

/** A request's JSON: strict UTF-8, bounded size and depth. Undefined when the body is empty; Failure("invalid"). */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  return parseJson(bytes, { what: "the request", maxBytes: jsonBodyLimitBytes, maxDepth: 32 });
}
