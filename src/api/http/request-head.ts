import { Failure } from "../../base/failure.ts";

/** As long as the head of a request may be: credentials of many registries fit. */
export const headLimitBytes: number = 64 * 1024;

export type RequestBodyKind =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** The request line and the fields of an HTTP/1 request. */
export interface RequestHead {
  readonly method: string;
  /** The path with its query. */
  readonly url: string;
  readonly minorVersion: 0 | 1;
  /** By name in lower case; values of repeated fields are joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: RequestBodyKind;
  /** Whether the connection serves another request after this one. */
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
  /** The client offers to change the protocol, whether it repeats that in `Connection` or not. */
  readonly isUpgrade: boolean;
}

const requestLine = /^([A-Z]{1,32}) (\S+) HTTP\/1\.([01])$/;
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
// A value: visible characters, spaces, tabs and bytes above ASCII.
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** SAFETY: a second header of these could contradict the first. */
const single: ReadonlySet<string> = new Set(["content-length", "content-type", "host", "transfer-encoding"]);

/**
 * Reads a head without the empty line at its end, as latin1. Throws Failure("invalid") for all that two readers could
 * understand differently: lines that are folded or end in a line feed alone, and bodies with two lengths.
 */
export function parseRequestHead(text: string): RequestHead {
  const lines = text.split("\r\n");
  const match = requestLine.exec(lines[0] ?? "");
  if (match === null) throw malformed("its first line is none of HTTP/1.1");
  const [, method = "", target = "", minor] = match;
  const headers = parseFields(lines.slice(1));
  const minorVersion = minor === "1" ? 1 : 0;
  if (minorVersion === 1 && !headers.has("host")) throw malformed("it has no Host header");
  const connection = tokensOf(headers.get("connection"));
  return {
    method,
    url: pathOf(target),
    minorVersion,
    headers,
    body: bodyKindOf(headers, minorVersion),
    keepsAlive: minorVersion === 1 && !connection.includes("close") && !headers.has("upgrade"),
    expectsContinue: minorVersion === 1 && headers.get("expect")?.toLowerCase() === "100-continue",
    isUpgrade: headers.has("upgrade"),
  };
}

function parseFields(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, given = "", value = ""] = field.exec(line) ?? [];
    if (given === "" || !fieldValue.test(value)) throw malformed("one of its headers is none");
    const name = given.toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && single.has(name)) throw malformed(`it has several ${name} headers`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function bodyKindOf(headers: ReadonlyMap<string, string>, minorVersion: number): RequestBodyKind {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined) {
    if (length !== undefined) throw malformed("its body has two lengths");
    if (encoding.toLowerCase() !== "chunked" || minorVersion === 0)
      throw malformed("its transfer encoding is not chunked");
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "none" };
  if (!/^\d{1,15}$/.test(length)) throw malformed("its content length is no number");
  return Number(length) === 0 ? { kind: "none" } : { kind: "length", bytes: Number(length) };
}

/** Clients of a proxy send the whole address. */
function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  const match = /^http:\/\/[^/?#]*(\/.*)$/i.exec(target);
  if (match === null) throw malformed("its target is no path");
  return match[1] ?? "/";
}

function tokensOf(value: string | undefined): readonly string[] {
  return (value ?? "").split(",").map((token) => token.trim().toLowerCase());
}

function malformed(why: string): Failure {
  return new Failure("invalid", `cannot read the request: ${why}`);
}
