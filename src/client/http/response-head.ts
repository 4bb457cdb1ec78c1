import { Failure } from "../../base/failure.ts";

/** How the end of a reply's body is known. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; values of a repeated name joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly keepAlive: boolean;
}

export const headLimitBytes: number = 64 * 1024;
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([^\0\r\n]*))?$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/;

/** Where the head ends (after its empty line), or −1 when that is not there yet. */
export function findHeadEnd(bytes: Uint8Array): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf("\r\n\r\n");
  return at < 0 ? -1 : at + 4;
}

/**
 * Reads the status line and headers of an HTTP/1.1 reply, its empty line included. Strict: folded lines, bare line
 * feeds, bad names and contradicting lengths are refused with Failure("corrupt").
 * SPEC: RFC 9112 sections 4, 5 and 6.
 */
export function parseResponseHead(text: string): ResponseHead {
  const lines = text.slice(0, -4).split("\r\n");
  const status = statusLine.exec(lines[0] ?? "");
  if (status === null) throw refused("its status line is malformed");
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const header = headerLine.exec(line);
    if (header === null) throw refused("a header is malformed");
    const name = (header[1] ?? "").toLowerCase();
    const value = header[2] ?? "";
    const earlier = headers.get(name);
    if (name === "content-length" && earlier !== undefined && earlier !== value) {
      throw refused("it has two lengths");
    }
    headers.set(name, earlier === undefined || name === "content-length" ? value : `${earlier}, ${value}`);
  }
  const connection = (headers.get("connection") ?? "").toLowerCase();
  return {
    status: Number(status[2]),
    reason: status[3] ?? "",
    headers,
    keepAlive: status[1] === "1" && !/(?:^|,)\s*close\s*(?:,|$)/.test(connection),
  };
}

/** How the body of this reply to a request with `method` ends. Throws Failure("corrupt") when that is ambiguous. */
export function framingOf(head: ResponseHead, method: string): Framing {
  const length = head.headers.get("content-length");
  const coding = head.headers.get("transfer-encoding");
  if (length !== undefined && coding !== undefined)
    throw refused("it has both a length and a transfer coding");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw refused("its length is malformed");
  if (coding !== undefined && coding.toLowerCase() !== "chunked")
    throw refused("its transfer coding is unknown");
  if (method === "HEAD" || head.status < 200 || head.status === 204 || head.status === 304) {
    return { kind: "none" };
  }
  if (coding !== undefined) return { kind: "chunked" };
  return length === undefined ? { kind: "until-close" } : { kind: "length", bytes: Number(length) };
}

function refused(detail: string): Failure {
  return new Failure("corrupt", `cannot read the daemon's reply: ${detail}`);
}
