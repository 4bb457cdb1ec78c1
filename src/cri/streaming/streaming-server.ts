import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { acceptWebSocket } from "../../api/http/web-socket.ts";
import { headLimitBytes, parseRequestHead, type RequestHead } from "../../api/http/request-head.ts";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { endGently } from "../../base/stream-writes.ts";
import type { RemoteResult, RemoteStreams, StreamChoice } from "./remote-command.ts";
import {
  channelCommandProtocols,
  channelForwardProtocols,
  forwardOverChannels,
  serveCommandOverChannels,
} from "./serve-channels.ts";
import {
  forwardOverSpdy,
  serveCommandOverSpdy,
  spdyCommandProtocols,
  spdyForwardProtocols,
} from "./serve-spdy.ts";

/** What a client of an address may do, once. */
export type StreamingRequest =
  | {
      readonly kind: "exec" | "attach";
      readonly choice: StreamChoice;
      /** Runs the program, or joins it; resolves at its end. */
      readonly run: (streams: RemoteStreams) => Promise<RemoteResult>;
    }
  | {
      readonly kind: "portforward";
      /** For clients that name none. */
      readonly ports: readonly number[];
      /** A connection to a port of the pod. */
      readonly connect: (port: number, signal: AbortSignal) => Promise<Duplex>;
    };

/** As kubelet's own: addresses that no client has used yet, and how long one can be used. */
const mostPending = 1000;
const pendingMs = 60_000;
/** Of all clients together. */
const mostConnections = 1000;
const headMs = 10_000;

/**
 * Serves exec, attach and portforward to kubelets, which get the address of each by the CRI. An address holds a secret
 * token that is good once. Listens on `host` (loopback unless a kubelet is elsewhere) and any free port, unless given.
 */
