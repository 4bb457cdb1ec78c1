import { canceled, sleep } from "../../base/deadline.ts";
import { codeOf, Failure, isFailure } from "../../base/failure.ts";
import type { Host } from "../host.ts";
import { ByteReader } from "./byte-reader.ts";
import { connect } from "./connect.ts";
import { HttpReply } from "./reply.ts";
import type { ClientSocket, Connector } from "./socket.ts";
import { encodeRequest, type HttpRequest, sendChunks } from "./request.ts";
import {
  findHeadEnd,
  framingOf,
  headLimitBytes,
  parseResponseHead,
  type ResponseHead,
} from "./response-head.ts";

interface Connection {
  readonly socket: ClientSocket;
  readonly reader: ByteReader;
  readonly isReused: boolean;
}

const idleLimit = 4;
/** One that is being killed may still accept, so that the one that is called believes in it. */
const revivals = 5;
const reviveAgainMs = 20;

/** Connections to one daemon; those at rest are used again and never keep the program alive. */
export class ConnectionPool implements Disposable {
  readonly host: Host;
  readonly #idle: Connection[] = [];
  readonly #all = new Set<ClientSocket>();
  readonly #revive: (() => Promise<void>) | undefined;
  readonly #connector: Connector | undefined;
  /** The daemon has answered before: when it ends now, it was stopped on purpose. */
  #isAnswered = false;
  #isClosed = false;

  /** `revive` starts a daemon when no daemon listens, or when the daemon ends before it reads the first request. */
  constructor(
    host: Host,
    {
      revive,
      connector,
    }: { readonly revive?: (() => Promise<void>) | undefined; readonly connector?: Connector | undefined },
  ) {
    this.host = host;
    this.#revive = revive;
    this.#connector = connector;
  }

