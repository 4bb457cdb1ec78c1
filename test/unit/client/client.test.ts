import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../../src/client/client.ts";
import { jsonReply, startPeer } from "./peer.ts";

describe("Client against a strange daemon", () => {
  test.each([
    ["nothing", "", "unavailable", "it closed the connection without a reply"],
    ["half a head", "HTTP/1.1 200 OK\r\nContent-", "unavailable", "the connection closed before its end"],
    [
      "half a body",
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
      "unavailable",
      "the connection closed before its end",
    ],
    [
      "half a chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
      "unavailable",
      "closed before its end",
    ],
    [
      "a malformed chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "corrupt",
      "size is malformed",
    ],
    ["no HTTP", "SSH-2.0-x\r\n\r\n", "corrupt", "its status line is malformed"],
    ["no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", "corrupt", "it is not JSON"],
    [
      "an endless head",
      `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(20_000)}`,
      "corrupt",
      "its head is too long",
    ],
    ["a bare error", "HTTP/1.1 502 Bad Gateway\r\n\r\nproxy says no\n", "internal", "proxy says no"],
    [
      "an error without a text",
      "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n",
      "invalid",
      "answered with status 418",
    ],
  ] as const)("that sends %s", async (_, bytes, kind, sentence) => {
    await using peer = await startPeer((socket) => socket.end(bytes, "latin1"));
    await expect(peer.client.system.info()).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(sentence),
    });
  });

  test("a reply in single bytes is read all the same", async () => {
    const bytes = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n';
    await using peer = await startPeer((socket) => {
      for (const [index, byte] of [...bytes].entries()) setTimeout(() => socket.write(byte), index / 4);
    });
    expect(await peer.client.system.info()).toMatchObject({ a: 1 });
  });

  test("an interim reply is passed over", async () => {
    await using peer = await startPeer((socket) =>
      socket.write(`HTTP/1.1 100 Continue\r\n\r\n${jsonReply({ b: 2 })}`),
    );
    expect(await peer.client.system.info()).toMatchObject({ b: 2 });
  });

  test.each([
    ["404 Not Found", "", "not-found"],
    ["409 Conflict", "", "conflict"],
    ["400 Bad Request", "", "invalid"],
    ["501 Not Implemented", "", "unsupported"],
    ["500 Internal Server Error", "", "internal"],
    ["500 Internal Server Error", "Tare-Failure: corrupt\r\n", "corrupt"],
    ["500 Internal Server Error", "Tare-Failure: constructor\r\n", "internal"],
  ] as const)("status %s with %p is a failure of kind %s…", async (status, headers, kind) => {
    await using peer = await startPeer((socket) =>
      socket.write(jsonReply({ message: "why" }, status, headers)),
    );
    await expect(peer.client.system.version()).rejects.toMatchObject({
      kind,
      message: "why",
      details: { fromDaemon: true },
    });
  });
});

describe("Client.containers.create()", () => {
  const request = {
    Image: "x",
    ExposedPorts: { "80-81/tcp": {} },
    HostConfig: { PortBindings: { "80-81/tcp": [{ HostIp: "", HostPort: "8080-8081" }] } },
  };

  test.each([
    ["ranges to a daemon of its own build", "one", "one", "80-81/tcp"],
    ["each port to one of another build", "one", "two", "80/tcp"],
    ["each port to one that may be Docker's", "one", undefined, "80/tcp"],
    ["each port when it has no build itself", undefined, "two", "80/tcp"],
  ])("sends %s", async (_, own, expected, key) => {
    using folder = new DisposableStack();
    const path = mkdtempSync(join(tmpdir(), "tare-peer-"));
    folder.defer(() => rmSync(path, { recursive: true }));
    let sent = "";
    const server = createServer((asked, reply) => {
      asked.setEncoding("utf8").on("data", (piece: string) => (sent += piece));
      asked.on("end", () => reply.writeHead(201, { "Tare-Build": "three" }).end('{"Id":"1","Warnings":[]}'));
    });
    await new Promise<void>((resolve) => server.listen(join(path, "s"), resolve));
    folder.defer(() => server.close());
    using client = new Client({
      host: `unix://${join(path, "s")}`,
      ...(own === undefined ? {} : { buildId: own }),
    });
    if (expected !== undefined) client.expectBuild(expected);
    await client.containers.create(request);
    const body = JSON.parse(sent) as typeof request;
    expect(Object.keys(body.ExposedPorts)[0]).toBe(key);
    expect(Object.keys(body.HostConfig.PortBindings)[0]).toBe(key);
    expect(client.daemonBuildId).toBe("three");
  });
});

