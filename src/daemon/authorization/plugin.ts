import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestSecure } from "node:https";
import { sleep } from "../../base/deadline.ts";
import { codeOf, Failure, sentenceOf } from "../../base/failure.ts";
import { isRecord } from "../../base/is-record.ts";
import { findPlugin, formatPluginAddress, type PluginAddress } from "./find-plugin.ts";

const usualAnswerWithinMs = 30_000;
const answerLimitBytes = 1024 * 1024;
const shownMessageLength = 1024;
/** The most requests to one plug-in at a time; others wait. */
const mostAtOnce = 64;
/** How long a plug-in that cannot be reached is tried again: it may be starting. */
const reachWithinMs = 2_000;
const contentType = "application/vnd.docker.plugins.v1.2+json";

/** The decision of a plug-in. */
export interface PluginDecision {
  readonly isAllowed: boolean;
  /** The plug-in's reason; "" when it gives none. */
  readonly message: string;
}

/** One authorization plug-in, found by its name. SPEC: docs.docker.com/engine/extend/plugin_api */
export class AuthorizationPlugin {
  readonly #name: string;
  readonly #runRoot: string;
  readonly #answerWithinMs: number;
  readonly #waiting: (() => void)[] = [];
  #asking = 0;
  #address: PluginAddress | undefined;

  constructor(
    name: string,
    {
      runRoot,
      answerWithinMs = usualAnswerWithinMs,
    }: { readonly runRoot: string; readonly answerWithinMs?: number | undefined },
  ) {
    this.#name = name;
    this.#answerWithinMs = answerWithinMs;
    this.#runRoot = runRoot;
  }

  /** Finds it and asks what it implements. Throws what is wrong. */
  async activate(): Promise<void> {
    this.#address = await this.#activate();
  }

  /** Throws "corrupt", for dockerd's status 500, when it cannot be asked, or gives no answer that can be read. */
  async ask(method: string, body: object): Promise<PluginDecision> {
    await this.#takeTurn();
    const giveUpAt = performance.now() + Math.min(reachWithinMs, this.#answerWithinMs);
    try {
      for (let pauseMs = 50; ; pauseMs *= 2) {
        try {
          this.#address ??= await this.#activate();
          return toDecision(method, await this.#post(this.#address, method, body));
        } catch (thrown) {
          // It may come back at another address.
          this.#address = undefined;
          if (!isUnreachable(thrown) || performance.now() + pauseMs > giveUpAt) throw thrown;
          await sleep(pauseMs);
        }
      }
    } catch (thrown) {
      const sentence = `plugin ${this.#name} failed with error: ${sentenceOf(thrown)}`;
      throw new Failure("corrupt", sentence, { cause: thrown });
    } finally {
      this.#giveTurn();
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#asking < mostAtOnce) this.#asking++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The next one that waits takes it over. */
  #giveTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#asking--;
    else next();
  }

  async #activate(): Promise<PluginAddress> {
    const address = findPlugin(this.#name, this.#runRoot);
    const { Implements: kinds } = await this.#post(address, "Plugin.Activate", {});
    const items: readonly unknown[] = Array.isArray(kinds) ? kinds : [];
    if (!items.includes("authz"))
      throw new Failure(
        "invalid",
        `Plugin does not implement the requested driver: plugin=${this.#name}, driver=authz`,
      );
    return address;
  }

  #post(address: PluginAddress, method: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    return post(address, method, { body, answerWithinMs: this.#answerWithinMs });
  }
}

/** It has not received the request. */
function isUnreachable(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false;
  if (thrown.kind === "not-found") return true;
  return ["ENOENT", "ECONNREFUSED"].includes(codeOf(thrown.cause) ?? "");
}

/** SPEC: `Allow`, and the reason in `Msg`. Throws "invalid" for values of other types. */
function toDecision(
  method: string,
  { Allow: allow = false, Msg: message = "" }: Readonly<Record<string, unknown>>,
): PluginDecision {
  if (typeof allow !== "boolean" || typeof message !== "string")
    throw new Failure("invalid", `${method}: cannot read its answer: want a boolean Allow and a string Msg`);
  return { isAllowed: allow, message };
}

/** One request on a connection of its own. Rejects when there is no whole JSON object in time. */
function post(
  address: PluginAddress,
  method: string,
  { body, answerWithinMs }: { readonly body: object; readonly answerWithinMs: number },
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = {
    ...(address.kind === "unix" ? { Host: "plugin" } : {}),
    Accept: contentType,
    "Content-Type": contentType,
    "Content-Length": bytes.length,
  };
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  const fail = (sentence: string, cause?: unknown): void =>
    reject(new Failure("unavailable", `${method}: ${sentence}`, { cause }));
  const onReply = (reply: IncomingMessage): void => {
    const pieces: Buffer[] = [];
    let size = 0;
    reply.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size <= answerLimitBytes) return void pieces.push(piece);
      fail(`its answer is longer than ${answerLimitBytes} bytes`);
      asking.destroy();
    });
    reply.on("error", (cause) => fail(sentenceOf(cause), cause));
    reply.on("aborted", () => fail("its answer is not complete"));
    reply.on("end", () => {
      const text = Buffer.concat(pieces).toString();
      const answer = parseObject(text);
      if (reply.statusCode !== 200) fail(errorIn(answer, text));
      else if (answer === undefined) fail("cannot read its answer: it is no JSON object");
      else resolve(answer);
    });
  };
  const options = { method: "POST", path: `/${method}`, headers, agent: false } as const;
  const asking =
    address.kind === "unix"
      ? requestPlain({ ...options, socketPath: address.path }, onReply)
      : address.tls === undefined
        ? requestPlain({ ...options, host: address.hostname, port: address.port }, onReply)
        : requestSecure({ ...options, ...address.tls, host: address.hostname, port: address.port }, onReply);
  const timer = setTimeout(() => {
    fail(`no answer within ${answerWithinMs / 1000} s`);
    asking.destroy();
  }, answerWithinMs);
  asking.on("error", (cause) =>
    fail(`cannot ask at ${formatPluginAddress(address)}: ${sentenceOf(cause)}`, cause),
  );
  asking.end(bytes);
  return promise.finally(() => clearTimeout(timer));
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** SPEC: plug-ins report errors with another status than 200, in `Err` or as text. */
function errorIn(answer: Readonly<Record<string, unknown>> | undefined, text: string): string {
  const error = answer?.["Err"];
  return (typeof error === "string" && error !== "" ? error : text).slice(0, shownMessageLength).trim();
}
