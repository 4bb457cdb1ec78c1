import { Failure, kindOf } from "../../base/failure.ts";
import { sleep } from "../../base/deadline.ts";
import { bodyOf, type Connections, readBody, type WireReply, type WireRequest } from "./connection.ts";
import type { RepositoryAction } from "./endpoint.ts";
import { kindOfRefusal, readRefusal, type RegistryRefusal } from "./registry-error.ts";
import { type Outcome, retryDelayMs } from "./retry.ts";
import { Authorizer } from "./tokens.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";

export interface RepositoryOptions {
  /** `https://registry-1.docker.io`, `http://127.0.0.1:5000`: scheme and host. */
  readonly origin: string;
  /** `library/busybox`; a mirror may use another path. */
  readonly path: string;
  readonly action: RepositoryAction;
  readonly connections: Connections;
  readonly credentials: () => Promise<RegistryCredentials | undefined>;
  readonly signal?: AbortSignal | undefined;
  /** Called before each wait, to report progress to users. */
  readonly onRetry?: ((waitMs: number, why: string) => void) | undefined;
}

export interface RepositoryRequest extends Omit<WireRequest, "url" | "body" | "signal"> {
  /** Below the repository (`/manifests/latest`), or a whole URL that the registry gave. */
  readonly to: string | URL;
  /** Statuses that are an answer; all others are refusals. */
  readonly expects: readonly number[];
  /** Made anew for each attempt. */
  readonly body?: (() => WireRequest["body"]) | undefined;
  /** Other repositories of which blobs are to be mounted. */
  readonly alsoPull?: readonly string[] | undefined;
  /** In place of what the action needs: none, to ask as a user and nothing else. */
  readonly scopes?: readonly string[] | undefined;
  /** Not to be sent twice: what it did may have been done. Default: PATCH and POST. */
  readonly once?: boolean | undefined;
}

export interface RepositoryReply extends WireReply {
  /** Where it came from in the end. */
  readonly url: URL;
}

const maxRedirects = 10;
const maxRefusalBytes = 64 * 1024;

/**
 * One repository of one registry. It sends requests with the required authorization, follows redirects (without sending
 * credentials to another host), and retries failures that may be temporary. SPEC: OCI distribution 1.1
 */
export class Repository {
  readonly path: string;
  readonly origin: URL;
  readonly #options: RepositoryOptions;
  readonly #authorizer: Authorizer;

