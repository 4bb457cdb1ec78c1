import { Failure } from "../../base/failure.ts";
import { formatHost, type Host } from "../host.ts";
import type { ClientSocket } from "./socket.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Path and query, already encoded. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Text is sent as JSON, bytes as a stream in chunks. */
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  /** Ask for the connection itself (attach, exec). */
  readonly upgrade?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of a request, and its body when that is text. Throws Failure("invalid") on text that would break out. */
export function encodeRequest(request: HttpRequest, host: Host): string {
  const { method, target, body } = request;
  if (!isTarget(target)) {
    throw new Failure("invalid", `cannot ask the daemon: the path "${target.slice(0, 100)}" is malformed`);
  }
  const headers: Record<string, string> = {
    Host: host.kind === "tcp" ? formatHost(host).slice("tcp://".length) : "tare",
    ...request.headers,
  };
  if (request.upgrade === true) {
    headers["Connection"] = "Upgrade";
    headers["Upgrade"] = "tcp";
  }
  if (typeof body === "string") {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = String(Buffer.byteLength(body));
  } else if (body !== undefined) {
    headers["Content-Type"] ??= "application/x-tar";
    headers["Transfer-Encoding"] = "chunked";
  } else if (method === "POST" || method === "PUT") headers["Content-Length"] = "0";
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (value.includes("\0") || value.includes("\r") || value.includes("\n"))
      throw new Failure("invalid", `cannot ask the daemon: header ${name} is malformed`);
    head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n${typeof body === "string" ? body : ""}`;
}

/** An absolute path of printable ASCII. No expression: compiling one takes longer than looking. */
function isTarget(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return text.startsWith("/");
}

/** Sends a stream in chunks, as fast as the peer takes it, until its end or until `isWanted` returns false. */
export async function sendChunks(
  socket: ClientSocket,
  body: AsyncIterable<Uint8Array>,
  isWanted: () => boolean,
): Promise<void> {
  for await (const piece of body) {
    if (!isWanted() || socket.destroyed) return;
    if (piece.length === 0) continue;
    socket.write(`${piece.length.toString(16)}\r\n`);
    socket.write(piece);
    if (!socket.write("\r\n")) await drained(socket);
  }
  if (isWanted() && !socket.destroyed) socket.write("0\r\n\r\n");
}

function drained(socket: ClientSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.on("drain", done);
    socket.on("close", done);
    if (socket.destroyed) done();
  });
}