export class StreamingServer {
  readonly #server: Server;
  readonly #pending = new Map<string, { readonly request: StreamingRequest; readonly timer: Timer }>();
  readonly #sockets = new Set<Socket>();
  #base = "";

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Throws what listening throws. */
  static async open({
    host = "127.0.0.1",
    port = 0,
  }: {
    readonly host?: string;
    readonly port?: number;
  } = {}): Promise<StreamingServer> {
    const self = new StreamingServer();
    self.#server.listen(port, host);
    await once(self.#server, "listening");
    const address = self.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no address");
    self.#base = `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
    return self;
  }

  /** The address for one request. Throws "exhausted" when too many are unused. */
  register(request: StreamingRequest): string {
    if (this.#pending.size >= mostPending) {
      throw new Failure(
        "exhausted",
        `cannot ${request.kind}: ${mostPending} requests wait for their clients`,
      );
    }
    const token = randomBytes(16).toString("base64url");
    const timer = setTimeout(() => this.#pending.delete(token), pendingMs);
    timer.unref();
    this.#pending.set(token, { request, timer });
    return `${this.#base}/${request.kind}/${token}`;
  }

  /** Cuts all connections. */
  close(): void {
    this.#server.close();
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    this.#pending.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => {}); // its "close" follows
    if (this.#sockets.size >= mostConnections) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    void this.#serve(socket).catch((thrown: unknown) => refuse(socket, 400, sentenceOf(thrown)));
  }

  async #serve(socket: Socket): Promise<void> {
    const text = await readHead(socket);
    if (text === undefined) return void socket.destroy();
    const head = parseRequestHead(text);
    if (head.method !== "GET" && head.method !== "POST")
      return refuse(socket, 405, "the method is not GET or POST");
    const [, kind = "", token = "", ...more] = (head.url.split("?")[0] ?? "").split("/");
    const found = more.length === 0 ? this.#pending.get(token) : undefined;
    if (found === undefined || found.request.kind !== kind) {
      return refuse(socket, 404, "no request waits at this address: it was used before, or is too old");
    }
    const start = chooseProtocol(socket, head, found.request);
    if (start === undefined) return;
    this.#pending.delete(token);
    clearTimeout(found.timer);
    await start();
  }
}

type Timer = ReturnType<typeof setTimeout>;

/** Agrees on a protocol with the client and gives what serves it; undefined: the client was refused. */
function chooseProtocol(
  socket: Socket,
  head: RequestHead,
  request: StreamingRequest,
): (() => Promise<void>) | undefined {
  const upgrade = head.headers.get("upgrade")?.toLowerCase();
  const isForward = request.kind === "portforward";
  if (upgrade === "websocket") {
    const known = isForward ? channelForwardProtocols : channelCommandProtocols;
    const offered = listOf(head.headers.get("sec-websocket-protocol"));
    const protocol = pickProtocol(offered, known);
    if (protocol === undefined)
      return refuse(socket, 403, `none of the protocols is known: ${offered.join(", ")}`);
    // One that is agreed on is named in the answer.
    const field = (name: string): string | undefined =>
      name === "sec-websocket-protocol" ? protocol : head.headers.get(name);
    switchProtocols(socket, acceptWebSocket(field));
    if (request.kind !== "portforward")
      return () => serveCommandOverChannels(socket, { choice: request.choice, protocol }, request.run);
    const ports = portsOf(head.url) ?? request.ports;
    return () => forwardOverChannels(socket, { ports, protocol }, request.connect);
  }
  if (upgrade !== "spdy/3.1")
    return refuse(socket, 400, "the request is for neither SPDY/3.1 nor a WebSocket");
  const known = isForward ? spdyForwardProtocols : spdyCommandProtocols;
  const offered = listOf(head.headers.get("x-stream-protocol-version"));
  const protocol = offered.length === 0 ? known[0] : pickProtocol(offered, known);
  if (protocol === undefined) {
    return refuse(socket, 403, `none of the protocols is known: ${offered.join(", ")}`, {
      "X-Accepted-Stream-Protocol-Versions": known.toReversed().join(", "),
    });
  }
  switchProtocols(socket, {
    Upgrade: "SPDY/3.1",
    Connection: "Upgrade",
    ...(offered.length === 0 ? {} : { "X-Stream-Protocol-Version": protocol }),
  });
  if (request.kind === "portforward") return () => forwardOverSpdy(socket, request.connect);
  return () => serveCommandOverSpdy(socket, { choice: request.choice, protocol }, request.run);
}

/** The client's first choice of those that are known; "" where it names none and that is known. */
function pickProtocol(offered: readonly string[], known: readonly string[]): string | undefined {
  if (offered.length === 0) return known.find((each) => each === "");
  return offered.find((each) => known.includes(each));
}

function listOf(value: string | undefined): readonly string[] {
  return (value ?? "")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** Ports that the client names in the query. */
function portsOf(url: string): readonly number[] | undefined {
  const given = new URL(url, "http://localhost").searchParams.getAll("port");
  const ports = given.flatMap((each) => each.split(",")).map(Number);
  const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port <= 65_535;
  return ports.length > 0 && ports.length <= 64 && ports.every(isPort) ? ports : undefined;
}

/** The request's head; what follows is left in the socket. Undefined: it never came. */
async function readHead(socket: Socket): Promise<string | undefined> {
  const timer = setTimeout(() => socket.destroy(), headMs);
  try {
    let read = Buffer.alloc(0);
    for (;;) {
      const piece = await nextPiece(socket);
      if (piece === undefined) return undefined;
      read = Buffer.concat([read, piece]);
      const end = read.indexOf("\r\n\r\n");
      if (end >= 0) {
        if (end + 4 < read.length) socket.unshift(read.subarray(end + 4));
        return read.toString("latin1", 0, end);
      }
      if (read.length > headLimitBytes) return undefined;
    }
  } finally {
    clearTimeout(timer);
  }
}

function nextPiece(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const done = (piece?: Buffer): void => {
      socket.off("data", done);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      socket.pause();
      resolve(piece);
    };
    const onEnd = (): void => done();
    socket.on("data", done);
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    socket.resume();
  });
}

function switchProtocols(socket: Socket, fields: Readonly<Record<string, string>>): void {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
};

function refuse(
  socket: Duplex,
  status: number,
  message: string,
  fields: Readonly<Record<string, string>> = {},
): undefined {
  if (socket.destroyed || socket.writableEnded) return undefined;
  const body = `${message}\n`;
  const head = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...fields,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  const first = `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\n`;
  endGently(socket, { last: Buffer.from(`${first}${lines.join("")}\r\n${body}`) });
  return undefined;
}
