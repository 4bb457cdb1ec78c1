import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Query } from "../api/http/query.ts";
import { matchRoute, type RouteMatch } from "../api/http/route-match.ts";
import { formatApiVersion, maximumVersion } from "../api/http/version.ts";
import { toDockerFailure } from "../api/docker-errors.ts";
import { Failure, failureOf } from "../base/failure.ts";
import type { Builds } from "../model/builds.ts";
import type { Engine } from "../model/engine.ts";
import type { BuildKit } from "./buildkit/buildkit.ts";
import type { Authorization } from "./authorization/authorize.ts";
import type { Gate, GateOptions } from "./authorization/gate.ts";
import { AttachedClients } from "./attached-clients.ts";
import { type DaemonConfiguration, usualConfiguration } from "./configuration.ts";
import type { Call, CommandRunner, DaemonFacts } from "./handler.ts";
import { PreparedLists } from "./prepared-lists.ts";
import type { ApiRequest } from "./http/api-request.ts";
import { ApiConnection, type Exchange } from "./http/connection.ts";
import { BodyMemory } from "./http/body-memory.ts";
import { ConnectionBounds, connectionKindOf, type ConnectionLimits } from "./http/connection-bounds.ts";
import { findHandler, isGivenUp } from "./http/dispatch.ts";
import { listen, listenAtFd } from "./http/listen.ts";
import { type Listener, type RemoteLimits, usualRemoteLimits } from "./http/listener.ts";
import { HttpReply } from "./http/http-reply.ts";
import { dropBody, readJsonBody } from "./http/request-body.ts";
import type { SocketCalls } from "./http/socket-calls.ts";

export interface ServeOptions {
  readonly socketPath?: string | undefined;
  /** A listening socket with that path, which the service manager keeps. Absent: the server makes and removes it. */
  readonly socketFd?: number | undefined;
  /** Where else the API is served. */
  readonly listeners?: readonly Listener[] | undefined;
  readonly remoteLimits?: RemoteLimits | undefined;
  /** Authorization plug-ins are looked for in its directory `plugins` first. */
  readonly pluginRoot?: string | undefined;
  /** The most that an authorization plug-in may take for an answer; there is a default. */
  readonly pluginAnswerWithinMs?: number | undefined;
  /** Asked at each request. Absent: the one of a daemon without configuration. */
  readonly configuration?: (() => DaemonConfiguration) | undefined;
  /** Names this build; clients of another one may replace the daemon. */
  readonly buildId: string;
  /** The most connections of each kind; there is a default. */
  readonly connectionLimits?: ConnectionLimits | undefined;
  readonly version: string;
  readonly gitCommit?: string | undefined;
  /** RFC 3339. */
  readonly buildTime?: string | undefined;
  readonly socketCalls: SocketCalls;
  /** Runs commands for clients that send their words. */
  readonly commands?: CommandRunner | undefined;
  /** Receives internal failures only. */
  readonly onInternalFailure?: ((failure: Failure) => void) | undefined;
}

export interface Serving {
  /** Takes no more requests, cuts those that go on, removes the socket. Idempotent. The engine stays the caller's. */
  close(): Promise<void>;
  /** Resolves when it is closed: by close(), or because a client asked for it (`POST /tare/shutdown`). */
  readonly closed: Promise<void>;
}

/**
 * Serves the Docker Engine API on unix sockets (0660) and TCP ports. A stale socket is replaced; Failure("conflict") when another
 * daemon listens. No request waits for another.
 */
