import { describe, expect, test } from "bun:test";
import { type DaemonUnderTest, startDaemon } from "./daemon-under-test.ts";
import { bodyOf, rawRequest, requestText, statusOf } from "./raw-request.ts";

async function ask(
  daemon: DaemonUnderTest,
  line: string,
  body = "",
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [number, string]> {
  const reply = await rawRequest(daemon.socketPath, requestText(line, body, headers));
  const text = bodyOf(reply);
  return [statusOf(reply), text.startsWith("{") ? (JSON.parse(text) as { message: string }).message : text];
}

describe("malformed requests", () => {
  test.each([
    ["GET /nope", "", 404, "page not found"],
    ["PATCH /containers/json", "", 404, "page not found"],
    ["GET /v1.99/info", "", 400, "client version 1.99 is too new. Maximum supported API version is 1.56"],
    ["GET /v1.12/info", "", 400, "client version 1.12 is too old. Minimum supported API version is 1.24"],
    ["POST /v1.45/containers/create", "{", 400, "invalid JSON: unexpected EOF"],
    ["POST /v1.45/containers/create", "[]", 400, "invalid JSON: it must be an object"],
    ["POST /v1.45/containers/create", '{"Cmd":7}', 400, "invalid JSON: Cmd must be a list"],
    ["POST /v1.45/containers/create", '{"Image":"busybox","Tty":"yes"}', 400, "Tty must be true or false"],
    ["POST /v1.45/containers/create", "", 400, "invalid JSON: EOF"],
    ["POST /v1.45/containers/create", '{"Image":""}', 400, "the request names no image"],
    ["POST /v1.45/containers/create", `${'{"a":'.repeat(100)}1${"}".repeat(100)}`, 400, "nested deeper"],
    ["POST /v1.45/containers/create", '{"Image":"nope"}', 404, "No such image: nope:latest"],
    ["GET /v1.45/containers/json?limit=x", "", 400, 'cannot read parameter "limit"'],
    ["GET /v1.45/containers/json?filters={", "", 400, "invalid filter"],
    ["GET /v1.45/containers/json?filters={%22a%22:7}", "", 400, "invalid filter"],
    ["GET /v1.45/containers/json?filters={%22bogus%22:[%22x%22]}", "", 400, "invalid filter 'bogus'"],
    ["GET /v1.45/containers/%ZZ/json", "", 400, "cannot read the path"],
    ["GET /v1.45/containers/a%00b/json", "", 400, "cannot read the path"],
    ["GET /v1.45/containers/a%2Fb/json", "", 404, "No such container: a/b"],
    ["POST /v1.45/containers/x/wait?condition=never", "", 400, "invalid condition"],
    ["POST /v1.45/containers/x/resize?h=-1&w=5", "", 400, "invalid resize height"],
    ["POST /v1.45/containers/x/top", "", 404, "page not found"],
    ["GET /v1.45/containers/x/stats", "", 404, "No such container: x"],
    [
      "GET /v1.45/containers/x/stats?stream=1&one-shot=1",
      "",
      400,
      "cannot have stream=true and one-shot=true",
    ],
    ["POST /v1.45/auth", "{}", 400, "cannot log in: username and password are needed"],
    ["POST /v1.45/exec/x/start", "{}", 404, "No such exec instance: x"],
    ["GET /v1.45/images/a/b:c/json", "", 404, "No such image: a/b:c"],
    ["POST /v1.45/images/create", "", 400, "neither fromImage nor fromSrc"],
  ] as const)("%s with %p is answered %d", async (line, body, status, sentence) => {
    await using daemon = await startDaemon();
    const [actual, message] = await ask(daemon, line, body);
    expect([actual, message]).toEqual([status, expect.stringContaining(sentence)]);
  });

  test("another type than JSON is refused", async () => {
    await using daemon = await startDaemon();
    const [status, message] = await ask(daemon, "POST /containers/create", "{}", {
      "Content-Type": "text/plain",
    });
    expect([status, message]).toEqual([
      400,
      "unsupported Content-Type header (text/plain): must be 'application/json'",
    ]);
  });

  test("JSON above 16 MiB is refused without being read", async () => {
    await using daemon = await startDaemon();
    const headers = { "Content-Type": "application/json", "Content-Length": "99999999" };
    expect((await ask(daemon, "POST /containers/create", "", headers))[1]).toContain(
      "longer than 16777216 bytes",
    );
    // Without "Connection: close": the reply has to outlive what is still being sent.
    const head = "Host: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const big = `1200000\r\n${" ".repeat(0x1200000)}\r\n0\r\n\r\n`;
    const text = `POST /containers/create HTTP/1.1\r\n${head}${big}`;
    const reply = await rawRequest(daemon.socketPath, text, { untilMs: 60_000, until: /message.*\n/ });
    expect(statusOf(reply)).toBe(400);
  });

  test("an upgrade where none is offered is refused", async () => {
    await using daemon = await startDaemon();
    const [status, message] = await ask(daemon, "GET /info", "", { Connection: "Upgrade", Upgrade: "h2c" });
    expect([status, message]).toEqual([400, expect.stringContaining("cannot take over the connection")]);
  });

  test("what is no HTTP does not harm the others", async () => {
    await using daemon = await startDaemon();
    await rawRequest(daemon.socketPath, "\x16\x03\x01garbage\r\n\r\n", { untilMs: 200 });
    await rawRequest(
      daemon.socketPath,
      "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      {
        untilMs: 200,
      },
    );
    await rawRequest(daemon.socketPath, "POST /v1.45/containers/create HTTP/1.1\r\nHost: x\r\nContent-Len", {
      untilMs: 50,
    });
    expect((await daemon.client.system.ping()).apiVersion).toBe("1.56");
  });
});
