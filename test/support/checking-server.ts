import { connect, createServer, type Server, type Socket } from "node:net";
import { findReplyProblems } from "./check-reply.ts";
import { MessageReader, replyFraming, requestFraming } from "./http-exchange.ts";

/** Passes connections on to a daemon's socket, and compares the replies with the API's reference. */
export class CheckingServer implements Disposable {
  readonly listening: Promise<void>;
  readonly #server: Server;
  readonly #problems: string[] = [];
  readonly #open = new Set<Watched>();

  constructor({ socket, target }: { readonly socket: string; readonly target: string }) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const daemon = connect({ path: target, allowHalfOpen: true });
      const watched = new Watched(client, daemon, this.#problems);
      this.#open.add(watched);
      daemon.on("close", () => this.#open.delete(watched));
    });
    this.listening = new Promise((resolve) => this.#server.listen(socket, resolve));
  }

  /** What differed so far. Connections that are open count as ended. */
  report(): readonly string[] {
    for (const each of this.#open) each.end();
    return this.#problems;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

/** One connection: all bytes pass as they come; what they say is compared on the side. */
class Watched {
  readonly #problems: string[];
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
      this.#problems.push(
        ...found.map((line) => `${asked.method} ${asked.target}: ${line}\n  ${status} ${text.slice(0, 500)}`),
      );
    },
  );

  constructor(client: Socket, daemon: Socket, problems: string[]) {
    this.#problems = problems;
    client.on("data", (bytes: Buffer) => this.#requests.read(bytes));
    daemon.on("data", (bytes: Buffer) => this.#replies.read(bytes));
    daemon.on("close", () => this.end());
    client.pipe(daemon);
    daemon.pipe(client);
    client.on("error", () => daemon.destroy());
    client.on("close", () => {
      if (daemon.writableLength === 0) daemon.destroy();
      else daemon.end(() => daemon.destroy());
    });
    daemon.on("error", () => client.destroy());
  }

  end(): void {
    this.#replies.end();
  }
}
