import { connect } from "node:net";
import { checkReply } from "../../support/check-reply.ts";
import { MessageReader, replyFraming, requestFraming } from "../../support/http-exchange.ts";

/**
 * Sends bytes as they are and gives all that comes back until the daemon closes (or `untilMs` has passed), or until
 * what came matches `until`. A whole reply that differs from the API's reference fails the test.
 */
export function rawRequest(
  socketPath: string,
  text: string,
  {
    untilMs = 2000,
    end = false,
    until,
    isChecked = true,
  }: {
    readonly untilMs?: number;
    readonly end?: boolean;
    readonly until?: RegExp;
    readonly isChecked?: boolean;
  } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    let received = "";
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      try {
        if (isChecked) checkReplies(text, received);
        resolve(received);
      } catch (thrown) {
        reject(thrown as Error);
      }
    };
    const timer = setTimeout(finish, untilMs);
    socket.on("data", (piece: Buffer) => {
      received += piece.toString("latin1");
      if (until?.test(received) === true) finish();
    });
    socket.on("end", finish);
    socket.on("error", finish);
    socket.on("connect", () => {
      socket.write(text);
      if (end) socket.end();
    });
  });
}

function checkReplies(sent: string, received: string): void {
  const asked: { readonly method: string; readonly target: string }[] = [];
  const requests = new MessageReader(requestFraming, ({ words: [method = "", target = ""] }) => {
    asked.push({ method, target });
  });
  const replies = new MessageReader(
    (head) => replyFraming(head, asked[0]?.method ?? ""),
    ({ words, text }) => {
      const status = Number(words[1]);
      const request = status < 200 ? undefined : asked.shift();
      if (request !== undefined) checkReply({ ...request, status, text });
    },
  );
  requests.read(Buffer.from(sent));
  replies.read(Buffer.from(received, "latin1"));
}

/** Method, path, headers and body as a request that asks the daemon to close afterwards. */
export function requestText(line: string, body = "", headers: Readonly<Record<string, string>> = {}): string {
  const all = {
    Host: "x",
    Connection: "close",
    ...(body === ""
      ? {}
      : { "Content-Type": "application/json", "Content-Length": String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

export function statusOf(reply: string): number {
  return Number(reply.slice(9, 12));
}

export function bodyOf(reply: string): string {
  return reply.slice(reply.indexOf("\r\n\r\n") + 4);
}
