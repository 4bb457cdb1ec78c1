import { defined } from "../base/defined.ts";
import { Failure, kindOf } from "../base/failure.ts";
import { findFailureKind } from "../api/http/failure-status.ts";
import { type Filters, formatFilters } from "../api/http/filters.ts";
import type { BuildMessage, BuildOptionsLine } from "../api/types/build.ts";
import type { BuildCachePruneReport } from "../api/types/usage.ts";
import type { OpenAgent } from "./agent-relays.ts";
import type { Signaled } from "./containers.ts";
import type { ClientSocket } from "./http/socket.ts";
import type { Transport } from "./transport.ts";

/** Calls of `/build` and of the daemon's own route for builds. */
export class BuildsClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Builds. A failure after the first line comes as a message. The context is read where it is if `options.Context`
   * says so and the daemon has the same directory there; otherwise `openContext` gives it as tar.
   */
  async *build(
    options: BuildOptionsLine,
    {
      openContext,
      sentOptions,
      registryConfig,
      openAgent,
      signal,
    }: {
      /** Replaces the options where the files are sent; absent: the same without `Context`. */
      readonly sentOptions?: BuildOptionsLine | undefined;
      readonly openContext: () => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
      /** X-Registry-Config. */
      readonly registryConfig?: string | undefined;
      /** Connects to an agent of `options.Agents`. */
      readonly openAgent?: OpenAgent | undefined;
    } & Signaled,
  ): AsyncGenerator<BuildMessage, void, undefined> {
    const send = (stream: AsyncIterable<Uint8Array>): AsyncGenerator<BuildMessage, void, undefined> =>
      this.#transport.lines({
        method: "POST",
        path: "/tare/builds",
        headers: defined({
          "X-Registry-Config": registryConfig,
          "Content-Type": "application/vnd.tare.build",
        }),
        stream,
        signal,
      });
    const ask = (stream: AsyncIterable<Uint8Array>): AsyncGenerator<BuildMessage, void, undefined> =>
      openAgent === undefined ? send(stream) : this.#answering(send(stream), openAgent);
    if (options.Context !== undefined && this.#transport.host.kind === "unix") {
      try {
        yield* ask(encodeBody(options, emptyContext()));
        return;
      } catch (thrown) {
        // The daemon refuses a directory that is another one for it before the first line of its reply.
        if (kindOf(thrown) !== "conflict") throw thrown;
      }
    }
    const { Context: _, ...rest } = options;
    yield* ask(encodeBody(sentOptions ?? rest, await openContext()));
  }

  /** Answers what the build asks of the agents, and gives the other messages. */
  async *#answering(
    messages: AsyncIterable<BuildMessage>,
    openAgent: OpenAgent,
  ): AsyncGenerator<BuildMessage, void, undefined> {
    const { AgentRelays } = await import("./agent-relays.ts");
    const attach = async (path: string): Promise<ClientSocket> =>
      (await this.#transport.attach({ method: "POST", path })).duplex;
    using relays = new AgentRelays(openAgent, attach);
    for await (const message of messages) {
      if (message.Agent === undefined) yield message;
      else relays.begin(message.Agent);
    }
  }

  /** Filters: see compileCacheQuery(). Sizes in bytes: see PruneCacheOptions. */
  prune(
    options: {
      readonly all?: boolean | undefined;
      readonly filters?: Filters | undefined;
      readonly reservedBytes?: number | undefined;
      readonly maxUsedBytes?: number | undefined;
      readonly minFreeBytes?: number | undefined;
    } & Signaled = {},
  ): Promise<BuildCachePruneReport> {
    const { all, filters, reservedBytes, maxUsedBytes, minFreeBytes, signal } = options;
    const query = {
      all,
      filters: formatFilters(filters),
      // Older daemons know it by this name.
      "keep-storage": reservedBytes,
      "max-used-space": maxUsedBytes,
      "min-free-space": minFreeBytes,
    };
    return this.#transport.json({ method: "POST", path: "/build/prune", query, signal });
  }
}

async function* encodeBody(
  options: BuildOptionsLine,
  context: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(`${JSON.stringify(options)}\n`);
  yield* context;
}

async function* emptyContext(): AsyncGenerator<Uint8Array, void> {
  await Promise.resolve();
  yield* [];
}

/** The failure of a message. */
export function failureOfBuild({ Kind, Message, ...rest }: NonNullable<BuildMessage["Failure"]>): Failure {
  const { Line: line, EndLine: endLine, Vertex: vertex, ExitCode: exitCode, Excerpt: excerpt } = rest;
  const details = defined({ fromDaemon: true, line, endLine, vertex, exitCode, excerpt });
  return new Failure(findFailureKind(Kind) ?? "internal", Message, { details });
}
