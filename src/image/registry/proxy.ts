import { Agent, type AgentOptions } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { errorOf, Failure } from "../../base/failure.ts";

type Callback = (failure: Error | null, socket?: unknown) => void;
interface Target {
  readonly host?: string | null | undefined;
  readonly port?: string | number | null | undefined;
  readonly servername?: string | undefined;
}

const headLimit = 16 * 1024;

/** Connections over TLS through an HTTP proxy, by CONNECT. SPEC: RFC 9110 §9.3.6 */
export class ProxyAgent extends Agent {
  readonly #proxy: URL;
  readonly #settings: AgentOptions;

  constructor(proxy: URL, settings: AgentOptions) {
    super(settings);
    this.#proxy = proxy;
    this.#settings = settings;
  }

  // The types of Node have it as a method that gives a stream; giving it by the callback is as good.
  override createConnection(target: Target, callback: Callback): undefined {
    const host = target.host ?? "";
    this.#tunnel(host, String(target.port ?? 443)).then(
      (socket) => {
        const secure = connectTls({
          ...this.#settings,
          socket,
          ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
        });
        secure.once("secureConnect", () => callback(null, secure));
        secure.once("error", (thrown: Error) => callback(thrown));
      },
      (thrown: unknown) => callback(errorOf(thrown)),
    );
    return undefined;
  }

  #tunnel(host: string, port: string): Promise<Socket> {
    const { hostname, username, password } = this.#proxy;
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const authorization =
      username === "" ? "" : `Proxy-Authorization: Basic ${Buffer.from(plain).toString("base64")}\r\n`;
    const socket = connectPlain(Number(this.#proxy.port || 80), hostname.replace(/^\[|\]$/g, ""), () => {
      socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`);
    });
    let head = Buffer.alloc(0);
    const refuse = (detail: string): void => {
      socket.destroy();
      reject(
        new Failure(
          "unavailable",
          `cannot reach ${authority} through the proxy ${this.#proxy.host}: ${detail}`,
        ),
      );
    };
    const onData = (piece: Buffer): void => {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) {
        if (head.length > headLimit) refuse("its reply is too long");
        return;
      }
      const [, status = ""] = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString("latin1")) ?? [];
      if (!status.startsWith("2")) return refuse(`it answered ${status || "no HTTP"}`);
      socket.off("data", onData);
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      resolve(socket);
    };
    socket.on("data", onData);
    socket.once("error", (thrown) => refuse(thrown.message));
    socket.once("close", () => refuse("it closed the connection"));
    return promise;
  }
}
