import type { Duplex } from "node:stream";
import type { Failure } from "../../base/failure.ts";
import type { Reply } from "../http/reply.ts";

/** An answer that is complete, before it is sent. */
export interface HeldAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const json = { "Content-Type": "application/json" };
const plain = { "Content-Type": "text/plain; charset=utf-8" };

/**
 * Holds back an answer that is given as a whole, until release(). Streams go out as they come: the request was
 * authorized before. SPEC: docs.docker.com/engine/extend/plugins_authorization
 */
export class GuardedReply implements Reply {
  readonly #reply: Reply;
  #held: (HeldAnswer & { readonly send: () => void }) | undefined;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  get isBegun(): boolean {
    return this.#reply.isBegun || this.#held !== undefined;
  }

  get isUpgrade(): boolean {
    return this.#reply.isUpgrade;
  }

  /** What would be sent; undefined for streams. */
  get held(): HeldAnswer | undefined {
    return this.#held;
  }

  release(): void {
    this.#held?.send();
    this.#held = undefined;
  }

  json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#hold({ status, body: `${JSON.stringify(value)}\n`, headers: { ...json, ...headers } }, () =>
      this.#reply.json(status, value, headers),
    );
  }

  jsonText(status: number, text: string): void {
    this.#hold({ status, body: text, headers: json }, () => this.#reply.jsonText(status, text));
  }

  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#hold({ status, body: "", headers }, () => this.#reply.empty(status, headers));
  }

  text(status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#hold({ status, body: text, headers: { ...plain, ...headers } }, () =>
      this.#reply.text(status, text, headers),
    );
  }

  failure(failure: Failure): void {
    this.#reply.failure(failure);
  }

  begin(contentType: string, headers?: Readonly<Record<string, string>>): void {
    this.#reply.begin(contentType, headers);
  }

  write(piece: string | Uint8Array): Promise<void> {
    return this.#reply.write(piece);
  }

  end(): void {
    this.#reply.end();
  }

  hijack(contentType: string): Duplex {
    return this.#reply.hijack(contentType);
  }

  switchProtocols(fields: Readonly<Record<string, string>>): Duplex {
    return this.#reply.switchProtocols(fields);
  }

  #hold(answer: HeldAnswer, send: () => void): void {
    this.#held = { ...answer, send };
  }
}
