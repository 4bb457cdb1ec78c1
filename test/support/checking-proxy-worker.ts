import { connect, createServer, type Socket } from "node:net";
import { comparedReplies, findReplyProblems } from "./check-reply.ts";
import { MessageReader, replyFraming, requestFraming } from "./http-exchange.ts";

declare const self: Worker;

export interface ProxyStart {
  readonly socket: string;
  readonly target: string;
  /** One 32-bit number: not 0 once it listens. */
  readonly ready: SharedArrayBuffer;
}

export interface ProxyReport {
  readonly problems: readonly string[];
  readonly compared: number;
}

const problems: string[] = [];
const open = new Set<Watched>();

/** One connection: all bytes pass as they come; what they say is compared on the side. */
class Watched {
  readonly #asked: { readonly method: string; readonly target: string }[] = [];
  readonly #requests = new MessageReader(requestFraming, ({ words }) => {
    this.#asked.push({ method: words[0] ?? "", target: words[1] ?? "" });
  });
  readonly #replies = new MessageReader(
    (head) => replyFraming(head, this.#asked[0]?.method ?? ""),
    ({ words, text }) => {
      const status = Number(words[1]);
      if (status < 200) return;
      const asked = this.#asked.shift();
      if (asked === undefined) return;
      const found = findReplyProblems({ ...asked, status, text });
      problems.push(
        ...found.map((line) => `${asked.method} ${asked.target}: ${line}\n  ${status} ${text.slice(0, 500)}`),
      );
    },
  );

  constructor(client: Socket, daemon: Socket) {
    client.on("data", (bytes: Buffer) => this.#requests.read(bytes));
    daemon.on("data", (bytes: Buffer) => this.#replies.read(bytes));
    daemon.on("close", () => this.end());
    client.pipe(daemon);
    daemon.pipe(client);
    client.on("error", () => daemon.destroy());
    client.on("close", () => daemon.destroySoon());
    daemon.on("error", () => client.destroy());
  }

  end(): void {
    this.#replies.end();
    open.delete(this);
  }
}

self.addEventListener("message", ({ data }: MessageEvent<ProxyStart | "report">) => {
  if (data === "report") {
    for (const each of open) each.end();
    self.postMessage({ problems, compared: comparedReplies() } satisfies ProxyReport, []);
    return;
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const daemon = connect({ path: data.target, allowHalfOpen: true });
    open.add(new Watched(client, daemon));
  });
  server.listen(data.socket, () => {
    const flag = new Int32Array(data.ready);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
  });
});
