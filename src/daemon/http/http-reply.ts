import { writeTo } from "../../base/stream-writes.ts";
import type { Duplex } from "node:stream";
import type { Failure } from "../../base/failure.ts";
import type { Exchange } from "./connection.ts";
import { failureReply, type Reply } from "./reply.ts";
import { encodeReplyHead, hasNoBody } from "./reply-head.ts";

/** Pieces up to this size are copied behind their length and sent as one. */
const joinedBytes = 64 * 1024;

/**
 * The reply to one request. One that asks for an upgrade gets the connection by `101`, and any other answer closes it.
 */
export class HttpReply implements Reply {
  readonly #exchange: Exchange;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #isHead: boolean;
  readonly isUpgrade: boolean;
  #isBegun = false;
  #isChunked = false;

  constructor(exchange: Exchange, headers: Readonly<Record<string, string>>) {
    this.#exchange = exchange;
    this.#headers = headers;
    this.#isHead = exchange.request.method === "HEAD";
    this.isUpgrade = exchange.request.head.isUpgrade;
  }

  get isBegun(): boolean {
    return this.#isBegun;
  }

  json(status: number, value: unknown, headers?: Readonly<Record<string, string>>): void {
    this.jsonText(status, `${JSON.stringify(value)}\n`, headers);
  }

  jsonText(status: number, text: string, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, text, { "Content-Type": "application/json", ...headers });
  }

  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#whole(status, "", headers);
  }

  text(status: number, text: string, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, text, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  }

  failure(failure: Failure): void {
    const { status, body, headers } = failureReply(failure);
    this.jsonText(status, body, headers);
  }

  begin(contentType: string, headers: Readonly<Record<string, string>> = {}): void {
    // Clients of HTTP/1.0 read until the end of the connection.
    this.#isChunked = this.#exchange.request.head.minorVersion === 1 && !this.isUpgrade;
    const encoding = this.#isChunked ? { "Transfer-Encoding": "chunked" } : {};
    this.#send(this.#head(200, { "Content-Type": contentType, ...encoding, ...headers }));
  }

  write(piece: string | Uint8Array): Promise<void> {
    const { socket } = this.#exchange;
    if (piece.length === 0 || this.#isHead) return Promise.resolve();
    if (!this.#isChunked) return writeTo(socket, piece);
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1");
    const end = Buffer.from("\r\n", "latin1");
    if (bytes.length <= joinedBytes) return writeTo(socket, Buffer.concat([size, bytes, end]));
    if (socket.destroyed) return Promise.resolve();
    socket.write(size);
    socket.write(bytes);
    return writeTo(socket, end);
  }

  end(): void {
    if (this.#isChunked && !this.#isHead) this.#send("0\r\n\r\n");
    this.#exchange.finish();
  }

  hijack(contentType: string): Duplex {
    this.#isBegun = true;
    if (this.isUpgrade) {
      const fields = { "Content-Type": contentType, Connection: "Upgrade", Upgrade: "tcp" };
      // Some clients read the head through a buffer that they throw away: docker-py loses what comes with it.
      const head = encodeReplyHead(101, { ...this.#headers, ...fields });
      this.#exchange.sendAlone(Buffer.from(head, "latin1"));
    } else {
      this.#send(this.#head(200, { "Content-Type": contentType, Connection: "close" }));
    }
    return this.#exchange.take();
  }

  switchProtocols(fields: Readonly<Record<string, string>>): Duplex {
    this.#isBegun = true;
    const head = encodeReplyHead(101, { ...this.#headers, ...fields }, "Switching Protocols");
    this.#exchange.sendAlone(Buffer.from(head, "latin1"));
    return this.#exchange.take();
  }

  #whole(status: number, text: string, headers: Readonly<Record<string, string>>): void {
    const length = hasNoBody(status) ? {} : { "Content-Length": Buffer.byteLength(text) };
    const head = this.#head(status, { ...headers, ...length });
    this.#send(this.#isHead || hasNoBody(status) ? head : head + text);
    this.#exchange.finish();
  }

  #head(status: number, fields: Readonly<Record<string, string | number>>): string {
    this.#isBegun = true;
    const { keepsAlive } = this.#exchange.request.head;
    return encodeReplyHead(status, {
      ...this.#headers,
      Date: new Date().toUTCString(),
      ...fields,
      ...(keepsAlive && !this.isUpgrade ? {} : { Connection: "close" }),
    });
  }

  #send(text: string): void {
    if (!this.#exchange.socket.destroyed) this.#exchange.socket.write(text);
  }
}
