import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../../src/client/client.ts";

export interface Peer extends AsyncDisposable {
  readonly client: Client;
  readonly connections: () => number;
}

/** A "daemon" that does with each request (its head's text) whatever the test wants. */
export async function startPeer(
  answer: (socket: Socket, head: string, index: number) => void,
): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "tare-peer-"));
  const path = join(folder, "s");
  let connections = 0;
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections++;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        answer(socket, head, requests++);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new Client({ host: `unix://${path}` });
  return {
    client,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

/** A whole reply with a JSON body. */
export function jsonReply(value: unknown, status = "200 OK", headers = ""): string {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
