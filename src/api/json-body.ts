import { readJson } from "../spec/json-reader.ts";

export const jsonBodyLimitBytes: number = 1024 * 1024;

/** A request's JSON: strict UTF-8, bounded size and depth. Undefined when the body is empty; Failure("invalid"). */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  readJson(bytes, { what: "the request", maxBytes: jsonBodyLimitBytes, maxDepth: 32 });
  return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
}
