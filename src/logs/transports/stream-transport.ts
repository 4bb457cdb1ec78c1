import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { type Failure, sentenceOf } from "../../base/failure.ts";
import type { TlsFiles } from "../../spec/log-driver/log-receiver.ts";
import type { ReceiverAddress } from "../../spec/log-driver/receiver-address.ts";
import { type LogTransport, receiverLost } from "./log-transport.ts";

const CONNECT_MS = 10_000;
/** How long a receiver may take to confirm. */
const CONFIRM_MS = 30_000;
const KEEP_ALIVE_MS = 30_000;
/** How long a refusal of our certificate is waited for. */
const REFUSAL_MS = 250;

/** Confirmations that a receiver sends back. */
export interface Confirmations {
  /** Those that are waited for; push() removes them. */
  readonly waiting: ReadonlySet<string>;
  /** Bytes from the receiver; false when they are no confirmations. */
  push(bytes: Uint8Array): boolean;
}

export interface StreamOptions {
  readonly tls?: TlsFiles | undefined;
  readonly confirmations?: Confirmations | undefined;
  readonly signal: AbortSignal;
}

/** A stream of TCP, TLS or unix(7). */
class StreamTransport implements LogTransport {
  readonly #socket: Socket;
  readonly #confirmations: Confirmations | undefined;
  #failure: Failure | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, confirmations: Confirmations | undefined) {
    this.#socket = socket;
    this.#confirmations = confirmations;
    socket.on("error", (error) => this.#fail(sentenceOf(error)));
    socket.on("end", () => this.#fail("the receiver has closed the connection"));
    socket.on("close", () => this.#fail("the connection was closed"));
    socket.on("data", (bytes: Buffer) => {
      if (this.#confirmations?.push(bytes) === false)
        this.#fail("the receiver answers with something other than confirmations");
      this.#wake?.();
    });
  }

  async send(pieces: readonly Uint8Array[]): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    let isWritten = false;
    this.#socket.write(Buffer.concat(pieces), (error) => {
      if (error) this.#fail(sentenceOf(error));
      isWritten = true;
      this.#wake?.();
    });
    await this.#until(() => isWritten);
    if (this.#confirmations === undefined) return 0;
    const { waiting } = this.#confirmations;
    const timer = setTimeout(() => this.#fail("the receiver does not confirm"), CONFIRM_MS);
    try {
      await this.#until(() => waiting.size === 0);
    } finally {
      clearTimeout(timer);
    }
    return 0;
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isDone()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  findFailure(): Failure | undefined {
    return this.#failure;
  }

  #fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = receiverLost(reason);
    this.#socket.destroy();
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.#failure ??= receiverLost("the connection was closed");
    this.#wake?.();
    // Not destroy(): that would drop what the kernel has not taken yet.
    this.#socket.end(() => this.#socket.destroy());
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }
}

/** Throws when the connection is not made within ten seconds. */
export async function openStreamTransport(
  address: ReceiverAddress,
  { tls, confirmations, signal }: StreamOptions,
): Promise<LogTransport> {
  const gaveUp = Promise.withResolvers<never>();
  const stop = (): void => gaveUp.reject(receiverLost("the connection was given up"));
  const socket = address.transport === "tls" ? await beginTls(address, tls) : begin(address);
  const event = address.transport === "tls" ? "secureConnect" : "connect";
  const timer = setTimeout(
    () => gaveUp.reject(receiverLost(`it cannot be connected to within ${CONNECT_MS / 1000} s`)),
    CONNECT_MS,
  );
  signal.addEventListener("abort", stop, { once: true });
  try {
    const connected = new Promise<void>((resolve, reject) => {
      socket.once(event, () => resolve());
      socket.once("error", (error) => reject(receiverLost(sentenceOf(error))));
      socket.once("close", () => reject(receiverLost("the connection was closed")));
    });
    await Promise.race([connected, gaveUp.promise]);
    if (address.transport === "tls" && tls?.certificate !== undefined)
      await Promise.race([waitForRefusal(socket), gaveUp.promise]);
  } catch (thrown) {
    socket.on("error", () => undefined);
    socket.destroy();
    throw thrown;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
  if (!("path" in address)) socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return new StreamTransport(socket, confirmations);
}

/**
 * SPEC: RFC 8446, section 4.4.2: the receiver checks our certificate after the handshake has ended for us. What is sent
 * before its refusal comes would be lost. A ticket for later sessions tells that it has accepted.
 */
async function waitForRefusal(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, REFUSAL_MS);
  const failed = (error: Error): void => reject(receiverLost(sentenceOf(error)));
  const closed = (): void => reject(receiverLost("the receiver has closed the connection"));
  socket.once("session", resolve).once("error", failed).once("end", closed).once("close", closed);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    socket.off("session", resolve).off("error", failed).off("end", closed).off("close", closed);
  }
}

function begin(address: ReceiverAddress): Socket {
  return "path" in address
    ? connect({ path: address.path })
    : connect({ host: address.host, port: address.port });
}

async function beginTls(
  { host, port }: Extract<ReceiverAddress, { host: string }>,
  files: TlsFiles | undefined,
): Promise<Socket> {
  const { connect: connectTls } = await import("node:tls");
  const read = (path: string | undefined): Buffer | undefined =>
    path === undefined ? undefined : readFileSync(path);
  const [ca, cert, key] = [files?.ca, files?.certificate, files?.key].map(read);
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: files?.skipsVerification !== true,
  });
}