  constructor(options: RepositoryOptions) {
    this.path = options.path;
    this.origin = new URL(options.origin);
    this.#options = options;
    const { connections, credentials, signal } = options;
    this.#authorizer = new Authorizer(this.origin, {
      connections,
      credentials,
      signal,
    });
  }

  /** Returns a reply with an expected status; the caller reads or discards its body. Throws the registry's error. */
  async send(request: RepositoryRequest): Promise<RepositoryReply> {
    for (let attempt = 1; ; attempt++) {
      const { outcome, result } = await this.#attempt(request);
      if ("reply" in result) return result.reply;
      const { once = request.method === "POST" || request.method === "PATCH" } = request;
      // A request that was refused was not obeyed; one whose connection broke may have been.
      const delay =
        once && outcome.kind === "broken"
          ? undefined
          : retryDelayMs(outcome, { attempt, now: Date.now(), random: Math.random() });
      if (delay === undefined) throw result.failure;
      this.#options.onRetry?.(delay, result.failure.message);
      await sleep(delay, { signal: this.#options.signal });
    }
  }

  async #attempt(request: RepositoryRequest): Promise<{
    readonly outcome: Outcome;
    readonly result: { readonly reply: RepositoryReply } | { readonly failure: Failure };
  }> {
    try {
      const reply = await this.#authorized(request);
      const outcome: Outcome = {
        kind: "reply",
        status: reply.status,
        retryAfter: reply.headers["retry-after"],
      };
      if (request.expects.includes(reply.status)) return { outcome, result: { reply } };
      return { outcome, result: { failure: await this.#refusal(reply) } };
    } catch (thrown) {
      this.#options.signal?.throwIfAborted();
      if (!(thrown instanceof Failure) || kindOf(thrown) !== "unavailable") throw thrown;
      return {
        outcome: { kind: wasUnreachable(thrown) ? "refused" : "broken" },
        result: { failure: thrown },
      };
    }
  }

  async #authorized(request: RepositoryRequest): Promise<RepositoryReply> {
    const scopes = this.#scopesOf(request);
    for (let asked = 0; ; asked++) {
      const header = await this.#authorizer.header(scopes);
      const reply = await this.#redirected(request, header);
      if (reply.status !== 401 || reply.url.host !== this.origin.host || asked >= 2) return reply;
      if (!(await this.#authorizer.accept(reply, scopes, header))) return reply;
      discard(reply);
    }
  }

  async #redirected(request: RepositoryRequest, authorization: string | undefined): Promise<RepositoryReply> {
    const { connections, signal } = this.#options;
    const { method, headers = {}, body } = request;
    let url = this.urlOf(request.to);
    const seen = new Set<string>();
    for (;;) {
      if (seen.has(url.href) || seen.size >= maxRedirects) {
        throw new Failure(
          "corrupt",
          `cannot follow ${this.origin.host}: it redirects in circles (${url.host})`,
        );
      }
      seen.add(url.href);
      // SAFETY: neither password nor token goes to a host that only a redirect names.
      const isHome = url.host === this.origin.host && url.protocol === this.origin.protocol;
      const sent = body?.();
      const reply = await connections.send({
        method,
        url,
        headers: {
          ...headers,
          ...(isHome && authorization !== undefined ? { Authorization: authorization } : {}),
        },
        body: sent,
        signal,
      });
      const { location } = reply.headers;
      if (![301, 302, 303, 307, 308].includes(reply.status) || location === undefined)
        return { ...reply, url };
      if (method !== "GET" && method !== "HEAD" && reply.status !== 307 && reply.status !== 308)
        return { ...reply, url };
      discard(reply);
      url = this.#redirectTarget(location, url);
    }
  }

  #redirectTarget(location: string, from: URL): URL {
    let url: URL;
    try {
      url = new URL(location, from);
    } catch {
      throw new Failure(
        "corrupt",
        `cannot follow ${from.host}: it redirects to ${JSON.stringify(location.slice(0, 200))}`,
      );
    }
    const isPlain = url.protocol === "http:" && from.protocol === "http:";
    if (url.protocol === "https:" || isPlain) return url;
    throw new Failure(
      "corrupt",
      `cannot follow ${from.host}: it redirects to ${url.protocol}//${url.host}, unencrypted`,
    );
  }

  #scopesOf({ alsoPull = [], scopes }: RepositoryRequest): readonly string[] {
    if (scopes !== undefined) return scopes;
    const { action } = this.#options;
    const own = `repository:${this.path}:${action === "push" ? "pull,push" : "pull"}`;
    return [own, ...alsoPull.map((other) => `repository:${other}:pull`)];
  }

  urlOf(to: string | URL): URL {
    if (to instanceof URL) return to;
    return new URL(`/v2/${this.path}${to}`, this.origin);
  }

  async #refusal(reply: RepositoryReply): Promise<Failure> {
    const body = await readBody(reply, reply.url, maxRefusalBytes).catch(() => new Uint8Array());
    const refusal = readRefusal(reply.status, body);
    return refusalFailure(refusal, reply.url);
  }

  /** A body with its own way of failing; see bodyOf(). */
  read(reply: RepositoryReply): AsyncGenerator<Uint8Array, void, undefined> {
    return bodyOf(reply, reply.url);
  }
}

function wasUnreachable({ details }: Failure): boolean {
  return ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"].includes(details.code ?? "");
}

function refusalFailure(refusal: RegistryRefusal, url: URL): Failure {
  return new Failure(kindOfRefusal(refusal), `${url.host}: ${refusal.text}`, {
    details: { status: refusal.status, codes: refusal.codes },
  });
}

/** The connection can be used again when little is left of the body. */
export function discard(reply: WireReply): void {
  reply.body.on("error", () => undefined);
  const { "content-length": length } = reply.headers;
  if (length !== undefined && Number(length) < 64 * 1024) reply.body.resume();
  else reply.body.destroy();
}