describe("Client's connections", () => {
  test("one is used again", async () => {
    await using peer = await startPeer((socket) => socket.write(jsonReply({})));
    for (let index = 0; index < 3; index++) await peer.client.system.info();
    expect(peer.connections()).toBe(1);
  });

  test("each at the same time has its own", async () => {
    await using peer = await startPeer((socket) => setTimeout(() => socket.write(jsonReply({})), 20));
    await Promise.all([peer.client.system.info(), peer.client.system.info()]);
    expect(peer.connections()).toBe(2);
  });

  test("one that is being made when the client is closed is closed, too", async () => {
    await using peer = await startPeer((socket) => socket.write(jsonReply({})));
    const asked = peer.client.system.info();
    peer.client[Symbol.dispose]();
    await expect(asked).rejects.toMatchObject({ kind: "canceled" });
    await expect(peer.client.system.info()).rejects.toThrow("cannot ask the daemon: this client was closed");
  });

  test("one that has bytes nobody asked for is not used again", async () => {
    await using peer = await startPeer((socket) => socket.write(`${jsonReply({})}HTTP/1.1 200 OK\r\n`));
    await peer.client.system.info();
    await peer.client.system.info();
    expect(peer.connections()).toBe(2);
  });

  test("a question is asked again when its old connection is closed meanwhile, an order is not", async () => {
    await using peer = await startPeer((socket, head, index) => {
      if (index % 2 === 1) socket.destroy();
      else socket.write(head.startsWith("GET") ? jsonReply({}) : "HTTP/1.1 204 No Content\r\n\r\n");
    });
    await peer.client.system.info();
    expect(await peer.client.system.info()).toEqual({} as never);
    await expect(peer.client.containers.kill("x")).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("they do not keep the program alive", () => {
    const script = `
      import { createServer } from "node:http";
      import { Client } from "${import.meta.dir}/../../../src/client/client.ts";
      const server = createServer((_, response) => response.end("{}"));
      server.listen(0, async () => {
        const client = new Client({ host: "tcp://127.0.0.1:" + server.address().port });
        await client.system.info();
        server.close();
        server.unref();
        console.log("asked");
      });`;
    const child = Bun.spawnSync([process.execPath, "-e", script], { timeout: 5000 });
    expect([child.stdout.toString(), child.exitCode]).toEqual(["asked\n", 0]);
  });

  test("an older daemon is spoken to in its version", async () => {
    const targets: string[] = [];
    await using peer = await startPeer((socket, head) => {
      targets.push(head.split(" ")[1] ?? "");
      const message = "client version 1.51 is too new. Maximum supported API version is 1.45";
      socket.write(
        head.includes("/v1.51/")
          ? jsonReply({ message }, "400 Bad Request", "Api-Version: 1.45\r\n")
          : jsonReply({}),
      );
    });
    await peer.client.system.info();
    await peer.client.system.version();
    expect(targets).toEqual(["/v1.51/info", "/v1.45/info", "/v1.45/version"]);
  });

  test("what can't be reached is named with what to do", async () => {
    using absent = new Client({ host: "unix:///nonexistent/tare.sock" });
    await expect(absent.system.ping()).rejects.toMatchObject({
      kind: "unavailable",
      message:
        'cannot connect to the daemon at unix:///nonexistent/tare.sock: nothing is there; start it with "tare daemon"',
    });
    using refused = new Client({ host: "tcp://127.0.0.1:1" });
    await expect(refused.system.ping()).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("no process listens there"),
    });
  });

  test("a signal ends a stream that goes on", async () => {
    await using peer = await startPeer((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n{"Type":"x"}\n'));
    const given = new AbortController();
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const event of peer.client.system.events({ signal: given.signal })) {
        seen.push(event);
        given.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ kind: "canceled" });
    expect(seen).toEqual([{ Type: "x" }]);
  });
});

describe("Client's requests", () => {
  test("names can't leave their place in the path", async () => {
    const targets: string[] = [];
    await using peer = await startPeer((socket, head) => {
      targets.push(head.split("\r\n", 1)[0] ?? "");
      socket.write(jsonReply({}));
    });
    const { containers, images } = peer.client;
    for (const name of ["a/../b", "..", "", "x?y#z", "a b\r\nX: y"]) await containers.inspect(name);
    for (const name of ["reg:5000/a/b:c@sha256:d", "../x", "a//b", ""]) await images.inspect(name);
    expect(targets).toEqual(
      [
        "/containers/a%2F..%2Fb/json",
        "/containers/%00/json",
        "/containers/%00/json",
        "/containers/x%3Fy%23z/json",
        "/containers/a%20b%0D%0AX%3A%20y/json",
        "/images/reg:5000/a/b:c@sha256:d/json",
        "/images/..%2Fx/json",
        "/images/a%2F%2Fb/json",
        "/images/%00/json",
      ].map((path) => `GET /v1.51${path} HTTP/1.1`),
    );
  });

  test("an upload stops when it is refused early", async () => {
    await using peer = await startPeer((socket) => {
      socket.write(jsonReply({ message: "no room" }, "507 Insufficient Storage"));
      socket.pause();
    });
    let pieces = 0;
    const endless = async function* () {
      for (;;) {
        pieces++;
        yield Buffer.alloc(64 * 1024);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const loading = Array.fromAsync(peer.client.images.load(endless()));
    await expect(loading).rejects.toMatchObject({ kind: "exhausted", message: "no room" });
    const atRefusal = pieces;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(pieces - atRefusal).toBeLessThan(3);
  });

  test("an archive that can't be read ends the request with its failure", async () => {
    await using peer = await startPeer(() => {});
    const broken = async function* () {
      yield Buffer.from("x");
      throw new Error("disk is gone");
    };
    await expect(Array.fromAsync(peer.client.images.load(broken()))).rejects.toThrow("disk is gone");
  });
});
