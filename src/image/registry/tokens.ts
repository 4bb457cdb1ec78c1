import { Failure } from "../../base/failure.ts";
import { type AuthChallenge, parseAuthChallenges } from "../../spec/registry/auth-challenge.ts";
import { readJson } from "../../spec/json-reader.ts";
import { type Connections, readBody, type WireReply } from "./connection.ts";
import type { RegistryCredentials } from "../../spec/registry/registry-credentials.ts";

export interface TokenOptions {
  readonly connections: Connections;
  /** Requested at most once; undefined: anonymous. */
  readonly credentials: () => Promise<RegistryCredentials | undefined>;
  readonly signal?: AbortSignal | undefined;
}

interface Token {
  readonly value: string;
  readonly expiresAt: number;
}

const maxTokenBytes = 1024 * 1024;
/** SPEC: distribution's token specification: the default when a server sends no lifetime. */
const defaultLifeMs = 60_000;
const marginMs = 5_000;

/**
 * The `Authorization` header for one registry: none until the registry requests it, then one for its challenge. Tokens
 * are cached for their scope until shortly before they expire. SPEC: distribution "Token Authentication", "OAuth2 Token
 * Authentication"
 */
export class Authorizer {
  readonly #origin: URL;
  readonly #options: TokenOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #running = new Map<string, Promise<Token>>();
  #challenge: AuthChallenge | undefined;
  #credentials: Promise<RegistryCredentials | undefined> | undefined;

  constructor(origin: URL, options: TokenOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /**
   * The header for these scopes (`repository:library/busybox:pull`); undefined as long as the server has not requested
   * one.
   */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credentials = await this.#known();
    if (challenge.scheme === "basic") {
      if (credentials?.kind !== "password") return undefined;
      return basicOf(credentials.username, credentials.password);
    }
    if (credentials?.kind === "registry-token") return `Bearer ${credentials.token}`;
    const key = [...scopes].sort().join(" ");
    const kept = this.#tokens.get(key);
    if (kept !== undefined && Date.now() < kept.expiresAt) return `Bearer ${kept.value}`;
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#fetch(challenge, { scopes, credentials }).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    const token = await running;
    this.#tokens.set(key, token);
    return `Bearer ${token.value}`;
  }

  /**
   * Reads a 401. True: asking again with header() may work; false: it was asked with all that we have. `sent` is what
   * the refused request had.
   */
  async accept(reply: WireReply, scopes: readonly string[], sent: string | undefined): Promise<boolean> {
    const header = reply.headers["www-authenticate"];
    const challenges = parseAuthChallenges(Array.isArray(header) ? header.join(", ") : (header ?? ""));
    const found =
      challenges.find(({ scheme }) => scheme === "bearer") ??
      challenges.find(({ scheme }) => scheme === "basic");
    if (found === undefined) return false;
    const isNew = this.#challenge === undefined || sent === undefined;
    this.#challenge = found;
    // A token that was good may have ended early.
    const hadToken = this.#tokens.delete([...scopes].sort().join(" "));
    if (found.scheme === "basic") return isNew && (await this.#known()) !== undefined;
    return isNew || hadToken;
  }

  #known(): Promise<RegistryCredentials | undefined> {
    this.#credentials ??= this.#options.credentials();
    return this.#credentials;
  }

  async #fetch(
    { parameters }: AuthChallenge,
    {
      scopes,
      credentials,
    }: { readonly scopes: readonly string[]; readonly credentials: RegistryCredentials | undefined },
  ): Promise<Token> {
    const realm = this.#realmOf(parameters["realm"]);
    const { connections, signal } = this.#options;
    const service = parameters["service"] ?? "";
    const wanted = scopes.length > 0 ? scopes : [parameters["scope"] ?? ""].filter((scope) => scope !== "");
    const cancel = signal === undefined ? {} : { signal };
    let reply: WireReply;
    if (credentials?.kind === "identity-token") {
      const body = new TextEncoder().encode(
        new URLSearchParams({
          grant_type: "refresh_token",
          service,
          client_id: "tare",
          scope: wanted.join(" "),
          refresh_token: credentials.token,
        }).toString(),
      );
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      reply = await connections.send({ method: "POST", url: realm, headers, body, ...cancel });
    } else {
      if (service !== "") realm.searchParams.set("service", service);
      for (const scope of wanted) realm.searchParams.append("scope", scope);
      const isKnown = credentials?.kind === "password";
      if (isKnown) realm.searchParams.set("account", credentials.username);
      const headers: Record<string, string> = isKnown
        ? { Authorization: basicOf(credentials.username, credentials.password) }
        : {};
      reply = await connections.send({ method: "GET", url: realm, headers, ...cancel });
    }
    const body = await readBody(reply, realm, maxTokenBytes);
    if (reply.status !== 200) {
      const kind = reply.status === 401 || reply.status === 403 ? "not-permitted" : "unavailable";
      const detail =
        kind === "not-permitted" ? "incorrect username or password" : `it answered ${reply.status}`;
      throw new Failure(kind, `cannot get a token from ${realm.host}: ${detail}`, {
        details: { status: reply.status },
      });
    }
    return readToken(body);
  }

  /** SAFETY: no server may cause a password to be sent unencrypted. */
  #realmOf(text: string | undefined): URL {
    const refused = (detail: string): Failure =>
      new Failure("corrupt", `cannot log in to ${this.#origin.host}: ${detail}`);
    let realm: URL;
    try {
      realm = new URL(text ?? "");
    } catch {
      throw refused(`it names no place for tokens (${JSON.stringify(text ?? "")})`);
    }
    if (realm.protocol === "https:") return realm;
    if (realm.protocol === "http:" && this.#origin.protocol === "http:") return realm;
    throw refused(`it wants the password to go to ${realm.origin}, unencrypted`);
  }
}

function readToken(body: Uint8Array): Token {
  const document = readJson(body, { what: "a token", maxBytes: maxTokenBytes });
  const text = (name: string): string | undefined => document.at(name).optional((node) => node.text());
  const value = text("token") || text("access_token");
  if (value === undefined || !/^[\x21-\x7e]+$/.test(value)) {
    throw new Failure("corrupt", "cannot log in: the answer holds no token");
  }
  const seconds = document.at("expires_in").optional((node) => node.count());
  const lifeMs = seconds === undefined ? defaultLifeMs : Math.max(seconds * 1000, defaultLifeMs);
  return { value, expiresAt: Date.now() + lifeMs - marginMs };
}

function basicOf(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