  /**
   * Sends a request and waits for the reply's head. A request without a body that finds its old connection closed by
   * the daemon is sent once more on a new one, when repeating it is harmless.
   */
  async exchange(request: HttpRequest): Promise<HttpReply> {
    const { signal } = request;
    if (signal?.aborted === true) throw canceled(signal, "ask the daemon");
    // A request that cannot be sent twice goes to a connection that has answered.
    if (isStream(request) && this.#revive !== undefined && !this.#isAnswered) await this.#ping();
    return await this.#revived(() => this.#exchangeOnce(request));
  }

  /** Opens a connection for the first request to come. "unavailable" or "not-permitted" when it can't be had. */
  async open(): Promise<void> {
    await this.#revived(async () => this.#giveBack(await this.#open(), true));
  }

  /** A connection for the caller alone. */
  async dial(): Promise<ClientSocket> {
    return await this.#revived(async () => (await this.#open()).socket);
  }

  /** Closes all connections, those that are being made, too; what waits on them fails, and so does each later request. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const socket of this.#all) socket.destroy();
    this.#idle.length = 0;
  }

  async #revived<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (thrown) {
        if (this.#revive === undefined || this.#isAnswered || attempt === revivals) throw thrown;
        if (!(thrown instanceof ClosedBeforeReply ? thrown.isUnread : isUnserved(thrown))) throw thrown;
      }
      if (attempt > 0) await sleep(reviveAgainMs);
      await this.#revive();
    }
  }

  async #ping(): Promise<void> {
    const reply = await this.exchange({ method: "HEAD", target: "/_ping", headers: {} });
    await reply.text();
  }

  async #exchangeOnce(request: HttpRequest): Promise<HttpReply> {
    const connection = this.#takeIdle() ?? (await this.#open());
    try {
      return await this.#send(connection, request);
    } catch (thrown) {
      connection.socket.destroy();
      const isHarmless = request.method === "GET" || request.method === "HEAD";
      if (connection.isReused && isHarmless && thrown instanceof ClosedBeforeReply) {
        return await this.#send(await this.#open(), request);
      }
      throw thrown;
    }
  }

  async #open(): Promise<Connection> {
    this.#requireOpen();
    const socket = await connect(this.host, this.#connector);
    if (this.#isClosed) socket.destroy();
    this.#requireOpen();
    this.#all.add(socket);
    socket.once("close", () => this.#all.delete(socket));
    return { socket, reader: new ByteReader(socket), isReused: false };
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Failure("canceled", "cannot ask the daemon: this client was closed");
  }

  #takeIdle(): Connection | undefined {
    for (let found = this.#idle.pop(); found !== undefined; found = this.#idle.pop()) {
      if (!found.socket.destroyed && !found.reader.ended && !found.reader.buffered) {
        found.socket.ref();
        return { ...found, isReused: true };
      }
      found.socket.destroy();
    }
    return undefined;
  }

  #giveBack(connection: Connection, reusable: boolean): void {
    const { socket } = connection;
    if (!reusable || socket.destroyed || this.#idle.length >= idleLimit) {
      socket.destroy();
      return;
    }
    socket.unref();
    socket.resume();
    this.#idle.push(connection);
  }

  async #send(connection: Connection, request: HttpRequest): Promise<HttpReply> {
    const { socket, reader } = connection;
    const { signal } = request;
    if (signal?.aborted === true) throw canceled(signal, "ask the daemon");
    const onAbort = (): void => {
      if (signal !== undefined) socket.destroy(canceled(signal, "go on with the daemon's reply"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      socket.write(encodeRequest(request, this.host));
      const head = await this.#readHead(connection, request);
      this.#isAnswered = true;
      const finish = (reusable: boolean): void => {
        signal?.removeEventListener("abort", onAbort);
        // A body may still be under way when the reply is complete.
        this.#giveBack(connection, reusable && !isStream(request) && request.upgrade !== true);
      };
      return new HttpReply(head, framingOf(head, request.method), { reader, finish });
    } catch (thrown) {
      signal?.removeEventListener("abort", onAbort);
      throw thrown;
    }
  }

  async #readHead({ socket, reader }: Connection, { body }: HttpRequest): Promise<ResponseHead> {
    let answered = false;
    const head = receiveHead(reader).then((received) => {
      answered = true;
      return received;
    });
    if (body === undefined || typeof body === "string") return await head;
    const sent = sendChunks(socket, body, () => !answered);
    // A refusal may come while the body is still under way; a body that can't be read ends the request.
    return await Promise.race([head, sent.then(() => head)]);
  }
}

/** The daemon closed without a byte of a reply. */
class ClosedBeforeReply extends Failure {
  /**
   * The daemon never read the request. KERNEL: the end of a unix socket is a reset only for a sender of data that was
   * not read or accepted; af_unix.c, unix_release_sock().
   */
  readonly isUnread: boolean;

  constructor(cause?: unknown) {
    super("unavailable", "cannot ask the daemon: it closed the connection without a reply", { cause });
    const code = codeOf(cause) ?? "";
    this.isUnread = code === "ECONNRESET" || code === "EPIPE";
  }
}

function isUnserved(thrown: unknown): boolean {
  return isFailure(thrown, "unavailable") && thrown.details.host !== undefined;
}

function isStream({ body }: HttpRequest): boolean {
  return body !== undefined && typeof body !== "string";
}

async function receiveHead(reader: ByteReader): Promise<ResponseHead> {
  let received: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = findHeadEnd(received);
    if (end > headLimitBytes || (end < 0 && received.length > headLimitBytes)) {
      throw new Failure("corrupt", "cannot read the daemon's reply: its head is too long");
    }
    if (end >= 0) {
      const head = parseResponseHead(received.toString("latin1", 0, end));
      received = received.subarray(end);
      if (head.status >= 200 || head.status === 101) {
        reader.unread(received);
        return head;
      }
      continue;
    }
    const piece = await readPiece(reader, received.length);
    received = received.length === 0 ? piece : Buffer.concat([received, piece]);
  }
}

async function readPiece(reader: ByteReader, receivedBytes: number): Promise<Buffer> {
  let piece: Buffer | undefined;
  try {
    piece = await reader.read();
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new ClosedBeforeReply(thrown);
  }
  if (piece !== undefined) return piece;
  if (receivedBytes === 0) throw new ClosedBeforeReply();
  throw new Failure("unavailable", "cannot read the daemon's reply: the connection closed before its end");
}
