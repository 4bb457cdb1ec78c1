import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import type { Duplex } from "node:stream";
import { bytesOf } from "../base/byte-stream.ts";
import { Failure } from "../base/failure.ts";
import type { Codec, Sendable } from "./codec.ts";
import { statusOfThrown } from "./status.ts";

/** A call by a client. */
export interface ServerCall {
  /** First value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** All values of it. */
  readonly headers: (name: string) => readonly string[];
  /** Fires when the client cancels the call or goes away. */
  readonly signal: AbortSignal;
}

/** Sends one message of a stream; resolves when the client takes more, or has gone. */
export type Send<T> = (message: Sendable<T>) => Promise<void>;

export interface Codings<Request, Response> {
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

export interface ServerLimits {
  /** Of one message, received. */
  readonly messageBytes: number;
  /** Calls at a time, on one connection. */
  readonly streams: number;
}

const usualLimits: ServerLimits = { messageBytes: 16 * 1024 * 1024, streams: 128 };

/** What is given to the client as the status of a call that has thrown is statusOfThrown(). */
export class GrpcServer {
  readonly #server: Server;
  readonly #accept: (connection: Duplex) => void;

  constructor({ messageBytes, streams }: ServerLimits = usualLimits) {
    this.#server = new Server({
      "grpc.max_receive_message_length": messageBytes,
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": streams,
    });
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#accept = (connection) => injector.injectConnection(connection);
  }

  /** Serves a connection on which a client speaks HTTP/2. */
  accept(connection: Duplex): void {
    connection.on("error", () => {});
    this.#accept(connection);
  }

  /** One request, one response. The path is `/package.Service/Method`. */
  unary<Request, Response>(
    path: string,
    { request, response }: Codings<Request, Response>,
    handler: (request: Request, call: ServerCall) => Promise<Sendable<Response>>,
  ): void {
    const handle = (
      call: ServerUnaryCall<Uint8Array, Uint8Array>,
      reply: (error: ReplyError | null, value?: Uint8Array) => void,
    ): void => {
      const run = async (): Promise<Uint8Array> =>
        response.encode(await handler(request.decode(call.request), callOf(call)));
      run().then(
        (bytes) => reply(null, bytes),
        (thrown: unknown) => reply(errorOf(thrown)),
      );
    };
    this.#server.register(path, handle, toBuffer, toBytes, "unary");
  }

  /** One request, any number of responses; the call ends when the handler does. */
  serverStream<Request, Response>(
    path: string,
    { request, response }: Codings<Request, Response>,
    handler: (request: Request, options: { call: ServerCall; send: Send<Response> }) => Promise<void>,
  ): void {
    const handle = (stream: ServerWritableStream<Uint8Array, Uint8Array>): void => {
      const call = callOf(stream);
      const run = async (): Promise<void> =>
        handler(request.decode(stream.request), { call, send: sender(stream, response) });
      endWith(stream, run());
    };
    this.#server.register(path, handle, toBuffer, toBytes, "serverStream");
  }

  /** Messages both ways. */
  duplex<Request, Response>(
    path: string,
    { request, response }: Codings<Request, Response>,
    handler: (
      requests: AsyncIterable<Request>,
      options: { call: ServerCall; send: Send<Response> },
    ) => Promise<void>,
  ): void {
    const handle = (stream: ServerDuplexStream<Uint8Array, Uint8Array>): void => {
      const call = callOf(stream);
      // Answers go on after the last request: iterating over the stream itself would destroy it.
      const requests = decoded(bytesOf(stream.iterator({ destroyOnReturn: false })), request);
      endWith(stream, handler(requests, { call, send: sender(stream, response) }));
    };
    this.#server.register(path, handle, toBuffer, toBytes, "bidi");
  }

  /** Cuts all connections. */
  close(): void {
    this.#server.forceShutdown();
  }
}

interface ReplyError {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "cancelled"> & {
  on(event: "cancelled", listener: () => void): unknown;
};

function callOf(call: AnyCall): ServerCall {
  const gone = new AbortController();
  const abort = (): void => gone.abort(new Failure("canceled", "the client has canceled the call"));
  if (call.cancelled) abort();
  call.on("cancelled", abort);
  const headers = (name: string): readonly string[] => call.metadata.get(name).map(String);
  return { header: (name) => headers(name)[0], headers, signal: gone.signal };
}

function sender<T>(
  stream: { write(bytes: Uint8Array): boolean; once(event: string, listener: () => void): unknown } & {
    off(event: string, listener: () => void): unknown;
    readonly destroyed: boolean;
    readonly cancelled: boolean;
  },
  codec: Codec<T>,
): Send<T> {
  return async (message) => {
    if (stream.destroyed || stream.cancelled || stream.write(codec.encode(message))) return;
    await new Promise<void>((resolve) => {
      const events = ["drain", "close", "cancelled", "error"];
      const done = (): void => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      for (const event of events) stream.once(event, done);
    });
  };
}

function endWith(
  stream: { end(): unknown; emit(event: "error", error: ReplyError): boolean },
  work: Promise<void>,
): void {
  work.then(
    () => void stream.end(),
    (thrown: unknown) => void stream.emit("error", errorOf(thrown)),
  );
}

async function* decoded<T>(messages: AsyncIterable<Uint8Array>, codec: Codec<T>): AsyncGenerator<T> {
  for await (const bytes of messages) yield codec.decode(bytes);
}

function errorOf(thrown: unknown): ReplyError {
  const { code, message, details } = statusOfThrown(thrown);
  const metadata = new Metadata();
  if (details !== undefined) metadata.set("grpc-status-details-bin", toBuffer(details));
  return { code, details: message, metadata };
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const toBytes = (bytes: Buffer): Uint8Array => bytes;
