import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Query } from "../api/query.ts";
import { matchRoute, type RouteMatch } from "../api/route-match.ts";
import { formatApiVersion, maximumVersion } from "../api/version.ts";
import { wordFailure } from "../api/wording.ts";
import { Failure, failureOf } from "../base/failure.ts";
import type { Engine } from "../engine/engine-types.ts";
import { AttachedClients } from "./attached-clients.ts";
import type { DaemonFacts } from "./handler.ts";
import { ConnectionBounds, connectionKindOf, type ConnectionLimits } from "./http/connection-bounds.ts";
import { findHandler, isGivenUp } from "./http/dispatch.ts";
import { listen } from "./http/listen.ts";
import { PlainReply } from "./http/plain-reply.ts";
import type { Reply } from "./http/reply.ts";
import { readJsonBody } from "./http/request-body.ts";
import { UpgradeReply } from "./http/upgrade-reply.ts";

export interface ServeOptions {
  readonly socketPath: string;
  /** Names this build; clients of another one may replace the daemon. */
  readonly buildId: string;
  /** The most connections of each kind; there is a default. */
  readonly connectionLimits?: ConnectionLimits;
  readonly version: string;
  readonly gitCommit?: string;
  /** RFC 3339. */
  readonly buildTime?: string;
  /** Told of what went wrong inside and of nothing else. */
  readonly onInternalFailure?: (failure: Failure) => void;
}

export interface Serving {
  /** Takes no more requests, cuts those that go on, removes the socket. Idempotent. The engine stays the caller's. */
  close(): Promise<void>;
  /** Resolves when it is closed: by close(), or because a client asked for it (`POST /tare/shutdown`). */
  readonly closed: Promise<void>;
}

/**
 * Serves the Docker Engine API on a unix socket (0660). A stale socket is replaced; Failure("conflict") when another
 * daemon listens. No request waits for another.
 */
export async function serve(engine: Engine, options: ServeOptions): Promise<Serving> {
  const { socketPath, buildId, version, gitCommit = "", buildTime = "" } = options;
  const server = new ApiServer(engine, { version, buildId, gitCommit, buildTime }, options);
  await server.listen(socketPath);
  return server;
}

