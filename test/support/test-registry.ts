/**
 * A registry in this process that keeps all in memory and misbehaves on request: the other side of pull and push in
 * tests. Speaks plain HTTP on loopback, or TLS when it has a certificate.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** The misbehavior for one request. */
export type Fault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection ends after so many bytes of the body. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Nothing more comes after so many bytes of the body. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** These bytes replace the content, by default with the right length. */
  | { readonly kind: "lie"; readonly bytes: Uint8Array; readonly announced?: number }
  /** Without a length, and these bytes behind the right ones. */
  | { readonly kind: "more"; readonly bytes: Uint8Array }
  | { readonly kind: "redirect"; readonly to: string }
  /** The whole, whatever range was asked for. */
  | { readonly kind: "no-range" };

export interface TestRegistryOptions {
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string };
  /** Asks for these; with "token" by a token of its own realm. */
  readonly auth?: { readonly kind: "basic" | "token"; readonly username: string; readonly password: string };
  /** Asked for each request before it is answered. */
  readonly fault?: (request: SeenRequest) => Fault | undefined;
}

const pieceBytes = 64 * 1024;

interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export class TestRegistry implements AsyncDisposable {
  readonly blobs: Map<string, Uint8Array> = new Map<string, Uint8Array>();
  /** By repository and tag or digest: `library/busybox latest`. */
  readonly manifests: Map<string, StoredManifest> = new Map<string, StoredManifest>();
  readonly seen: SeenRequest[] = [];
  /** The repositories for a search; none: it has no search. */
  searchable: readonly {
    readonly name: string;
    readonly description?: string;
    readonly star_count?: number;
    readonly is_official?: boolean;
    readonly is_automated?: boolean;
  }[] = [];
  /** Bytes of blobs that went out. */
  sentBlobBytes = 0;
  /** Between pieces of a body, so that little is on its way: the other side keeps up. */
  pauseMs = 0;
  fault: TestRegistryOptions["fault"];
  readonly #owned = new Set<string>();
  readonly #options: TestRegistryOptions;
  readonly #server: Server;
  readonly #uploads = new Map<string, Buffer[]>();
  readonly #tokens = new Map<string, string>();
  #count = 0;

  private constructor(options: TestRegistryOptions) {
    this.#options = options;
    this.fault = options.fault;
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      request.on("error", () => {});
      response.on("error", () => {});
      this.#answer(request, response).catch(() => response.destroy());
    };
    this.#server =
      options.tls === undefined
        ? createServer(listener)
        : (createTlsServer(
            {
              key: options.tls.key,
              cert: options.tls.cert,
              ...(options.tls.ca === undefined
                ? {}
                : { ca: options.tls.ca, requestCert: true, rejectUnauthorized: true }),
            },
            listener,
          ) as unknown as Server);
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = new TestRegistry(options);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  get origin(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.host}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Puts a blob into a repository; returns its digest. */
  addBlob(repository: string, bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    this.#owned.add(`${repository} ${digest}`);
    return digest;
  }

  addManifest(repository: string, which: string, stored: StoredManifest): string {
    const digest = digestOf(stored.bytes);
    this.manifests.set(`${repository} ${which}`, stored);
    this.manifests.set(`${repository} ${digest}`, stored);
    return digest;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const seen = { method, url, headers };
    this.seen.push(seen);
    const fault = this.fault?.(seen);
    if (fault?.kind === "status") {
      request.resume();
      response.writeHead(fault.status, fault.headers).end(fault.body ?? "");
      return;
    }
    if (fault?.kind === "redirect") {
      request.resume();
      response.writeHead(307, { Location: fault.to }).end();
      return;
    }
    const target = new URL(url, this.origin);
    if (target.pathname === "/token") return this.#giveToken(request, response, target);
    if (!this.#isAllowed(request, target)) {
      request.resume();
      const { auth } = this.#options;
      const [, name = ""] = /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(target.pathname) ?? [];
      const challenge =
        auth?.kind === "basic"
          ? 'Basic realm="test"'
          : `Bearer realm="${this.origin}/token",service="test",scope="repository:${name}:pull"`;
      response.writeHead(401, { "WWW-Authenticate": challenge, "Content-Type": "application/json" });
      response.end(errorBody("UNAUTHORIZED", "authentication required"));
      return;
    }
    if (target.pathname === "/v2/") {
      response.writeHead(200).end("{}");
      return;
    }
    const blob = /^\/v2\/(.+)\/blobs\/([a-z0-9]+:[0-9a-f]+)$/.exec(target.pathname);
    if (blob !== null && (method === "GET" || method === "HEAD")) {
      return await this.#giveBlob(request, response, {
        repository: blob[1] ?? "",
        digest: blob[2] ?? "",
        fault,
      });
    }
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(target.pathname);
    if (manifest !== null) {
      return await this.#manifest(request, response, {
        repository: manifest[1] ?? "",
        which: manifest[2] ?? "",
        fault,
      });
    }
    if (target.pathname === "/v2/_catalog") return this.#giveCatalog(response);
    if (target.pathname === "/v1/search" && this.searchable.length > 0) {
      const words = target.searchParams.get("q") ?? "";
      const results = this.searchable.filter(({ name }) => name.includes(words));
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ results }));
      return;
    }
    const tagged = /^\/v2\/(.+)\/tags\/list$/.exec(target.pathname);
    if (tagged !== null) return this.#giveTags(response, tagged[1] ?? "", target);
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(target.pathname);
    if (upload !== null) {
      return await this.#upload(request, response, {
        repository: upload[1] ?? "",
        id: upload[2] ?? "",
        target,
        fault,
      });
    }
    response.writeHead(404).end(errorBody("NAME_UNKNOWN", "repository name not known to registry"));
  }

  #giveCatalog(response: ServerResponse): void {
    const repositories = [
      ...new Set([...this.manifests.keys()].map((key) => key.split(" ")[0] ?? "")),
    ].sort();
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ repositories }));
  }

  /** Two on each page, so that the client has to follow links. */
  #giveTags(response: ServerResponse, repository: string, target: URL): void {
    const tags = [...this.manifests.keys()]
      .filter((key) => key.startsWith(`${repository} `) && !key.includes(":", repository.length))
      .map((key) => key.slice(repository.length + 1))
      .sort();
    if (tags.length === 0) {
      response.writeHead(404).end(errorBody("NAME_UNKNOWN", "repository name not known to registry"));
      return;
    }
    const last = target.searchParams.get("last") ?? "";
    const rest = tags.filter((tag) => tag > last);
    const page = rest.slice(0, 2);
    const link = `<${target.pathname}?n=2&last=${page.at(-1)}>; rel="next"`;
    response
      .writeHead(200, { "Content-Type": "application/json", ...(rest.length > 2 ? { Link: link } : {}) })
      .end(JSON.stringify({ name: repository, tags: page }));
  }

  #isAllowed({ headers }: IncomingMessage, target: URL): boolean {
    const { auth } = this.#options;
    if (auth === undefined) return true;
    const given = headers.authorization ?? "";
    if (auth.kind === "basic") return given === basicOf(auth);
    const scope = this.#tokens.get(given.replace(/^Bearer /, ""));
    const [, name = ""] = /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(target.pathname) ?? [];
    return scope?.includes(`repository:${name}:`) === true;
  }

  #giveToken({ headers }: IncomingMessage, response: ServerResponse, target: URL): void {
    const { auth } = this.#options;
    if (auth === undefined || headers.authorization !== basicOf(auth)) {
      response.writeHead(401).end(errorBody("UNAUTHORIZED", "wrong password"));
      return;
    }
    const token = `token-${++this.#count}`;
    this.#tokens.set(token, target.searchParams.getAll("scope").join(" "));
    response
      .writeHead(200, { "Content-Type": "application/json" })
      .end(JSON.stringify({ token, expires_in: 300 }));
  }

  async #giveBlob(
    request: IncomingMessage,
    response: ServerResponse,
    {
      repository,
      digest,
      fault,
    }: { readonly repository: string; readonly digest: string; readonly fault: Fault | undefined },
  ): Promise<void> {
    const whole = this.#owned.has(`${repository} ${digest}`) ? this.blobs.get(digest) : undefined;
    if (whole === undefined) {
      response.writeHead(404).end(errorBody("BLOB_UNKNOWN", "blob unknown to registry"));
      return;
    }
    if (request.method === "HEAD") {
      response.writeHead(200, { "Content-Length": whole.length, "Docker-Content-Digest": digest }).end();
      return;
    }
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const offset = from === undefined || fault?.kind === "no-range" ? 0 : Number(from);
    if (offset >= whole.length && whole.length > 0) {
      response.writeHead(416).end();
      return;
    }
    const bytes = whole.subarray(offset);
    const range =
      offset > 0 ? { "Content-Range": `bytes ${offset}-${whole.length - 1}/${whole.length}` } : {};
    await this.#sendBody(response, {
      status: offset > 0 ? 206 : 200,
      headers: range,
      bytes,
      fault,
      isBlob: true,
    });
  }

  async #sendBody(
    response: ServerResponse,
    {
      status,
      headers,
      bytes,
      fault,
      isBlob = false,
    }: {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly bytes: Uint8Array;
      readonly fault: Fault | undefined;
      readonly isBlob?: boolean;
    },
  ): Promise<void> {
    const count = (length: number): void => {
      if (isBlob) this.sentBlobBytes += length;
    };
    if (fault?.kind === "more") {
      response.writeHead(status, headers);
      response.write(bytes);
      response.end(fault.bytes);
      return;
    }
    const body = fault?.kind === "lie" ? fault.bytes : bytes;
    const announced = fault?.kind === "lie" ? (fault.announced ?? body.length) : body.length;
    response.writeHead(status, { ...headers, "Content-Length": announced });
    if (fault?.kind === "cut" || fault?.kind === "stall") {
      const part = body.subarray(0, fault.afterBytes);
      count(part.length);
      response.write(part, () => {
        // Written data must have time to arrive.
        if (fault.kind === "cut") setTimeout(() => response.destroy(), 20);
      });
      if (part.length === 0 && fault.kind === "cut") response.flushHeaders();
      return;
    }
    // Piece by piece as they are taken, so that what was never sent is not counted.
    for (let at = 0; at < body.length && !response.destroyed; at += pieceBytes) {
      const piece = body.subarray(at, at + pieceBytes);
      count(piece.length);
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (this.pauseMs > 0) await sleep(this.pauseMs);
    }
    response.end();
  }

  async #manifest(
    request: IncomingMessage,
    response: ServerResponse,
    {
      repository,
      which,
      fault,
    }: { readonly repository: string; readonly which: string; readonly fault: Fault | undefined },
  ): Promise<void> {
    const key = `${repository} ${which}`;
    if (request.method === "PUT") {
      const bytes = await bodyOf(request);
      const digest = this.addManifest(repository, which, {
        bytes,
        mediaType: request.headers["content-type"] ?? "",
      });
      response
        .writeHead(201, {
          "Docker-Content-Digest": digest,
          Location: `${this.origin}/v2/${repository}/manifests/${digest}`,
        })
        .end();
      return;
    }
    const found = this.manifests.get(key);
    if (found === undefined) {
      response
        .writeHead(404, { "Content-Type": "application/json" })
        .end(errorBody("MANIFEST_UNKNOWN", "manifest unknown"));
      return;
    }
    const headers = { "Content-Type": found.mediaType, "Docker-Content-Digest": digestOf(found.bytes) };
    if (request.method === "HEAD") {
      response.writeHead(200, { ...headers, "Content-Length": found.bytes.length }).end();
      return;
    }
    await this.#sendBody(response, { status: 200, headers, bytes: found.bytes, fault });
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    {
      repository,
      id,
      target,
      fault,
    }: {
      readonly repository: string;
      readonly id: string;
      readonly target: URL;
      readonly fault: Fault | undefined;
    },
  ): Promise<void> {
    if (request.method === "POST") {
      request.resume();
      const mount = target.searchParams.get("mount");
      const from = target.searchParams.get("from");
      if (mount !== null && this.#owned.has(`${from} ${mount}`)) {
        this.#owned.add(`${repository} ${mount}`);
        response.writeHead(201, { Location: `/v2/${repository}/blobs/${mount}` }).end();
        return;
      }
      const fresh = `u${++this.#count}`;
      this.#uploads.set(fresh, []);
      response
        .writeHead(202, { Location: `/v2/${repository}/blobs/uploads/${fresh}?state=x`, Range: "0-0" })
        .end();
      return;
    }
    const pieces = this.#uploads.get(id);
    if (pieces === undefined) {
      request.resume();
      response.writeHead(404).end(errorBody("BLOB_UPLOAD_UNKNOWN", "upload unknown"));
      return;
    }
    const place = `/v2/${repository}/blobs/uploads/${id}?state=x`;
    const length = (): number => pieces.reduce((total, piece) => total + piece.length, 0);
    if (request.method === "GET") {
      response.writeHead(204, { Location: place, Range: `0-${Math.max(0, length() - 1)}` }).end();
      return;
    }
    if (request.method === "DELETE") {
      this.#uploads.delete(id);
      response.writeHead(204).end();
      return;
    }
    let taken = 0;
    for await (const piece of request as AsyncIterable<Buffer>) {
      const room = fault?.kind === "cut" ? fault.afterBytes - taken : piece.length;
      pieces.push(piece.subarray(0, Math.max(0, room)));
      taken += piece.length;
      if (fault?.kind === "cut" && taken >= fault.afterBytes) {
        request.destroy();
        return;
      }
    }
    if (request.method === "PATCH") {
      response.writeHead(202, { Location: place, Range: `0-${length() - 1}` }).end();
      return;
    }
    const bytes = Buffer.concat(pieces);
    const digest = target.searchParams.get("digest") ?? "";
    if (digestOf(bytes) !== digest) {
      response
        .writeHead(400)
        .end(errorBody("DIGEST_INVALID", "provided digest did not match uploaded content"));
      return;
    }
    this.#uploads.delete(id);
    this.addBlob(repository, bytes);
    response
      .writeHead(201, { Location: `/v2/${repository}/blobs/${digest}`, "Docker-Content-Digest": digest })
      .end();
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function basicOf({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ errors: [{ code, message }] });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}
