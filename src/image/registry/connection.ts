import { bytesOf } from "../../base/byte-stream.ts";
import { version } from "../../base/version.ts";
import {
  request as requestHttp,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { request as requestHttps, Agent as HttpsAgent } from "node:https";
import { Failure, sentenceOf } from "../../base/failure.ts";
import type { TlsMaterial } from "../tls-material.ts";
import { ProxyAgent } from "./proxy.ts";

export interface WireRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Bytes, or pieces with their total `length` in bytes. */
  readonly body?:
    | Uint8Array
    | { readonly length: number; readonly pieces: AsyncIterable<Uint8Array> }
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of a reply; the receiver reads or discards the body. */
export interface WireReply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: IncomingMessage;
  /** The reason when this side has ended it: the body's own error is less precise. */
  readonly stall: () => Failure | undefined;
}

export interface ConnectionOptions {
  readonly tls?: TlsMaterial | undefined;
  readonly skipVerify?: boolean | undefined;
  /** `http://user:password@proxy:3128`; undefined: direct. */
  readonly proxy?: URL | undefined;
  /** Nothing came for so long: the connection counts as dead. Default 60 s. */
  readonly idleMs?: number | undefined;
}

const defaultIdleMs = 60_000;
const userAgent = `tare/${version}`;

/** Keep-alive connections for one kind of TLS and proxy, to any number of hosts. The caller disposes of it. */
export class Connections implements Disposable {
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;
  readonly #options: ConnectionOptions;

  constructor(options: ConnectionOptions = {}) {
    this.#options = options;
    const { proxy } = options;
    const settings = { keepAlive: true, maxSockets: 16, ...this.#tlsOf() };
    this.#http = new HttpAgent({ keepAlive: true, maxSockets: 16 });
    this.#https = proxy === undefined ? new HttpsAgent(settings) : new ProxyAgent(proxy, settings);
  }

  /**
   * Sends the request and returns the head of the response. Throws "unavailable" for a failure that a retry may fix,
   * "not-permitted" for an untrusted certificate.
   */
  async send(request: WireRequest): Promise<WireReply> {
    const { url, method, headers, signal } = request;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<WireReply>();
    const isSecure = url.protocol === "https:";
    const { proxy, idleMs = defaultIdleMs } = this.#options;
    const throughProxy = proxy !== undefined && !isSecure;
    const options: RequestOptions = {
      method,
      host: throughProxy ? proxy.hostname : url.hostname.replace(/^\[|\]$/g, ""),
      port: throughProxy ? proxy.port || 80 : url.port || (isSecure ? 443 : 80),
      path: throughProxy ? url.href : `${url.pathname}${url.search}`,
      headers: {
        Host: url.host,
        "User-Agent": userAgent,
        ...lengthOf(request),
        ...(throughProxy ? proxyHeaders(proxy) : {}),
        ...headers,
      },
      timeout: idleMs,
      signal,
    };
    const sent = isSecure
      ? requestHttps({ ...options, agent: this.#https, ...this.#tlsOf() })
      : requestHttp({ ...options, agent: this.#http });
    let stall: Failure | undefined;
    const stalled = (): void => {
      stall ??= new Failure(
        "unavailable",
        `cannot go on with ${url.host}: nothing came for ${idleMs / 1000} s`,
      );
      reject(stall);
      sent.destroy(stall);
    };
    sent.on("timeout", stalled);
    sent.on("error", (thrown) =>
      reject(signal?.aborted === true ? signal.reason : connectionFailure(url, thrown)),
    );
    sent.on("response", (body) => {
      body.setTimeout?.(idleMs, stalled);
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body, stall: () => stall });
    });
    feed(sent, request).catch((thrown: unknown) => {
      reject(thrown);
      sent.destroy();
    });
    return await promise;
  }

  #tlsOf(): object {
    const { tls, skipVerify } = this.#options;
    return {
      rejectUnauthorized: skipVerify !== true,
      ca: tls?.ca && [...tls.ca],
      ...tls?.clientCertificate,
    };
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function lengthOf({ body }: WireRequest): Record<string, string> {
  return body === undefined ? {} : { "Content-Length": String(body.length) };
}

function proxyHeaders({ username, password }: URL): Record<string, string> {
  if (username === "") return {};
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(plain).toString("base64")}` };
}

/** With back-pressure. */
async function feed(sent: ReturnType<typeof requestHttp>, { body }: WireRequest): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    sent.end(body);
    return;
  }
  const gone = new Promise<void>((resolve) => sent.once("close", resolve));
  for await (const piece of body.pieces) {
    if (sent.destroyed) return;
    if (!sent.write(piece))
      await Promise.race([new Promise<void>((resolve) => sent.once("drain", resolve)), gone]);
  }
  sent.end();
}

const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS/;

/** Describes a connection failure with a host in one sentence. */
export function connectionFailure(url: URL, thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code)) {
    return new Failure(
      "not-permitted",
      `cannot reach ${url.host}: it asks for a certificate of ours (${code})`,
      {
        cause: thrown,
      },
    );
  }
  if (certificateCodes.test(code)) {
    return new Failure(
      "not-permitted",
      `cannot trust ${url.host}: its certificate was not accepted (${code}); add its authority to the certificates of this registry, or allow it as insecure`,
      { cause: thrown },
    );
  }
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return new Failure(
      "not-permitted",
      `cannot reach ${url.host}: it does not speak TLS; if it may be trusted all the same, allow it as insecure in the registries' configuration`,
      { cause: thrown },
    );
  }
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ENOTFOUND: "no such host",
    EAI_AGAIN: "its name cannot be looked up now",
    ECONNRESET: "it closed the connection",
    EPIPE: "it closed the connection",
    ETIMEDOUT: "no answer",
    EHOSTUNREACH: "no route to host",
    ENETUNREACH: "network is unreachable",
  };
  return new Failure("unavailable", `cannot reach ${url.host}: ${reasons[code] ?? sentenceOf(thrown)}`, {
    cause: thrown,
    details: code === "" ? undefined : { code },
  });
}

/** A body as it comes; what breaks on the way is "unavailable". Leaving early closes the connection. */
export async function* bodyOf(reply: WireReply, url: URL): AsyncGenerator<Uint8Array, void, undefined> {
  let complete = false;
  try {
    for await (const piece of bytesOf(reply.body)) yield piece;
    if (!reply.body.complete)
      throw new Failure("unavailable", `cannot read all of the reply of ${url.host}: it was cut off`);
    complete = true;
  } catch (thrown) {
    throw reply.stall() ?? connectionFailure(url, thrown);
  } finally {
    if (!complete) reply.body.destroy();
  }
}

/** All of a body; throws "corrupt" beyond `maxBytes`. */
export async function readBody(reply: WireReply, url: URL, maxBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyOf(reply, url)) {
    size += piece.length;
    if (size > maxBytes) {
      throw new Failure(
        "corrupt",
        `cannot read the reply of ${url.host}: it is longer than ${maxBytes} bytes`,
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
