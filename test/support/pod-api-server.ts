import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { StreamingServer, StreamingRequest } from "../../src/cri/streaming/streaming-server.ts";

/** What kubectl asks about before it runs a command. */
const answers: Readonly<Record<string, unknown>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [
      {
        name: "pods",
        singularName: "pod",
        namespaced: true,
        kind: "Pod",
        verbs: ["get"],
        shortNames: ["po"],
      },
    ],
  },
  "/api/v1/namespaces/default/pods/p": {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i", stdin: true }] },
    status: { phase: "Running" },
  },
};

/**
 * As much of Kubernetes' API server as `kubectl exec`, `attach` and `port-forward` need for the pod `p`: what it does with
 * a stream, it does as kubelet would, by passing the client on to the address that the runtime has given.
 */
export class PodApiServer {
  readonly #server: Server;
  readonly #streaming: StreamingServer;
  readonly #answer: (kind: string, query: URLSearchParams) => StreamingRequest;
  /** The protocols that clients have asked for. */
  readonly upgrades: string[] = [];
  address = "";

  private constructor(
    streaming: StreamingServer,
    answer: (kind: string, query: URLSearchParams) => StreamingRequest,
  ) {
    this.#streaming = streaming;
    this.#answer = answer;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket));
  }

  static async open(
    streaming: StreamingServer,
    answer: (kind: string, query: URLSearchParams) => StreamingRequest,
  ): Promise<PodApiServer> {
    const self = new PodApiServer(streaming, answer);
    self.#server.listen(0, "127.0.0.1");
    await once(self.#server, "listening");
    const address = self.#server.address();
    self.address = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    return self;
  }

  close(): void {
    this.#server.close();
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on("error", () => {});
    let read = Buffer.alloc(0);
    while (!read.includes("\r\n\r\n")) {
      const [piece] = (await once(socket, "data")) as [Buffer];
      read = Buffer.concat([read, piece]);
    }
    socket.pause();
    const text = read.toString("latin1");
    const [method = "", target = ""] = text.split(" ");
    const { pathname, searchParams } = new URL(target, "http://localhost");
    const [, upgrade] = /\r\nUpgrade: ([^\r]*)/i.exec(text) ?? [];
    if (upgrade === undefined) {
      const body = JSON.stringify(answers[pathname] ?? { kind: "Status", status: "Failure", code: 404 });
      const status = pathname in answers ? "200 OK" : "404 Not Found";
      socket.end(
        `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      socket.resume();
      return;
    }
    this.upgrades.push(upgrade.toLowerCase());
    const kind = pathname.split("/").at(-1) ?? "";
    const given = new URL(this.#streaming.register(this.#answer(kind, searchParams)));
    const runtime = connect({ port: Number(given.port), host: given.hostname, allowHalfOpen: true });
    runtime.on("error", () => socket.destroy());
    runtime.write(text.replace(`${method} ${target}`, `${method} ${given.pathname}`), "latin1");
    socket.pipe(runtime);
    runtime.pipe(socket);
  }
}
