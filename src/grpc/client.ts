import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { bytesOf } from "../base/byte-stream.ts";
import { Failure, sentenceOf } from "../base/failure.ts";
import type { Codec } from "./codec.ts";
import { failureOfStatus, type Status, statusCode } from "./status.ts";

/** SPEC: gRPC over HTTP/2, "Length-Prefixed-Message": one byte of flags, four of length. */
const prefixBytes = 5;
const messageLimitBytes = 16 * 1024 * 1024;
const windowBytes = 1024 * 1024;

/** How requests are written and responses are read. */
export interface CallCodings<Sent, Response> {
  readonly request: { encode(message: Sent): Buffer };
  readonly response: { decode(bytes: Uint8Array): Response };
}

export interface CallOptions {
  /** Headers of the call; names in lower case. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Calls a server that listens on the other end of a connection: gRPC over HTTP/2. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;

  constructor(connection: Duplex) {
    this.#session = connect("http://localhost", {
      createConnection: () => connection,
      settings: { enablePush: false, initialWindowSize: windowBytes },
    });
    this.#session.on("error", () => {});
    // The peer has gone: calls that go on end.
    connection.on("close", () => this.#session.destroy());
  }

  /** Calls once; throws the failure that the status stands for. */
  async unary<Sent, Response>(
    path: string,
    { request, response }: CallCodings<Sent, Response>,
    message: Sent,
    options: CallOptions = {},
  ): Promise<Response> {
    const stream = this.open(path, { request, response }, options);
    await stream.send(message);
    stream.end();
    let found: Response | undefined;
    for await (const each of stream) found ??= each;
    if (found === undefined) throw new Failure("corrupt", `cannot call ${path}: the answer is empty`);
    return found;
  }

  /** Begins a call with messages both ways. Leaving its iteration early cancels it. */
  open<Sent, Response>(
    path: string,
    codings: CallCodings<Sent, Response>,
    { headers = {}, signal }: CallOptions = {},
  ): GrpcStream<Sent, Response> {
    signal?.throwIfAborted();
    if (this.#session.destroyed || this.#session.closed) throw clientGone(path);
    const fields: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(headers))
      fields[name] = typeof value === "string" ? value : [...value];
    const stream = this.#session.request({
      ...fields,
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    return new GrpcStream(stream, { path, codings, signal });
  }

  close(): void {
    this.#session.destroy();
  }
}

/** One call. Iterating gives its responses, and throws the failure that its status stands for. */
export class GrpcStream<Sent, Response> {
  readonly #stream: ClientHttp2Stream;
  readonly #path: string;
  readonly #codings: CallCodings<Sent, Response>;
  readonly #signal: AbortSignal | undefined;
  #status: Status | undefined;
  #error: unknown;

  constructor(
    stream: ClientHttp2Stream,
    {
      path,
      codings,
      signal,
    }: {
      readonly path: string;
      readonly codings: CallCodings<Sent, Response>;
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#stream = stream;
    this.#path = path;
    this.#codings = codings;
    this.#signal = signal;
    const cancel = (): void => this.cancel();
    signal?.addEventListener("abort", cancel);
    stream.on("close", () => signal?.removeEventListener("abort", cancel));
    stream.on("error", (error) => {
      this.#error ??= error;
    });
    stream.on("response", (headers) => this.#read(headers));
    stream.on("trailers", (headers) => this.#read(headers));
  }

  /** Resolves when the peer takes more, or has gone: iterating reports that. */
  async send(message: Sent): Promise<void> {
    const bytes = this.#codings.request.encode(message);
    const frame = Buffer.allocUnsafe(prefixBytes + bytes.length);
    frame[0] = 0;
    frame.writeUInt32BE(bytes.length, 1);
    frame.set(bytes, prefixBytes);
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded || stream.write(frame)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off("drain", done);
        stream.off("close", done);
        resolve();
      };
      stream.on("drain", done);
      stream.on("close", done);
    });
  }

  /** No answer comes any more: what is sent now is lost. */
  get isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed || this.#status !== undefined;
  }

  end(): void {
    if (!this.#stream.destroyed) this.#stream.end();
  }

  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void, undefined> {
    let isOver = false;
    try {
      yield* splitMessages(bytesOf(this.#stream), this.#codings.response);
      await this.#closed();
      isOver = true;
    } catch (thrown) {
      isOver = true;
      this.#signal?.throwIfAborted();
      if (thrown instanceof Failure) throw thrown;
      if (this.#status === undefined) throw clientGone(this.#path, thrown);
    } finally {
      if (!isOver) this.cancel();
    }
    this.#signal?.throwIfAborted();
    if (this.#status === undefined) throw clientGone(this.#path, this.#error);
    if (this.#status.code !== statusCode.ok) throw failureOfStatus(this.#status);
  }

  /** Trailers come before the end of the stream, but not always before that of its data. */
  async #closed(): Promise<void> {
    if (this.#status !== undefined || this.#stream.closed || this.#stream.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#stream.once("trailers", () => resolve());
      this.#stream.once("close", () => resolve());
    });
  }

  #read(headers: Readonly<Record<string, string | readonly string[] | number | undefined>>): void {
    const http = headers[":status"];
    const code = headers["grpc-status"];
    if (code !== undefined) {
      this.#status = { code: Number(code), message: percentDecoded(String(headers["grpc-message"] ?? "")) };
    } else if (http !== undefined && Number(http) !== 200) {
      this.#status = {
        code: statusCode.unknown,
        message: `cannot call ${this.#path}: the answer has the HTTP status ${String(http)}`,
      };
    }
  }
}

/** The messages in a stream of frames. Throws "corrupt" for one that is compressed, too long or cut off. */
export async function* splitMessages<T>(
  pieces: AsyncIterable<Uint8Array>,
  codec: Pick<Codec<T>, "decode">,
): AsyncGenerator<T, void, undefined> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let neededBytes = prefixBytes;
  for await (const piece of pieces) {
    waiting.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    waitingBytes += piece.length;
    if (waitingBytes < neededBytes) continue;
    const bytes = waiting.length === 1 && waiting[0] !== undefined ? waiting[0] : Buffer.concat(waiting);
    let at = 0;
    for (;;) {
      neededBytes = prefixBytes;
      if (bytes.length - at < prefixBytes) break;
      const length = bytes.readUInt32BE(at + 1);
      if (bytes[at] !== 0) throw new Failure("corrupt", "cannot read the message: it is compressed");
      if (length > messageLimitBytes)
        throw new Failure("corrupt", `cannot read the message: it is longer than ${messageLimitBytes} bytes`);
      neededBytes = prefixBytes + length;
      if (bytes.length - at < neededBytes) break;
      yield codec.decode(bytes.subarray(at + prefixBytes, at + neededBytes));
      at += neededBytes;
    }
    waiting = at === bytes.length ? [] : [bytes.subarray(at)];
    waitingBytes = bytes.length - at;
  }
  if (waitingBytes > 0) throw new Failure("corrupt", "cannot read the message: it is cut off");
}

function clientGone(path: string, thrown?: unknown): Failure {
  const reason = thrown === undefined ? "" : `: ${sentenceOf(thrown)}`;
  return new Failure("canceled", `cannot call ${path}: the client went away${reason}`, { cause: thrown });
}

/** SPEC: gRPC over HTTP/2, "Status-Message": percent-encoded UTF-8; what is malformed stays. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
