import { Failure, kindOf } from "../base/failure.ts";
import { parseReference, type Reference } from "../spec/reference.ts";
import { noRegistriesConfig, type RegistriesConfig } from "../spec/registry/registries-config.ts";
import { expandShortName } from "../spec/registry/short-name.ts";
import { fetchUrl } from "./fetch-url.ts";
import { chooseEndpoints, type EndpointCandidate } from "./registry/choose-endpoints.ts";
import type { TlsMaterial } from "./tls-material.ts";
import { Connections } from "./registry/connection.ts";
import type { RepositoryAction } from "./registry/endpoint.ts";
import { discard, Repository } from "./registry/repository.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";

export interface TransferLimits {
  readonly downloads?: number | undefined;
  readonly uploads?: number | undefined;
}

export interface RegistriesOptions {
  /** Asked before each use. */
  readonly readConfig?: (() => Promise<RegistriesConfig>) | undefined;
  /** The TLS material for a host in addition to the system's authorities. */
  readonly tlsOf?: ((host: string) => Promise<TlsMaterial>) | undefined;
  /** The proxy for a host; undefined: none. */
  readonly proxyOf?: ((url: URL) => Promise<URL | undefined>) | undefined;
  /** How many layers one pull or push transfers concurrently; absent: as many as Docker. Asked before each use. */
  readonly transferLimits?: (() => TransferLimits) | undefined;
  /** Nothing came for so long: the connection counts as dead. */
  readonly idleMs?: number | undefined;
}

export interface AccessOptions {
  readonly action: RepositoryAction;
  readonly credentials?: (() => Promise<RegistryCredentials | undefined>) | undefined;
  /** Take any certificate, and plain HTTP, this once. */
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((waitMs: number, why: string) => void) | undefined;
}

/** All registries as this engine reaches them: mirrors, certificates and proxies. Disposing closes connections. */
export class Registries implements Disposable {
  readonly #options: RegistriesOptions;
  readonly #connections = new Map<string, Promise<Connections>>();
  /** The detected scheme of hosts that may use either. */
  readonly #schemes = new Map<string, "https" | "http">();

  constructor(options: RegistriesOptions = {}) {
    this.#options = options;
  }

  get transferLimits(): TransferLimits {
    return this.#options.transferLimits?.() ?? {};
  }

  /**
   * Runs the work with the repository of a reference. It tries the repository's mirrors first, and the next one when a
   * mirror is unreachable, lacks the name or denies access. The response of the registry itself is final.
   */
  async with<T>(
    reference: Reference,
    options: AccessOptions,
    work: (repository: Repository) => Promise<T>,
  ): Promise<T> {
    const config = (await this.#options.readConfig?.()) ?? noRegistriesConfig;
    const candidates = chooseEndpoints(reference, { config, action: options.action });
    for (const candidate of candidates) {
      try {
        return await work(await this.#open(candidate, options));
      } catch (thrown) {
        options.signal?.throwIfAborted();
        if (!candidate.isMirror || !["unavailable", "not-found", "not-permitted"].includes(kindOf(thrown)))
          throw thrown;
      }
    }
    throw new Failure("internal", "cannot reach a registry: there is none to ask");
  }

  /** Where a name without a registry is to be looked for, by the configuration; none: where Docker does. */
  async candidatesOf(name: string): Promise<readonly Reference[]> {
    const config = (await this.#options.readConfig?.()) ?? noRegistriesConfig;
    return expandShortName(name, config);
  }

  /** Any URL, through the proxy that is for it. */
  fetch(url: URL): AsyncIterable<Uint8Array> {
    return fetchUrl(url, { proxyOf: this.#options.proxyOf });
  }

  /** The proxy that is for a URL; undefined: none. */
  async proxyOf(url: URL): Promise<URL | undefined> {
    return await this.#options.proxyOf?.(url);
  }

  /** Checks the user's credentials with a registry. Throws "not-permitted" when it rejects them. */
  async logIn(
    domain: string,
    credentials: RegistryCredentials,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    // Any repository of it: its name is not asked for.
    const reference = parseReference(`${domain}/login/check`);
    const access = {
      action: "push" as const, // no mirror
      credentials: () => Promise.resolve(credentials),
      signal,
    };
    await this.with(reference, access, async (repository) => {
      const to = new URL("/v2/", repository.origin);
      discard(await repository.send({ method: "GET", to, expects: [200], scopes: [] }));
    });
  }

  async #open(candidate: EndpointCandidate, options: AccessOptions): Promise<Repository> {
    const { host, path, isMirror } = candidate;
    const insecure = candidate.insecure || options.insecure === true;
    const connections = await this.#connectionsTo(host, insecure);
    const { signal } = options;
    const scheme = insecure ? await this.#findScheme(host, { connections, signal }) : "https";
    return new Repository({
      origin: `${scheme}://${host}`,
      path,
      action: options.action,
      connections,
      // A mirror is another host: it must not receive the credentials of the registry.
      credentials:
        isMirror || options.credentials === undefined
          ? () => Promise.resolve(undefined)
          : options.credentials,
      signal,
      onRetry: options.onRetry,
    });
  }

  #connectionsTo(host: string, insecure: boolean): Promise<Connections> {
    const key = `${host} ${insecure}`;
    let found = this.#connections.get(key);
    if (found === undefined) {
      found = this.#connect(host, insecure);
      this.#connections.set(key, found);
      found.catch(() => this.#connections.delete(key));
    }
    return found;
  }

  async #connect(host: string, insecure: boolean): Promise<Connections> {
    const { tlsOf, proxyOf, idleMs } = this.#options;
    const tls = await tlsOf?.(host);
    const proxy = await proxyOf?.(new URL(`https://${host}`));
    return new Connections({
      skipVerify: insecure,
      tls,
      proxy,
      idleMs,
    });
  }

  /** TLS where it is spoken; else, of a host that may, plain HTTP. */
  async #findScheme(
    host: string,
    { connections, signal }: { readonly connections: Connections; readonly signal?: AbortSignal | undefined },
  ): Promise<"https" | "http"> {
    const known = this.#schemes.get(host);
    if (known !== undefined) return known;
    const ping = async (scheme: "https" | "http"): Promise<void> => {
      const url = new URL(`${scheme}://${host}/v2/`);
      discard(await connections.send({ method: "GET", url, signal }));
    };
    const scheme = await ping("https").then(
      () => "https" as const,
      async (): Promise<"http"> => {
        signal?.throwIfAborted();
        await ping("http");
        return "http";
      },
    );
    this.#schemes.set(host, scheme);
    return scheme;
  }

  [Symbol.dispose](): void {
    for (const each of this.#connections.values()) {
      each.then(
        (connections) => connections[Symbol.dispose](),
        () => undefined,
      );
    }
    this.#connections.clear();
  }
}
