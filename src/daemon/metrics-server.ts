import type { Socket } from "node:net";
import { Failure, sentenceOf } from "../base/failure.ts";
import { ApiConnection, type Exchange } from "./http/connection.ts";
import { HttpReply } from "./http/http-reply.ts";
import { listenTcp } from "./http/listen-tcp.ts";
import type { RemoteLimits } from "./http/listener.ts";
import type { SocketCalls } from "./http/socket-calls.ts";

/** A few scrapers: each takes one connection. */
const limits: RemoteLimits = { handshakeMs: 5_000, headMs: 5_000, restMs: 120_000, connections: 32 };

export interface MetricsServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly socketCalls: SocketCalls;
  readonly contentType: string;
  /** The text of all metrics as they are now. */
  readonly read: () => Promise<string>;
}

/**
 * Serves `GET /metrics` over plain HTTP until it is disposed of, and nothing else. Requests that come together share
 * one reading. Throws "unavailable" when the address cannot be used.
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<AsyncDisposable> {
  const { hostname, port, socketCalls, contentType, read } = options;
  const connections = new Set<Socket>();
  let reading: Promise<string> | undefined;
  const readOnce = (): Promise<string> => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const onRequest = (exchange: Exchange): void => void answer(exchange, { contentType, read: readOnce });
  const onSocket = (socket: Socket): void => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
    new ApiConnection(socket, { calls: socketCalls, remote: limits, onRest: () => {}, onRequest }).begin();
  };
  const server = await listenTcp({ kind: "tcp", hostname, port }, { onSocket, limits }).catch(
    (cause: unknown) => {
      throw new Failure("unavailable", `cannot serve metrics: ${sentenceOf(cause)}`, { cause });
    },
  );
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** Never rejects. */
async function answer(
  exchange: Exchange,
  { contentType, read }: Pick<MetricsServerOptions, "contentType" | "read">,
): Promise<void> {
  const { method, url } = exchange.request;
  const reply = new HttpReply(exchange, {});
  if (url.split("?", 1)[0] !== "/metrics") return reply.text(404, "404 page not found\n");
  if (method !== "GET") return reply.text(405, "Method Not Allowed\n", { Allow: "GET" });
  try {
    reply.text(200, await read(), { "Content-Type": contentType });
  } catch (thrown) {
    reply.text(500, `cannot read the metrics: ${sentenceOf(thrown)}\n`);
  }
}
