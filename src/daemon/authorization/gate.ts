import type { Socket } from "node:net";
import type { RouteMatch } from "../../api/http/route-match.ts";
import { toDockerFailure } from "../../api/docker-errors.ts";
import { type Failure, failureOf } from "../../base/failure.ts";
import type { Call, Handler } from "../handler.ts";
import type { ApiRequest } from "../http/api-request.ts";
import { failureReply } from "../http/reply.ts";
import type { AskedRequest, Authorization } from "./authorize.ts";
import { GuardedReply, type HeldAnswer } from "./guarded-reply.ts";
import { hasSecretBody, type PlannedRequest, planRequests, versionIn } from "./own-requests.ts";

export interface GateOptions {
  readonly authorization: Authorization;
  readonly match: RouteMatch;
  readonly socket: Socket;
  /** Names, in the order in which they are asked. */
  readonly plugins: readonly string[];
}

/** What one request passes on its way to its handler, and its answer on the way back. */
export class Gate {
  readonly #request: ApiRequest;
  readonly #options: GateOptions;
  readonly #requests: readonly PlannedRequest[];
  readonly #isSecret: boolean;
  #body: Uint8Array = new Uint8Array(0);

  /** Throws as planRequests(). */
  constructor(request: ApiRequest, options: GateOptions) {
    this.#request = request;
    this.#options = options;
    const [path = "", ...rest] = request.url.split("?");
    const { route, params } = options.match;
    this.#isSecret = hasSecretBody(route.operation);
    const { method } = request;
    this.#requests = planRequests({ route, method, path, parameters: rest.join("?"), params });
  }

  /** Receives the bytes that the daemon will act on. */
  readonly seesBody = (body: Uint8Array): void => {
    this.#body = body;
  };

  /**
   * Asks, calls the handler, asks about its answer and sends it. An answer that is a stream goes out unasked. Throws as
   * Authorization.authorizeRequests(), and what the handler throws.
   */
  async pass(call: Call, handler: Handler): Promise<void> {
    const asked = await this.#ask(this.#requests, this.#body);
    this.#body = new Uint8Array(0);
    const reply = new GuardedReply(call.reply);
    const version = versionIn(this.#request.url);
    const authorizeStep = async (method: string, uri: string): Promise<void> => {
      await this.#ask([[method, `${version}${uri}`]], new Uint8Array(0));
    };
    let isEnding = false;
    const shutdown = (): void => {
      isEnding = true;
    };
    try {
      await handler({ ...call, reply, authorizeStep, shutdown });
    } catch (thrown) {
      if (!call.reply.isBegun && !call.signal.aborted) await this.#report(asked, failureOf(thrown));
      throw thrown;
    }
    if (reply.held !== undefined) await this.#authorizeAnswer(asked, reply.held);
    reply.release();
    if (isEnding) call.shutdown();
  }

  async #authorizeAnswer(asked: AskedRequest, answer: HeldAnswer): Promise<void> {
    const { authorization, plugins } = this.#options;
    const shown = this.#isSecret ? { ...answer, body: "" } : answer;
    await authorization.authorizeResponse(plugins, asked, shown);
  }

  /** A handler that fails: plug-ins receive the failure. As in dockerd, their decision changes nothing. Never rejects. */
  async #report(asked: AskedRequest, failure: Failure): Promise<void> {
    const { route, params } = this.#options.match;
    const { operation } = route;
    const { status, body } = failureReply(toDockerFailure(failure, { operation, params }));
    const answer = { status, body, headers: { "Content-Type": "application/json" } };
    await this.#authorizeAnswer(asked, answer).catch(() => {});
  }

  async #ask(requests: readonly PlannedRequest[], body: Uint8Array): Promise<AskedRequest> {
    const { authorization, plugins, socket } = this.#options;
    const isPassed = !this.#isSecret;
    return await authorization.authorizeRequests(plugins, {
      requests,
      request: this.#request,
      socket,
      body,
      isPassed,
    });
  }
}
