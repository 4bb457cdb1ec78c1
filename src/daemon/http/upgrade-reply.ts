import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Failure } from "../../base/failure.ts";
import { failureReply, type Reply, writeTo } from "./reply.ts";

/**
 * The reply to a request that asks for the connection. The head is written here, because an HTTP server gives up such
 * a connection; any answer but the take-over closes it.
 */
export class UpgradeReply implements Reply {
  readonly #socket: Duplex;
  readonly #headers: Readonly<Record<string, string>>;
  #isBegun = false;

  constructor(socket: Duplex, headers: Readonly<Record<string, string>>) {
    this.#socket = socket;
    this.#headers = headers;
  }

  get isBegun(): boolean {
    return this.#isBegun;
  }

  json(status: number, value: unknown, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, `${JSON.stringify(value)}\n`, { "Content-Type": "application/json", ...headers });
  }

  jsonText(status: number, text: string): void {
    this.#whole(status, text, { "Content-Type": "application/json" });
  }

  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#whole(status, "", headers);
  }

  text(status: number, text: string, headers?: Readonly<Record<string, string>>): void {
    this.#whole(status, text, { "Content-Type": "text/plain; charset=utf-8", ...headers });
  }

  failure(failure: Failure): void {
    const { status, body, headers } = failureReply(failure);
    this.#whole(status, body, { "Content-Type": "application/json", ...headers });
  }

  begin(contentType: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#head("200 OK", { "Content-Type": contentType, Connection: "close", ...headers });
  }

  write(piece: string | Uint8Array): Promise<void> {
    return writeTo(this.#socket, piece);
  }

  end(): void {
    this.#socket.end();
  }

  hijack(contentType: string): Duplex {
    // SPEC: Docker's own reason phrase; some clients compare the whole line.
    this.#head("101 UPGRADED", { "Content-Type": contentType, Connection: "Upgrade", Upgrade: "tcp" });
    return this.#socket;
  }

  #whole(status: number, text: string, headers: Readonly<Record<string, string>>): void {
    const length =
      status === 204 || status === 304 ? {} : { "Content-Length": String(Buffer.byteLength(text)) };
    this.#head(`${status} ${STATUS_CODES[status] ?? "Unknown"}`, {
      ...headers,
      ...length,
      Connection: "close",
    });
    this.#socket.end(text);
  }

  #head(status: string, headers: Readonly<Record<string, string>>): void {
    this.#isBegun = true;
    const lines = Object.entries({ ...this.#headers, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.#socket.write(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`);
  }
}
