import { parseTrustedJson } from "../base/trusted-json.ts";
import { detailsHeader, failureHeader, failureOfReply } from "../api/http/failure-status.ts";
import { decodeJsonLines } from "../api/http/json-lines.ts";
import type { Frame } from "../spec/stream-frames.ts";
import {
  type ApiVersion,
  clientVersion,
  findApiVersion,
  formatApiVersion,
  maximumVersion,
} from "../api/http/version.ts";
import { canceled } from "../base/deadline.ts";
import { Failure } from "../base/failure.ts";
import type { Host } from "./host.ts";
import { ConnectionPool } from "./http/connection-pool.ts";
import type { HttpReply } from "./http/reply.ts";
import type { HttpRequest } from "./http/request.ts";
import type { ClientSocket, Connector } from "./http/socket.ts";
import { formatQuery, type QueryValue } from "./query.ts";

/** A request before it is written down. */
export interface Call {
  readonly method: HttpRequest["method"];
  /** Encoded path without version prefix: `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>> | undefined;
  readonly json?: unknown;
  readonly stream?: AsyncIterable<Uint8Array> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly upgrade?: boolean | undefined;
  /** Where the call needs another than clientVersion. */
  readonly version?: ApiVersion | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A container's or exec's streams: raw bytes of the terminal, or frames (see spec/stream-frames). */
export interface AttachedConnection {
  /** Undefined when the daemon does not report it (before 1.42): then inspect does. */
  readonly terminal: boolean | undefined;
  /** Writing feeds standard input, `end()` half-closes it; the caller destroys it. */
  readonly duplex: ClientSocket;
  /** The output, where more than that comes out of the duplex. */
  readonly output?: AsyncIterable<Frame> | undefined;
}

/** Calls the daemon in one version of the API and turns error replies into Failures. */
export class Transport implements Disposable {
  readonly #pool: ConnectionPool;
  readonly #buildId: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  #version: ApiVersion = clientVersion;
  /** The newest version of the daemon, once it has refused one. */
  #limit: ApiVersion = maximumVersion;
  #daemonBuildId: string | undefined;

  constructor(
    host: Host,
    {
      buildId,
      headers = {},
      ...options
    }: {
      readonly buildId?: string | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly revive?: (() => Promise<void>) | undefined;
      readonly connector?: Connector | undefined;
    },
  ) {
    this.#pool = new ConnectionPool(host, options);
    this.#buildId = buildId;
    this.#headers = headers;
  }

  get host(): Host {
    return this.#pool.host;
  }

  get version(): ApiVersion {
    return this.#version;
  }

  /** From the last reply, or expected; undefined when there was none, or the daemon is not Tare. */
  get daemonBuildId(): string | undefined {
    return this.#daemonBuildId;
  }

  /** Requests in this build's short form, which the daemon expands. */
  get isSameBuild(): boolean {
    return this.#buildId !== undefined && this.#buildId === this.#daemonBuildId;
  }

  /** See Client.expectBuild(). */
  expectBuild(id: string): void {
    this.#daemonBuildId ??= id;
  }

  /** See LeanClient.dial(). */
  async dial(): Promise<ClientSocket> {
    return await this.#pool.dial();
  }

  /** See Client.open(). */
  async open(): Promise<void> {
    await this.#pool.open();
  }

  /** The reply of a call that succeeded (status below 400). The caller reads or disposes it. */
  async call(call: Call): Promise<HttpReply> {
    for (;;) {
      const reply = await this.#exchange(call);
      if (reply.status < 400) return reply;
      const failure = failureOfReply(reply.status, await reply.text(1024 * 1024), {
        kind: reply.header(failureHeader),
        details: reply.header(detailsHeader),
      });
      // A daemon refuses versions that are newer than its own with 400.
      const supported = reply.status === 400 ? findApiVersion(reply.header("api-version") ?? "") : undefined;
      if (supported === undefined || supported >= this.#limit || call.stream !== undefined) throw failure;
      this.#limit = supported;
      if (supported < this.#version) this.#version = supported;
    }
  }

  /** The JSON of the reply. */
  async json<T>(call: Call): Promise<T> {
    const reply = await this.call(call);
    const text = await reply.text();
    try {
      return parseTrustedJson<T>(text);
    } catch (cause) {
      throw new Failure("corrupt", "cannot read the daemon's reply: it is not JSON", { cause });
    }
  }

  /** Reads the reply away and gives its status. */
  async status(call: Call): Promise<number> {
    const reply = await this.call(call);
    await reply.text();
    return reply.status;
  }

  /** The JSON lines of the reply; asked when the first is wanted. Leaving the loop closes the connection. */
  async *lines<T>(call: Call): AsyncGenerator<T, void, undefined> {
    yield* decodeJsonLines<T>(await this.call(call));
  }

  /** Takes the connection itself over. */
  async attach(call: Call): Promise<AttachedConnection> {
    const reply = await this.call({ ...call, upgrade: true });
    const type = reply.header("content-type") ?? "";
    if (reply.status !== 101 && reply.status !== 200) {
      reply[Symbol.dispose]();
      throw new Failure("corrupt", `cannot attach: the daemon answered with status ${reply.status}`);
    }
    const terminal = type.includes("multiplexed-stream")
      ? false
      : type.includes("raw-stream")
        ? true
        : undefined;
    return { terminal: this.#version < 1042 ? undefined : terminal, duplex: reply.hijack() };
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]();
  }

  async #exchange(call: Call): Promise<HttpReply> {
    const body = call.json === undefined ? call.stream : JSON.stringify(call.json);
    const asked = this.#pool.exchange({
      method: call.method,
      target: `/v${formatApiVersion(Math.min(call.version ?? this.#version, this.#limit))}${call.path}${formatQuery(call.query ?? {})}`,
      headers: {
        ...this.#headers,
        ...(this.#buildId === undefined ? {} : { "Tare-Build": this.#buildId }),
        ...call.headers,
      },
      body,
      upgrade: call.upgrade,
      signal: call.signal,
    });
    const reply = await asked.catch((thrown: unknown) => {
      throw call.signal?.aborted === true ? canceled(call.signal, "ask the daemon") : thrown;
    });
    this.#daemonBuildId = reply.header("tare-build");
    return reply;
  }
}
