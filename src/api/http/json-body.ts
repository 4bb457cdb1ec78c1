import { Failure } from "../../base/failure.ts";
import { findJsonFault } from "../../spec/json-fault.ts";
import { countMembers, parseRepeatedNames } from "../../spec/json-members.ts";
import { parseCountedJson } from "../../spec/json-reader.ts";

/** Docker's clients name each port of a range: all ports of two protocols take 9 MB. */
export const jsonBodyLimitBytes: number = 16 * 1024 * 1024;
/** Each time that a name comes again costs as much as what it had before. No client repeats names. */
const MOST_REPEATED = 1000;

/**
 * A request's JSON: strict UTF-8, bounded size and depth. Undefined when the body is empty; Failure("invalid"), in
 * Docker's words for what is no JSON. Objects whose names come again are to be read by membersOf().
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const { value, text, members } = parseBytes(bytes);
  const repeated = members - countMembers(value);
  if (repeated === 0) return value;
  if (repeated > MOST_REPEATED) {
    const sentence = `it repeats names of fields ${repeated} times, at most ${MOST_REPEATED} are allowed`;
    throw new Failure("invalid", `cannot read the request: ${sentence}`);
  }
  return parseRepeatedNames(text);
}

function parseBytes(bytes: Uint8Array): ReturnType<typeof parseCountedJson> {
  const limits = { what: "the request", maxBytes: jsonBodyLimitBytes, maxDepth: 32 };
  try {
    return parseCountedJson(bytes, limits);
  } catch (thrown) {
    throw thrown instanceof Failure && thrown.cause !== undefined ? malformed(bytes, thrown) : thrown;
  }
}

function malformed(bytes: Uint8Array, cause: Failure): Failure {
  const text = Buffer.from(bytes).toString();
  if (text.includes("\ufffd") && !Buffer.from(text).equals(bytes)) {
    return new Failure("invalid", "invalid JSON: it is not UTF-8", { cause });
  }
  const fault = findJsonFault(text);
  const message =
    fault.kind === "trailing" ? "unexpected content after JSON" : `invalid JSON: ${fault.message}`;
  return new Failure("invalid", message, { cause });
}

/**
 * Throws Failure("invalid") in Docker's words unless the request may have JSON. A request without a body needs no type.
 *
 * SAFETY: a browser sends other types without asking first; this one makes it ask (CORS), and it is not answered.
 */
export function requireJsonType(type: string | undefined, { hasBody }: { readonly hasBody: boolean }): void {
  if ((type === undefined || type === "") && !hasBody) return;
  const [media = ""] = (type ?? "").split(";", 1);
  if (media.trim() === "") {
    throw new Failure("invalid", `malformed Content-Type header (${type ?? ""}): mime: no media type`);
  }
  if (media.trim().toLowerCase() !== "application/json") {
    const shown = (type ?? "").slice(0, 200);
    throw new Failure("invalid", `unsupported Content-Type header (${shown}): must be 'application/json'`);
  }
}