export async function serve(engine: Engine, options: ServeOptions): Promise<Serving> {
  const { socketPath, socketFd, listeners = [], buildId, version, gitCommit = "", buildTime = "" } = options;
  const server = new ApiServer(engine, { version, buildId, gitCommit, buildTime }, options);
  const first: readonly Listener[] =
    socketFd !== undefined
      ? [{ kind: "fd", fd: socketFd }]
      : socketPath === undefined
        ? []
        : [{ kind: "unix", path: socketPath }];
  try {
    for (const listener of [...first, ...listeners]) await server.listen(listener);
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
  return server;
}

class ApiServer implements Serving {
  readonly closed: Promise<void>;
  readonly #engine: Engine;
  readonly #facts: DaemonFacts;
  readonly #commands: CommandRunner | undefined;
  readonly #onInternalFailure: ((failure: Failure) => void) | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #calls: SocketCalls;
  readonly #remoteLimits: RemoteLimits;
  readonly #configuration: () => DaemonConfiguration;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Socket>();
  readonly #attached = new AttachedClients();
  readonly #lists = new PreparedLists();
  readonly #bounds: ConnectionBounds;
  readonly #bodies = new BodyMemory();
  readonly #ended = Promise.withResolvers<void>();
  readonly #sockets: Disposable[] = [];
  readonly #openBuildKit: (() => Promise<BuildKit>) | undefined;
  #buildKit: Promise<BuildKit> | undefined;
  readonly #pluginRoot: string;
  readonly #pluginAnswerWithinMs: number | undefined;
  #authorization: Authorization | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    engine: Engine,
    facts: DaemonFacts,
    {
      onInternalFailure,
      connectionLimits,
      socketCalls,
      commands,
      remoteLimits = usualRemoteLimits,
      configuration = () => usualConfiguration,
      pluginRoot = "/run/tare",
      pluginAnswerWithinMs,
    }: ServeOptions,
  ) {
    this.#calls = socketCalls;
    this.#remoteLimits = remoteLimits;
    this.#configuration = configuration;
    this.#pluginRoot = pluginRoot;
    this.#pluginAnswerWithinMs = pluginAnswerWithinMs;
    this.#bounds = new ConnectionBounds(connectionLimits);
    this.#engine = engine;
    const openBuilds = engine.openBuilds?.bind(engine);
    this.#openBuildKit = openBuilds === undefined ? undefined : () => this.#loadBuildKit(openBuilds);
    this.#facts = facts;
    this.#commands = commands;
    this.#onInternalFailure = onInternalFailure;
    this.closed = this.#ended.promise;
    this.#headers = {
      "Api-Version": formatApiVersion(maximumVersion),
      "Docker-Experimental": "false",
      Ostype: "linux",
      Server: `Tare/${facts.version} (linux)`,
      "Tare-Build": facts.buildId,
    };
  }

  async listen(listener: Listener): Promise<void> {
    if (listener.kind === "tcp") {
      const { listenTcp } = await import("./http/listen-tcp.ts");
      const isSecure = listener.tls !== undefined;
      const onSocket = (socket: Socket): void => this.#onConnection(socket, { isRemote: true, isSecure });
      this.#servers.push(await listenTcp(listener, { onSocket, limits: this.#remoteLimits }));
      return;
    }
    // A client that ends its direction still gets its answer.
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#onConnection(socket));
    this.#sockets.push(
      await (listener.kind === "fd" ? listenAtFd(server, listener.fd) : listen(server, listener.path)),
    );
    this.#servers.push(server);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    const stopped = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const socket of this.#connections) socket.destroy();
    const buildKit = await this.#buildKit?.catch(() => undefined);
    buildKit?.close();
    await Promise.all(stopped);
    this.#ended.resolve();
  }

  #loadBuildKit(openBuilds: () => Promise<Builds>): Promise<BuildKit> {
    const { version } = this.#facts;
    this.#buildKit ??= Promise.all([import("./buildkit/buildkit.ts"), openBuilds()]).then(
      ([{ BuildKit }, builds]) => new BuildKit(builds, { version, report: this.report }),
    );
    return this.#buildKit;
  }

  #onConnection(
    socket: Socket,
    {
      isRemote = false,
      isSecure = false,
    }: { readonly isRemote?: boolean | undefined; readonly isSecure?: boolean | undefined } = {},
  ): void {
    this.#connections.add(socket);
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#bounds.wake(socket);
    });
    const connection = new ApiConnection(socket, {
      calls: isSecure ? throughTls(this.#calls) : this.#calls,
      remote: isRemote ? this.#remoteLimits : undefined,
      onHttp2:
        this.#openBuildKit === undefined ? undefined : (connection) => void this.#serveHttp2(connection),
      onRest: (options) => this.#bounds.rest(socket, options),
      onRequest: (exchange) => {
        this.#bounds.wake(socket);
        void this.#answer(exchange);
      },
    });
    connection.begin();
  }

  /** A client that speaks HTTP/2 from its first byte on wants BuildKit's services. */
  async #serveHttp2(connection: Duplex): Promise<void> {
    this.#bounds.wake(connection);
    // SAFETY: there is no request on this way that a plug-in could be asked about; `POST /grpc` is one.
    if (this.#configuration().authorizationPlugins.length > 0) {
      connection.destroy();
      return;
    }
    try {
      connection.on("close", this.#bounds.enter("streams"));
      (await this.#openBuildKit?.())?.accept(connection);
    } catch (thrown) {
      this.report(failureOf(thrown));
      connection.destroy();
    }
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, socket: connection } = exchange;
    const reply = new HttpReply(exchange, this.#headers);
    const gone = new AbortController();
    const onClose = (): void => gone.abort(new Failure("canceled", "cannot go on: the client went away"));
    connection.on("close", onClose);
    let match: RouteMatch | undefined;
    try {
      const [path, parameters] = splitOnce(request.url, "?");
      match = matchRoute(request.method, path);
      this.#enter(match, { reply, exchange });
      await this.#run(request, { match, parameters, reply, socket: connection, signal: gone.signal });
    } catch (thrown) {
      this.#refuse(thrown, { match, reply, connection, signal: gone.signal });
    } finally {
      connection.off("close", onClose);
    }
  }

  /** Until the request has its answer, or the client is gone. */
  #enter(
    { route }: RouteMatch,
    { reply, exchange }: { readonly reply: HttpReply; readonly exchange: Exchange },
  ): void {
    const { isUpgrade } = reply;
    const leave = this.#bounds.enter(connectionKindOf(route.operation, { isUpgrade }));
    exchange.onOver(leave);
  }

  async #run(
    request: ApiRequest,
    {
      match,
      parameters,
      reply,
      socket,
      signal,
    }: {
      readonly match: RouteMatch;
      readonly parameters: string;
      readonly reply: HttpReply;
      readonly socket: Socket;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const { route, version, params } = match;
    const handler = await findHandler(route.operation);
    if (handler === undefined) throw notYet(route.operation);
    if (reply.isUpgrade && route.hijack !== true) {
      throw new Failure("invalid", "cannot take over the connection: this request is answered without");
    }
    const configuration = this.#configuration();
    const { authorizationPlugins: plugins } = configuration;
    const gate = plugins.length === 0 ? undefined : await this.#openGate(request, { match, socket, plugins });
    const query = new Query(route, new URLSearchParams(parameters), version);
    const body =
      route.body === "json" ? await readJsonBody(request, this.#bodies, gate?.seesBody) : undefined;
    if (reply.isUpgrade && route.body === undefined) await dropBody(request);
    const { shutdown, report } = this;
    const facts = this.#facts;
    const call: Call = {
      engine: this.#engine,
      facts,
      configuration,
      commands: this.#commands,
      buildKit: this.#openBuildKit,
      attached: this.#attached,
      lists: this.#lists,
      version,
      params,
      query,
      body,
      request,
      reply,
      signal,
      shutdown,
      report,
    };
    if (gate === undefined) await handler(call);
    else await gate.pass(call, handler);
  }

  /** Loaded with the first request of a daemon that has plug-ins. */
  async #openGate(request: ApiRequest, options: Omit<GateOptions, "authorization">): Promise<Gate> {
    const { Gate } = await import("./authorization/gate.ts");
    const { Authorization } = await import("./authorization/authorize.ts");
    const authorization = (this.#authorization ??= new Authorization(this.#pluginRoot, {
      answerWithinMs: this.#pluginAnswerWithinMs,
    }));
    return new Gate(request, { authorization, ...options });
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
      readonly reply: HttpReply;
      readonly connection: Socket;
      readonly signal: AbortSignal;
    },
  ): void {
    const failure = failureOf(thrown);
    if (isGivenUp(failure, signal)) return;
    this.report(failure);
    if (reply.isBegun) {
      // The head promised more: only a reset reports to the client that the body is incomplete.
      connection.destroy();
      return;
    }
    const subject =
      match === undefined ? undefined : { operation: match.route.operation, params: match.params };
    reply.failure(subject === undefined ? failure : toDockerFailure(failure, subject));
  }
}

/** SAFETY: bytes that are written to the descriptor itself are not encrypted. */
function throughTls(calls: SocketCalls): SocketCalls {
  return { sendAlone: () => 0, hasHungUp: (fd) => calls.hasHungUp(fd) };
}

function notYet(operation: string): Failure {
  const what = operation.slice(operation.indexOf(".") + 1);
  return new Failure("unsupported", `${what} is not supported yet`);
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
