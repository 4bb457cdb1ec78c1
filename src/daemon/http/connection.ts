import { endGently } from "../../base/stream-writes.ts";
import type { Socket } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { sentenceOf } from "../../base/failure.ts";
import { ApiRequest } from "./api-request.ts";
import { BodyDecoder } from "./body-decoder.ts";
import { duplexOf } from "./duplex-of.ts";
import { encodeRefusal } from "./reply-head.ts";
import { headLimitBytes, parseRequestHead } from "../../api/http/request-head.ts";
import { descriptorOf, type SocketCalls } from "./socket-calls.ts";

/** So much of the next requests is read while one is answered: more waits in the kernel. */
const readAheadLimitBytes = 64 * 1024;
/** How long the head of a request may take to come, from its first byte on. */
const headWithinMs = 60_000;
/** How often a client that has ended its direction is looked at: whether it still waits for its answer. */
const lookEveryMs = 500;

/** SPEC: RFC 9113, 3.4: how a client begins that speaks HTTP/2 at once. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const prefaceStart = 0x50;

export interface ConnectionOptions {
  readonly calls: SocketCalls;
  /** The client is on the network: it has less time, and one that ends its direction while it waits has gone. */
  readonly remote?: { readonly headMs: number; readonly restMs: number } | undefined;
  /** It has no request yet, or no more (`isUsed`). */
  readonly onRest: (options: { readonly isUsed: boolean }) => void;
  readonly onRequest: (exchange: Exchange) => void;
  /** Takes a connection over whose client speaks HTTP/2; its first bytes can be read again. */
  readonly onHttp2?: ((connection: Duplex) => void) | undefined;
}

/** One request and the place for its answer, which is given once. */
export interface Exchange {
  readonly request: ApiRequest;
  readonly socket: Socket;
  /** The answer is complete: the connection goes on with the next request, or is closed. */
  finish(): void;
  /** Sends bytes that the client does not receive together with later ones. */
  sendAlone(bytes: Buffer): void;
  /** Calls it once: when the answer is complete, or the connection is closed. */
  onOver(listener: () => void): void;
  /** Takes the connection over: what comes after the request can be read, what is written is sent. */
  take(): Duplex;
}

/**
 * One client's connection: HTTP/1.1 requests, one after the other. A client that ends its direction gets its answer;
 * one that has closed both has gone, and its connection is destroyed.
 */
