import type { IncomingMessage, ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import type { Failure } from "../../base/failure.ts";
import { failureReply, type Reply, writeTo } from "./reply.ts";

/** The reply to an ordinary request. */
export class PlainReply implements Reply {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get isBegun(): boolean {
    return this.#response.headersSent;
  }

  json(status: number, value: unknown, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, `${JSON.stringify(value)}\n`, { "Content-Type": "application/json", ...headers });
  }

  jsonText(status: number, text: string): void {
    this.#whole(status, text, { "Content-Type": "application/json" });
  }

  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, headers);
    this.#response.end();
  }

  text(status: number, text: string, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, text, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  }

  failure(failure: Failure): void {
    const { status, body, headers } = failureReply(failure);
    // What is left of a body is read and dropped: cutting it off would often lose this reply.
    this.#request.resume();
    this.#whole(status, body, { "Content-Type": "application/json", ...headers });
  }

  begin(contentType: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(200, { "Content-Type": contentType, ...headers });
    this.#response.flushHeaders();
  }

  write(piece: string | Uint8Array): Promise<void> {
    return writeTo(this.#response, piece);
  }

  end(): void {
    this.#response.end();
  }

  /** Without an upgrade the body of the request is what the client sends, and the reply ends with the connection. */
  hijack(contentType: string): Duplex {
    const request = this.#request;
    const response = this.#response;
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { "Content-Type": contentType, Connection: "close" });
    response.flushHeaders();
    const hasBody =
      request.headers["transfer-encoding"] !== undefined || request.headers["content-length"] !== "0";
    const duplex = new Duplex({
      allowHalfOpen: true,
      read: () => {
        request.resume();
      },
      write: (piece: Uint8Array, _, done) => {
        void writeTo(response, piece).then(() => done());
      },
      final: (done) => {
        response.end();
        done();
      },
      destroy: (error, done) => {
        response.destroy();
        done(error);
      },
    });
    request.on("data", (piece: Uint8Array) => {
      if (!duplex.push(piece)) request.pause();
    });
    // A request without a body has not said that there is no input: it can't say so.
    request.on("end", () => {
      if (hasBody && request.readableDidRead && !duplex.destroyed) duplex.push(null);
    });
    response.on("close", () => duplex.destroy());
    return duplex;
  }

  #whole(status: number, text: string, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(text) });
    this.#response.end(this.#request.method === "HEAD" ? undefined : text);
  }
}
