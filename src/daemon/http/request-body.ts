import type { IncomingMessage } from "node:http";
import { jsonBodyLimitBytes, parseJsonBody } from "../../api/json-body.ts";
import { Failure } from "../../base/failure.ts";

/** Reads a request's JSON. Throws Failure("invalid") for other content, what is too large, and malformed JSON. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > jsonBodyLimitBytes) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > jsonBodyLimitBytes) throw tooLarge();
    pieces.push(piece);
  }
  if (size === 0) return undefined;
  // SAFETY: a browser sends other types without asking first; this one makes it ask (CORS), and it is not answered.
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Failure("invalid", `unsupported Content-Type header (${type}): must be 'application/json'`);
  }
  return parseJsonBody(Buffer.concat(pieces));
}

function tooLarge(): Failure {
  return new Failure("invalid", `cannot read the request: it is longer than ${jsonBodyLimitBytes} bytes`);
}
