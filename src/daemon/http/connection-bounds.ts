import type { Duplex } from "node:stream";
import type { Operation } from "../../api/http/routes.ts";
import { Failure } from "../../base/failure.ts";
import { encodeRefusal } from "./reply-head.ts";

/** The use of a connection. */
export type ConnectionKind = "events" | "streams" | "requests" | "control";

/** The most connections of each kind; `idle` are those without a request. */
export type ConnectionLimits = Readonly<Record<ConnectionKind | "idle", number>>;

const usualLimits: ConnectionLimits = {
  events: 4096,
  streams: 8192,
  requests: 4096,
  control: 4096,
  idle: 1024,
};

const advice = "close some, or raise the daemon's limit of open files";

const nouns: Readonly<Record<ConnectionKind, string>> = {
  events: "event streams",
  streams: "streams of logs, containers and execs",
  requests: "requests",
  control: "requests that list or end containers",
};

const streams: ReadonlySet<Operation> = new Set([
  "containers.attach",
  "containers.attachWebSocket",
  "containers.logs",
  "containers.stats",
  "containers.wait",
  "exec.start",
  "tare.run",
  "tare.exec",
  "tare.logs",
  "tare.command",
]);

const control: ReadonlySet<Operation> = new Set([
  "system.ping",
  "system.version",
  "containers.inspect",
  "containers.kill",
  "containers.list",
  "containers.remove",
  "containers.restart",
  "containers.stop",
  "pods.kill",
  "pods.remove",
  "pods.stop",
  "tare.build",
  "tare.shutdown",
]);

/** Pure. */
export function connectionKindOf(
  operation: Operation,
  { isUpgrade }: { readonly isUpgrade: boolean },
): ConnectionKind {
  if (operation === "events.stream") return "events";
  if (isUpgrade || streams.has(operation)) return "streams";
  return control.has(operation) ? "control" : "requests";
}

/** Counts the API's connections, so that connections of one kind leave some of the limit to the others. */
export class ConnectionBounds {
  readonly #limits: ConnectionLimits;
  readonly #open: Record<ConnectionKind, number> = { events: 0, streams: 0, requests: 0, control: 0 };
  /** The one that has been idle longest comes first; true: it had a request before. */
  readonly #idle = new Map<Duplex, boolean>();
  #isTrimming = false;

  constructor(limits: ConnectionLimits = usualLimits) {
    this.#limits = limits;
  }

  /**
   * A connection has no request yet, or no more (`isUsed`). Above the bound those that have been idle longest are
   * closed: in the next turn of the event loop, so that a request that has come with the connection is answered, unless
   * there are twice as many. One that was never used gets an answer, as its request may be on the way.
   */
  rest(connection: Duplex, { isUsed }: { readonly isUsed: boolean }): void {
    if (connection.destroyed) return;
    this.#idle.set(connection, isUsed);
    if (this.#idle.size > 2 * this.#limits.idle) this.#trim(2 * this.#limits.idle);
    if (this.#idle.size <= this.#limits.idle || this.#isTrimming) return;
    this.#isTrimming = true;
    setImmediate(() => {
      this.#isTrimming = false;
      this.#trim(this.#limits.idle);
    });
  }

  #trim(most: number): void {
    for (const [connection, isUsed] of this.#idle) {
      if (this.#idle.size <= most) return;
      this.#idle.delete(connection);
      if (isUsed) connection.destroy();
      else connection.end(this.#refusal(), () => connection.destroy());
    }
  }

  #refusal(): Buffer {
    const count = this.#limits.idle;
    return encodeRefusal(
      503,
      `cannot answer the request: ${count} connections without a request are open; ${advice}`,
    );
  }

  /** It has a request, or has gone. */
  wake(connection: Duplex): void {
    this.#idle.delete(connection);
  }

  /**
   * One more of the kind, until the function that this returns is called. Throws "unavailable" when that is too many.
   */
  enter(kind: ConnectionKind): () => void {
    const most = this.#limits[kind];
    if (this.#open[kind] >= most) {
      throw new Failure(
        "unavailable",
        `cannot answer the request: ${most} ${nouns[kind]} are open, more are not served at a time; ${advice}`,
      );
    }
    this.#open[kind]++;
    let isLeft = false;
    return () => {
      if (!isLeft) this.#open[kind]--;
      isLeft = true;
    };
  }
}
