import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Failure, sentenceOf } from "../../base/failure.ts";
import type { ApiRequest } from "../http/api-request.ts";
import { BodyMemory } from "../http/body-memory.ts";
import type { HeldAnswer } from "./guarded-reply.ts";
import type { PlannedRequest } from "./own-requests.ts";
import { AuthorizationPlugin } from "./plugin.ts";

/** SPEC: dockerd passes bodies of up to 1 MiB. */
const bodyLimitBytes = 1024 * 1024;

/** One request as plug-ins receive it. */
export type AskedRequest = Readonly<Record<string, unknown>>;

/**
 * The authorization plug-ins of a daemon. All of them have to allow a request; one that fails allows none.
 * SPEC: docs.docker.com/engine/extend/plugins_authorization
 */
export class Authorization {
  readonly #plugins = new Map<string, AuthorizationPlugin>();
  readonly #runRoot: string;
  readonly #memory = new BodyMemory();
  readonly #answerWithinMs: number | undefined;

  /** `answerWithinMs`: the most that one plug-in may take for one answer. */
  constructor(runRoot: string, { answerWithinMs }: { readonly answerWithinMs?: number | undefined } = {}) {
    this.#runRoot = runRoot;
    this.#answerWithinMs = answerWithinMs;
  }

  /** Before a daemon begins to use them. Throws dockerd's `error validating authorization plugin`. */
  async requirePlugins(names: readonly string[]): Promise<void> {
    for (const name of names) {
      try {
        await this.#get(name).activate();
      } catch (cause) {
        const sentence = `error validating authorization plugin: ${sentenceOf(cause)}`;
        throw new Failure("unavailable", sentence, { cause });
      }
    }
  }

  /**
   * Asks the plug-ins in their order about each of the requests. `body`: the bytes that the daemon acts on, and no
   * others; without `isPassed`, plug-ins do not receive them. Returns the first request as it was asked for. Throws
   * "not-permitted" in dockerd's words, "corrupt" when a plug-in fails, "invalid" for a body that is too long to be
   * passed on, "unavailable" when too many are asked for at once.
   */
  async authorizeRequests(
    names: readonly string[],
    {
      requests,
      request,
      socket,
      body,
      isPassed,
    }: {
      readonly requests: readonly PlannedRequest[];
      readonly request: ApiRequest;
      readonly socket: Socket;
      readonly body: Uint8Array;
      readonly isPassed: boolean;
    },
  ): Promise<AskedRequest> {
    // SAFETY: CVE-2026-34040: what is too long for a plug-in must not reach the daemon either.
    if (isPassed && body.length > bodyLimitBytes)
      throw new Failure(
        "invalid",
        `cannot authorize the request: its body is longer than the ${bodyLimitBytes} bytes that plug-ins receive`,
      );
    using share = this.#memory.open();
    share.add(body.length);
    const common = { ...identityOf(socket), RequestHeaders: headersOf(request) };
    let first: AskedRequest | undefined;
    for (const [method, uri] of requests) {
      const hasBody = isPassed && body.length > 0 && first === undefined;
      const asked: AskedRequest = {
        ...common,
        RequestMethod: method,
        RequestUri: uri,
        RequestBody: hasBody ? Buffer.from(body).toString("base64") : undefined,
      };
      for (const name of names) await this.#ask(name, "AuthZPlugin.AuthZReq", asked);
      first ??= asked;
    }
    return first ?? {};
  }

  /** As authorizeRequests(), for the answer, before it is sent. A body is passed if it is JSON of up to 1 MiB. */
  async authorizeResponse(
    names: readonly string[],
    asked: AskedRequest,
    { status, body, headers }: HeldAnswer,
  ): Promise<void> {
    const bytes = headers["Content-Type"] === "application/json" ? Buffer.from(body) : Buffer.alloc(0);
    const isPassed = bytes.length > 0 && bytes.length <= bodyLimitBytes;
    using share = this.#memory.open();
    if (isPassed) share.add(bytes.length);
    const answer = {
      ...asked,
      ResponseStatusCode: status,
      ResponseHeaders: headers,
      ResponseBody: isPassed ? bytes.toString("base64") : undefined,
    };
    for (const name of names) await this.#ask(name, "AuthZPlugin.AuthZRes", answer);
  }

  async #ask(name: string, method: string, body: AskedRequest): Promise<void> {
    const { isAllowed, message } = await this.#get(name).ask(method, body);
    if (isAllowed) return;
    throw new Failure("not-permitted", `authorization denied by plugin ${name}: ${message}`, {
      details: { authorizationPlugin: name },
    });
  }

  #get(name: string): AuthorizationPlugin {
    let plugin = this.#plugins.get(name);
    if (plugin === undefined) {
      plugin = new AuthorizationPlugin(name, {
        runRoot: this.#runRoot,
        answerWithinMs: this.#answerWithinMs,
      });
      this.#plugins.set(name, plugin);
    }
    return plugin;
  }
}

/** SPEC: dockerd's user is the common name of the client's certificate. */
function identityOf(socket: Socket): AskedRequest {
  if (!(socket instanceof TLSSocket)) return {};
  const { raw, subject } = socket.getPeerCertificate();
  if (raw === undefined) return {};
  const lines = raw.toString("base64").replace(/.{1,64}/g, "$&\n");
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
  const names: readonly unknown[] = [subject.CN].flat();
  const name = names.at(-1);
  return {
    User: typeof name === "string" ? name : "",
    UserAuthNMethod: "TLS",
    RequestPeerCertificates: [Buffer.from(pem).toString("base64")],
  };
}

const credentials = /^(?:x-registry-(?:auth|config)|authorization)$/;

/** Without credentials, as dockerd passes them. */
function headersOf(request: ApiRequest): Readonly<Record<string, string>> {
  const headers = [...request.head.headers].filter(([name]) => !credentials.test(name));
  return Object.fromEntries(headers.map(([name, value]) => [canonical(name), value]));
}

/** As Go writes names of headers: `Content-Type`. */
function canonical(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letters) => letters.toUpperCase());
}
