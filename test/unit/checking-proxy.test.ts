import { describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { CheckingProxy } from "../support/checking-proxy.ts";
import { Scratch } from "../support/scratch.ts";
import { rawRequest, requestText } from "./daemon/raw-request.ts";

const isAvailable = process.env["TARE_REFERENCE"] !== undefined;

/** Answers each request of a connection with the next reply. */
async function listen(socket: string, replies: readonly string[]): Promise<Server> {
  const server = createServer((client) => {
    let next = 0;
    client.on("data", () => client.write(replies[next++] ?? ""));
    client.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return server;
}

const json = "Content-Type: application/json\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";

describe.skipIf(!isAvailable)("CheckingProxy", () => {
  test.each([
    [`HTTP/1.1 200 OK\r\n${json}Content-Length: 2\r\n\r\n[]`, []],
    [`HTTP/1.1 200 OK\r\n${json}Content-Length: 3\r\n\r\n[5]`, ["[0] is 5, not of type object"]],
    [
      `HTTP/1.1 200 OK\r\n${json}${chunked}\r\n1\r\n[\r\n2\r\n5]\r\n0\r\n\r\n`,
      ["[0] is 5, not of type object"],
    ],
    [`HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n`, ["GET /containers/json has no reply 201"]],
    [`HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone`, ["the refusal is no JSON object"]],
    [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]`, ["the body is empty"]],
  ])("compares %j", async (reply, expected) => {
    using scratch = new Scratch("checking-proxy");
    const [target, socket] = [join(scratch.path, "daemon"), join(scratch.path, "proxy")];
    const daemon = await listen(target, [reply, reply]);
    await using proxy = new CheckingProxy({ socket, target });
    const text = requestText("GET /v1.45/containers/json");
    expect(await rawRequest(socket, text, { untilMs: 300, isChecked: false })).toBe(reply);
    const { problems } = await proxy.report();
    expect(problems.map((line) => line.replace(/^GET \/v1.45\/containers\/json: |\n.*$/gs, ""))).toEqual(
      expected,
    );
    daemon.close();
  });

  test("lets streams of a connection that is taken over pass", async () => {
    using scratch = new Scratch("checking-proxy");
    const [target, socket] = [join(scratch.path, "daemon"), join(scratch.path, "proxy")];
    const head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nHTTP/1.1 200";
    const daemon = await listen(target, [head]);
    await using proxy = new CheckingProxy({ socket, target });
    expect(await rawRequest(socket, requestText("POST /exec/a/start"), { untilMs: 300 })).toBe(head);
    expect(await proxy.report()).toEqual({ problems: [], compared: 0 });
    daemon.close();
  });
});
