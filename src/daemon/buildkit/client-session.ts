import type { Duplex } from "node:stream";
import { Failure } from "../../base/failure.ts";
import { GrpcClient } from "../../grpc/client.ts";

/** Headers of the request that opens a session, by name in lower case. */
const header = {
  id: "x-docker-expose-session-uuid",
  name: "x-docker-expose-session-name",
  sharedKey: "x-docker-expose-session-sharedkey",
  method: "x-docker-expose-session-grpc-method",
} as const;

/** Sessions at a time. */
const mostSessions = 256;
/** How long a build waits for its client's session to come. */
const arrivalMs = 5000;
const longestId = 256;

/** All values of a header, by its name in lower case. */
type Headers = (name: string) => readonly string[];

function idOf(headers: Headers): string {
  const [id = ""] = headers(header.id);
  if (id === "" || id.length > longestId)
    throw new Failure("invalid", `cannot open the session: its header ${header.id} is missing or too long`);
  return id;
}

/** The services of one client, which calls of a build reach through the client's own connection. */
export class ClientSession {
  readonly id: string;
  /** Equal for builds of the same directory; "" without. */
  readonly sharedKey: string;
  readonly client: GrpcClient;
  /** Fires when the client goes away. */
  readonly signal: AbortSignal;
  readonly #methods: ReadonlySet<string>;

  constructor(connection: Duplex, headers: Headers) {
    this.id = idOf(headers);
    this.sharedKey = (headers(header.sharedKey)[0] ?? "").slice(0, 4096);
    // HTTP/2 joins the values of a header that comes several times.
    const methods = headers(header.method).flatMap((value) => value.split(/,\s*/));
    this.#methods = new Set(methods.map((method) => method.toLowerCase()));
    const gone = new AbortController();
    this.signal = gone.signal;
    connection.on("close", () => gone.abort(new Failure("canceled", "the client went away")));
    connection.on("error", () => {});
    this.client = new GrpcClient(connection);
  }

  /** Whether the client has a method: `/package.Service/Method`. */
  supports(path: string): boolean {
    return this.#methods.has(path.toLowerCase());
  }
}

/** The clients' sessions by their ids. */
export class ClientSessions {
  readonly #sessions = new Map<string, ClientSession>();
  readonly #waiting = new Set<() => void>();

  /** Takes a connection on which the client serves. It is there until the connection closes. */
  add(connection: Duplex, headers: Headers): ClientSession {
    const session = new ClientSession(connection, headers);
    this.#sessions.set(session.id, session);
    session.signal.addEventListener("abort", () => {
      if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    });
    for (const wake of this.#waiting) wake();
    return session;
  }

  /** Throws "unavailable" when too many are open, "invalid" for headers without an id. */
  admit(headers: Headers): void {
    idOf(headers);
    if (this.#sessions.size >= mostSessions)
      throw new Failure(
        "unavailable",
        `cannot open the session: ${mostSessions} sessions are open; try again`,
      );
  }

  /** The session of that id, which may come a little later. Throws "not-found" when it does not. */
  async get(id: string, signal: AbortSignal): Promise<ClientSession> {
    const deadline = Date.now() + arrivalMs;
    for (;;) {
      signal.throwIfAborted();
      const found = this.#sessions.get(id);
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Failure("not-found", `no active session for ${id}`);
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        const timer = setTimeout(done, left);
        this.#waiting.add(done);
        signal.addEventListener("abort", done);
      });
    }
  }

  close(): void {
    for (const session of this.#sessions.values()) session.client.close();
  }
}
