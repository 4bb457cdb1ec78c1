import type { Writable } from "node:stream";
import type { Query } from "../api/http/query.ts";
import type { Failure } from "../base/failure.ts";
import type { Operation } from "../api/http/routes.ts";
import type { ApiVersion } from "../api/http/version.ts";
import type { Engine } from "../model/engine.ts";
import type { DaemonConfiguration } from "./configuration.ts";
import type { BuildKit } from "./buildkit/buildkit.ts";
import type { AttachedClients } from "./attached-clients.ts";
import type { ApiRequest } from "./http/api-request.ts";
import type { PreparedLists } from "./prepared-lists.ts";
import type { Reply } from "./http/reply.ts";

/** Facts about the daemon. */
export interface DaemonFacts {
  readonly version: string;
  readonly buildId: string;
  /** Where it came from, for `version`. */
  readonly gitCommit: string;
  readonly buildTime: string;
}

/** Where a command prints; the sizes are those of the client's terminal. */
export interface CommandOutput {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
}

/** The command line, in a program that has one, too: it runs commands for clients that send their words. */
export interface CommandRunner {
  /** Whether the words are those of a command that needs nothing of the client's process but its output. */
  accepts(words: readonly string[]): Promise<boolean>;
  /** Gives the exit status. The signal: the client is gone. Never rejects. */
  run(
    words: readonly string[],
    options: { readonly output: CommandOutput; readonly signal: AbortSignal },
  ): Promise<number>;
}

/** One request, read and routed. */
export interface Call {
  readonly engine: Engine;
  readonly facts: DaemonFacts;
  /** As it was when the request came. */
  readonly configuration: DaemonConfiguration;
  readonly commands: CommandRunner | undefined;
  /** BuildKit's services, which are loaded when they are first needed; undefined in a daemon without builds. */
  readonly buildKit: (() => Promise<BuildKit>) | undefined;
  /** Belongs to this daemon: the same process may contain other daemons. */
  readonly attached: AttachedClients;
  readonly lists: PreparedLists;
  readonly version: ApiVersion;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Parsed JSON of routes that have one; undefined when it was empty. */
  readonly body: unknown;
  /** The body of "stream" routes, to be read. */
  readonly request: ApiRequest;
  readonly reply: Reply;
  /**
   * Asks the authorization plug-ins about a step of this request, as Docker's request for it; absent when there are
   * none. Throws as a request that they deny.
   */
  readonly authorizeStep?: ((method: string, uri: string) => Promise<void>) | undefined;
  /** Fires when the client goes away. */
  readonly signal: AbortSignal;
  /** Ends the daemon once this request has been answered. */
  readonly shutdown: () => void;
  /** Receives failures that the handler itself reports to the client: internal failures must be logged here, too. */
  readonly report: (failure: Failure) => void;
}

export type Handler = (call: Call) => Promise<void>;

/** The handlers of one resource by operation. */
export type Handlers = Readonly<Record<Operation, Handler>>;