export class ApiConnection implements Exchange {
  readonly socket: Socket;
  readonly #options: ConnectionOptions;
  /** Received bytes that are not used yet. */
  #readAhead: Buffer = Buffer.alloc(0);
  #request: ApiRequest | undefined;
  #body: BodyDecoder | undefined;
  /** The body's reader takes more. */
  #isWanted = false;
  #isAnswered = false;
  #isTaken = false;
  #hasEnded = false;
  #headTimer: NodeJS.Timeout | undefined;
  #restTimer: NodeJS.Timeout | undefined;
  #onOver: (() => void) | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.socket = socket;
    this.#options = options;
  }

  /** Reads requests from now on. */
  begin(): void {
    const { socket } = this;
    socket.on("error", () => {});
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
    socket.on("readable", this.#onReadable);
    this.#options.onRest({ isUsed: false });
    if (this.#options.remote !== undefined) this.#headTimer = this.#startHeadTimer();
  }

  get request(): ApiRequest {
    if (this.#request === undefined) throw new Error("there is no request");
    return this.#request;
  }

  finish(): void {
    this.#isAnswered = true;
    this.#over();
    // Reads and drops the rest of a body: a reset would often lose this answer.
    this.#request?.resume();
    this.#goOn();
  }

  onOver(listener: () => void): void {
    if (this.socket.destroyed) listener();
    else this.#onOver = listener;
  }

  #over(): void {
    this.#onOver?.();
    this.#onOver = undefined;
  }

  sendAlone(bytes: Buffer): void {
    const fd = this.socket.writableLength === 0 ? descriptorOf(this.socket) : undefined;
    const sent = fd === undefined ? 0 : this.#options.calls.sendAlone(fd, bytes);
    if (sent < bytes.length) this.socket.write(bytes.subarray(sent));
  }

  take(): Duplex {
    this.#isTaken = true;
    const request = this.request;
    // An unread body is the client's input.
    if (request.head.body.kind !== "none" && !request.readableEnded) {
      // Drops what follows the body, to see the connection's end.
      request.once("end", () => {
        this.socket.off("readable", this.#onReadable);
        this.socket.resume();
      });
      return duplexOf(request, this.socket);
    }
    this.socket.off("readable", this.#onReadable);
    const readAhead = this.#readAhead;
    this.#readAhead = Buffer.alloc(0);
    if (this.socket.readableEnded)
      return duplexOf(Readable.from(readAhead.length === 0 ? [] : [readAhead]), this.socket);
    if (readAhead.length > 0) this.socket.unshift(readAhead);
    return this.socket;
  }

  readonly #onReadable = (): void => {
    while (this.#takesMore()) {
      const piece: Buffer | null = this.socket.read();
      if (piece === null) return;
      this.#readAhead = this.#readAhead.length === 0 ? piece : Buffer.concat([this.#readAhead, piece]);
      this.#advance();
    }
  };

  #takesMore(): boolean {
    if (this.socket.destroyed) return false;
    if (this.#body === undefined) return !this.#isTaken;
    return this.#body.isDone
      ? !this.#isTaken && this.#readAhead.length < readAheadLimitBytes
      : this.#isWanted;
  }

  #advance(): void {
    try {
      if (this.#body === undefined) this.#readHead();
      this.#readBody();
    } catch (thrown) {
      this.#refuse(400, sentenceOf(thrown));
    }
  }

  #readHead(): void {
    let from = 0;
    while (this.#readAhead[from] === 13 && this.#readAhead[from + 1] === 10) from += 2; // SPEC: RFC 9112, 2.2
    if (this.#options.onHttp2 !== undefined && this.#readAhead[0] === prefaceStart && this.#isHttp2()) return;
    const end = this.#readAhead.indexOf("\r\n\r\n", from);
    if (end < 0 ? this.#readAhead.length > headLimitBytes : end > headLimitBytes)
      return this.#refuse(431, `cannot read the request: its head is longer than ${headLimitBytes} bytes`);
    if (end < 0) {
      clearTimeout(this.#restTimer);
      if (this.#readAhead.length > from) this.#headTimer ??= this.#startHeadTimer();
      return;
    }
    clearTimeout(this.#restTimer);
    clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
    const head = parseRequestHead(this.#readAhead.toString("latin1", from, end));
    this.#readAhead = this.#readAhead.subarray(end + 4);
    this.#body = new BodyDecoder(head.body);
    this.#isWanted = true;
    this.#isAnswered = false;
    const request = new ApiRequest(head, () => {
      this.#isWanted = true;
      this.#onReadable();
    });
    this.#request = request;
    if (head.expectsContinue && !this.#body.isDone) this.socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (this.#body.isDone) request.push(null);
    this.#options.onRequest(this);
  }

  /** Whether the connection is, or may become, one of HTTP/2: then it is handed over, or more bytes are awaited. */
  #isHttp2(): boolean {
    const known = Math.min(this.#readAhead.length, preface.length);
    if (this.#readAhead.compare(preface, 0, known, 0, known) !== 0) return false;
    if (known < preface.length) {
      this.#headTimer ??= this.#startHeadTimer();
      return true;
    }
    clearTimeout(this.#headTimer);
    clearTimeout(this.#restTimer);
    this.#isTaken = true;
    this.socket.off("readable", this.#onReadable);
    this.socket.unshift(this.#readAhead);
    this.#readAhead = Buffer.alloc(0);
    this.#options.onHttp2?.(this.socket);
    return true;
  }

  #readBody(): void {
    const body = this.#body;
    const request = this.#request;
    if (body === undefined || request === undefined || body.isDone || this.#readAhead.length === 0) return;
    this.#readAhead = body.push(this.#readAhead, (piece) => {
      if (!request.push(piece)) this.#isWanted = request.destroyed;
    });
    if (!body.isDone) return;
    request.push(null);
    this.#goOn();
  }

  /** After an answer and the whole request: the next one, or the end. */
  #goOn(): void {
    if (!this.#isAnswered || this.#isTaken || this.#body?.isDone !== true) return;
    const { head } = this.request;
    this.#request = undefined;
    this.#body = undefined;
    if (!head.keepsAlive || this.#hasEnded) {
      this.#isTaken = true;
      return endGently(this.socket);
    }
    this.#options.onRest({ isUsed: true });
    if (this.#options.remote !== undefined)
      this.#restTimer = setTimeout(() => this.socket.destroy(), this.#options.remote.restMs).unref();
    // Not from within its answer: a client that sends many requests at once must not deepen the stack.
    setImmediate(() => {
      if (this.#body !== undefined || this.socket.destroyed) return;
      if (this.#readAhead.length > 0) this.#advance();
      this.#onReadable();
    });
  }

  #startHeadTimer(): NodeJS.Timeout {
    const { headMs = headWithinMs } = this.#options.remote ?? {};
    const message = `cannot read the request: its head has not come within ${headMs / 1000} s`;
    return setTimeout(() => this.#refuse(408, message), headMs).unref();
  }

  /** Malformed bytes contain no request that could be answered. */
  #refuse(status: number, message: string): void {
    this.#isTaken = true;
    this.socket.off("readable", this.#onReadable);
    this.#request?.destroy();
    if (this.#request !== undefined) return void this.socket.destroy();
    const isHead = this.#readAhead.toString("latin1", 0, 5) === "HEAD ";
    endGently(this.socket, { last: encodeRefusal(status, message, { isHead }) });
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    const isServing = this.#isTaken || this.#body?.isDone === true;
    // As Go's server: over TCP, one that has closed both directions looks the same.
    if (this.#options.remote !== undefined && !this.#isTaken) return void this.socket.destroy();
    if (!isServing) return void (this.#body === undefined ? this.socket.end() : this.socket.destroy());
    if (this.#destroyIfGone()) return;
    const timer = setInterval(() => this.#destroyIfGone(), lookEveryMs);
    timer.unref();
    this.socket.once("close", () => clearInterval(timer));
  };

  #destroyIfGone(): boolean {
    const fd = descriptorOf(this.socket);
    const isGone = fd === undefined || this.#options.calls.hasHungUp(fd);
    if (isGone) this.socket.destroy();
    return isGone;
  }

  readonly #onClose = (): void => {
    clearTimeout(this.#headTimer);
    clearTimeout(this.#restTimer);
    this.#request?.destroy();
    this.#over();
  };
}
