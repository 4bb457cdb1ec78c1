import { mkdirSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import { dirname } from "node:path";

/** One request of a daemon to a plug-in. */
export interface PluginRequest {
  /** `AuthZPlugin.AuthZReq` */
  readonly kind: string;
  readonly method: string;
  readonly uri: string;
  /** Decoded; "" when there is none. */
  readonly body: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The text of an answer; or a function that answers itself, or never. */
export type PluginAnswer = object | string | ((reply: ServerResponse) => void);

/** A port of 127.0.0.1; with TLS where there are such options. */
export interface PluginPort {
  readonly port: number;
  readonly tls?: ServerOptions | undefined;
}

/** A real authorization plug-in on a Unix socket or a port; its rule can be changed at any time. */
export class TestPlugin implements AsyncDisposable {
  readonly at: string | PluginPort;
  readonly seen: PluginRequest[] = [];
  /** Absent: it allows all. */
  rule: (request: PluginRequest) => PluginAnswer | undefined = () => undefined;
  implements: readonly string[] = ["authz"];
  #server: Server | undefined;

  constructor(at: string | PluginPort) {
    this.at = at;
  }

  async start(): Promise<this> {
    const listener: RequestListener = (request, reply) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const kind = request.url?.slice(1) ?? "";
        const answer =
          kind === "Plugin.Activate"
            ? { Implements: this.implements }
            : this.#decide(kind, Buffer.concat(pieces).toString());
        if (typeof answer === "function") answer(reply);
        else reply.end(typeof answer === "string" ? answer : JSON.stringify(answer));
      });
    };
    const { at } = this;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (typeof at === "string") {
      mkdirSync(dirname(at), { recursive: true });
      rmSync(at, { force: true });
      this.#server = createServer(listener).listen(at, resolve);
    } else {
      const server = at.tls === undefined ? createServer(listener) : createSecureServer(at.tls, listener);
      this.#server = server.listen(at.port, "127.0.0.1", resolve);
    }
    await promise;
    return this;
  }

  /** Ends all connections and removes the socket. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** What it was asked since the last call, as `Req GET /info`. */
  takeSeen(): readonly string[] {
    return this.seen.splice(0).map(({ kind, method, uri }) => `${kind.slice(-3)} ${method} ${uri}`);
  }

  #decide(kind: string, text: string): PluginAnswer {
    const fields = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const { RequestMethod: method, RequestUri: uri } = fields;
    const bytes = kind.endsWith("Req") ? fields["RequestBody"] : fields["ResponseBody"];
    const body = typeof bytes === "string" ? Buffer.from(bytes, "base64").toString() : "";
    const request = { kind, method: String(method), uri: String(uri), body, fields };
    this.seen.push(request);
    return this.rule(request) ?? { Allow: true };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