class ApiServer implements Serving {
  readonly closed: Promise<void>;
  readonly #engine: Engine;
  readonly #facts: DaemonFacts;
  readonly #onInternalFailure: ((failure: Failure) => void) | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 });
  readonly #upgraded = new Set<Duplex>();
  readonly #attached = new AttachedClients();
  readonly #bounds: ConnectionBounds;
  /** The latest answer on each connection. */
  readonly #answering = new WeakMap<Socket, ServerResponse>();
  readonly #ended = Promise.withResolvers<void>();
  #socket: Disposable | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    engine: Engine,
    facts: DaemonFacts,
    { onInternalFailure, connectionLimits }: Pick<ServeOptions, "onInternalFailure" | "connectionLimits">,
  ) {
    this.#bounds = new ConnectionBounds(connectionLimits);
    this.#engine = engine;
    this.#facts = facts;
    this.#onInternalFailure = onInternalFailure;
    this.closed = this.#ended.promise;
    this.#headers = {
      "Api-Version": formatApiVersion(maximumVersion),
      "Docker-Experimental": "false",
      Ostype: "linux",
      Server: `Tare/${facts.version} (linux)`,
      "Tare-Build": facts.buildId,
    };
    this.#server.timeout = 0;
    this.#server.on("connection", (socket) => this.#onConnection(socket));
    this.#server.on("request", (request, response) => this.#onRequest(request, response));
    this.#server.on("upgrade", (request, socket) => this.#onUpgrade(request, socket));
  }

  async listen(socketPath: string): Promise<void> {
    this.#socket = await listen(this.#server, socketPath);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#socket?.[Symbol.dispose]();
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.closeAllConnections();
    await stopped;
    this.#ended.resolve();
  }

  #onConnection(socket: Socket): void {
    this.#bounds.rest(socket, { isUsed: false });
    socket.on("close", () => this.#bounds.wake(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(this.#headers)) response.setHeader(name, value);
    response.on("error", () => {});
    request.on("error", () => {});
    const { socket } = request;
    this.#bounds.wake(socket);
    this.#answering.set(socket, response);
    response.on("close", () => {
      // Unless the next request has come meanwhile.
      if (this.#answering.get(socket) === response) this.#bounds.rest(socket, { isUsed: true });
    });
    void this.#answer(request, new PlainReply(request, response), response);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex): void {
    this.#upgraded.add(socket);
    this.#bounds.wake(request.socket);
    socket.on("close", () => this.#upgraded.delete(socket));
    socket.on("error", () => {});
    void this.#answer(request, new UpgradeReply(socket, this.#headers), socket);
  }

  async #answer(request: IncomingMessage, reply: Reply, connection: ServerResponse | Duplex): Promise<void> {
    const gone = new AbortController();
    const onClose = (): void => gone.abort(new Failure("canceled", "cannot go on: the client went away"));
    connection.on("close", onClose);
    let match: RouteMatch | undefined;
    try {
      const [path, parameters] = splitOnce(request.url ?? "", "?");
      match = matchRoute(request.method ?? "", path);
      this.#enter(match, { reply, connection });
      await this.#run(request, { match, parameters, reply, signal: gone.signal });
    } catch (thrown) {
      this.#refuse(thrown, { match, reply, connection, signal: gone.signal });
    } finally {
      connection.off("close", onClose);
    }
  }

  /** Until the connection has its answer, or is gone. */
  #enter(
    { route }: RouteMatch,
    { reply, connection }: { readonly reply: Reply; readonly connection: ServerResponse | Duplex },
  ): void {
    const isUpgrade = reply instanceof UpgradeReply;
    const leave = this.#bounds.enter(connectionKindOf(route.operation, { isUpgrade }));
    if (connection.destroyed) leave();
    else connection.on("close", leave);
  }

  async #run(
    request: IncomingMessage,
    {
      match,
      parameters,
      reply,
      signal,
    }: {
      readonly match: RouteMatch;
      readonly parameters: string;
      readonly reply: Reply;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { route, version, params } = match;
    const handler = await findHandler(route.operation);
    if (handler === undefined) throw notYet(route.operation);
    if (reply instanceof UpgradeReply && route.hijack !== true) {
      throw new Failure("invalid", "cannot take over the connection: this request is answered without");
    }
    const query = new Query(route, new URLSearchParams(parameters));
    const body = route.body === "json" ? await readJsonBody(request) : undefined;
    const { shutdown, report } = this;
    const facts = this.#facts;
    await handler({
      engine: this.#engine,
      facts,
      attached: this.#attached,
      version,
      params,
      query,
      body,
      request,
      reply,
      signal,
      shutdown,
      report,
    });
  }

  readonly report = (failure: Failure): void => {
    if (failure.kind === "internal") this.#onInternalFailure?.(failure);
  };

  readonly shutdown = (): void => {
    // The answer goes out first.
    setTimeout(() => void this.close(), 20);
  };

  #refuse(
    thrown: unknown,
    {
      match,
      reply,
      connection,
      signal,
    }: {
      readonly match: RouteMatch | undefined;
      readonly reply: Reply;
      readonly connection: ServerResponse | Duplex;
      readonly signal: AbortSignal;
    },
  ): void {
    const failure = failureOf(thrown);
    if (isGivenUp(failure, signal)) return;
    this.report(failure);
    if (reply.isBegun) {
      // The head promised more: only a cut tells the client that it was not all.
      connection.destroy();
      return;
    }
    const subject =
      match === undefined ? undefined : { operation: match.route.operation, params: match.params };
    reply.failure(subject === undefined ? failure : wordFailure(failure, subject));
  }
}

function notYet(operation: string): Failure {
  const what = operation.slice(operation.indexOf(".") + 1);
  return new Failure("unsupported", `${what} is not supported yet`);
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
