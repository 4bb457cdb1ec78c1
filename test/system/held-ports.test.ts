import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { HeldPorts } from "../../src/network/ports/held-ports.ts";
import type { EndpointPlan } from "../../src/network/types.ts";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { killDaemon } from "../support/fault-run.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const server = ["busybox", "sh", "-c", "echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp"];
const sleeper = ["busybox", "sleep", "1000"];

/** A program of the host that listens; the error's code where it is refused. */
async function listen(port: number, host: string): Promise<Server | string> {
  const program = createServer((socket) => socket.end("host"));
  return await new Promise((resolve) => {
    program.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    program.listen({ port, host }, () => resolve(program));
  });
}

async function bindUdp(port: number, host: string): Promise<string> {
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
  try {
    return await new Promise((resolve) => {
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      socket.bind({ port, address: host, exclusive: true }, () => resolve("bound"));
    });
  } finally {
    socket.close();
  }
}

async function close(program: Server | string): Promise<void> {
  if (typeof program === "string") throw new Error(`the program could not listen: ${program}`);
  program.close();
  await once(program, "close");
}

describe.skipIf(!isRoot)("published ports", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const free = async (port: number, host = "0.0.0.0"): Promise<void> => {
    const program = await poll(
      async () => {
        const found = await listen(port, host);
        return typeof found === "string" ? undefined : found;
      },
      { everyMs: 30, timeoutMs: 20_000, what: `bind port ${port}` },
    );
    await close(program);
  };
  // oxlint-disable-next-line typescript/no-explicit-any
  const ask = async (path: string): Promise<any> => JSON.parse((await askApi(tare.socket, "GET", path)).text);
  const daemonSockets = async (): Promise<number> => {
    const pid = Number((await ask("/tare/build")).Pid);
    return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("socket:");
      } catch {
        return false;
      }
    }).length;
  };

  test("nobody else can bind them, and the container has what is sent to them", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "web",
      "-p",
      "18200:80",
      "-p",
      "127.0.0.1:18201:80",
      "-p",
      "18202:53/udp",
      ...server,
    ]);
    expect(await listen(18_200, "0.0.0.0")).toBe("EADDRINUSE");
    expect(await listen(18_200, "127.0.0.1")).toBe("EADDRINUSE");
    // A server of both families, as most are.
    expect(await listen(18_200, "::")).toBe("EADDRINUSE");
    expect(await listen(18_201, "127.0.0.1")).toBe("EADDRINUSE");
    expect(await bindUdp(18_202, "0.0.0.0")).toBe("EADDRINUSE");
    // What is not published is free: another address, another protocol.
    await free(18_201, "127.0.0.2");
    await free(18_202, "127.0.0.1");
    expect(await bindUdp(18_200, "127.0.0.1")).toBe("bound");
    const get = async (port: number): Promise<string> =>
      await poll(
        async () => {
          const reply = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
          return reply?.text();
        },
        { everyMs: 30, timeoutMs: 20_000, what: `be served at ${port}` },
      );
    expect(await get(18_200)).toBe("served\n");
    expect(await get(18_201)).toBe("served\n");
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("ports that are taken away are free at once, those that are added are not, those that stay are held all along", async () => {
    await tare.must(["update", "--publish-add", "18203:80", "--publish-rm", "18201", "web"]);
    await free(18_201, "127.0.0.1");
    expect(await listen(18_203, "127.0.0.1")).toBe("EADDRINUSE");
    expect(await listen(18_200, "127.0.0.1")).toBe("EADDRINUSE");
    await tare.must(["restart", "-t", "0", "web"]);
    expect(await listen(18_200, "127.0.0.1")).toBe("EADDRINUSE");
    expect(await bindUdp(18_202, "127.0.0.1")).toBe("EADDRINUSE");
    await tare.must(["stop", "-t", "0", "web"]);
    for (const port of [18_200, 18_203]) await free(port);
    expect(await bindUdp(18_202, "0.0.0.0")).toBe("bound");
    await tare.must(["start", "web"]);
    expect(await listen(18_203, "127.0.0.1")).toBe("EADDRINUSE");
    await tare.must(["rm", "-f", "web"]);
    for (const port of [18_200, 18_203]) await free(port);
  });

  test("a port that a program of the host has is refused", async () => {
    const program = await listen(18_210, "127.0.0.1");
    const refused = await tare.tare(["run", "--rm", "-p", "18210:80", "busybox", "true"]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain("0.0.0.0:18210/tcp: address already in use");
    const range = await tare.tare(["run", "--rm", "-p", "18205-18214:80-89", "busybox", "true"]);
    expect(range.stderr).toContain("0.0.0.0:18210/tcp: address already in use");
    // Another address of the host's is another port.
    await tare.must(["run", "--rm", "-p", "127.0.0.2:18210:80", "busybox", "true"]);
    await close(program);
    await tare.must(["run", "--rm", "-p", "18210:80", "busybox", "true"]);
  });

  test("a port that a second engine publishes is refused: its socket is bound, and does not listen", async () => {
    await using other = new Installation();
    await other.must(["load", "-q", "-i", busyboxArchive()]);
    await other.must(["run", "-d", "--name", "first", "-p", "18215:80", "-p", "18215:80/udp", ...sleeper]);
    for (const ports of ["18215:80", "18215:80/udp"]) {
      const refused = await tare.tare(["run", "--rm", "-p", ports, "busybox", "true"]);
      expect(refused.stderr).toContain("address already in use");
    }
    await other.must(["rm", "-f", "first"]);
  });

  test("connections of the host that use a port are in nobody's way", async () => {
    const program = await listen(18_221, "127.0.0.1");
    const client = connect({ port: 18_221, host: "127.0.0.1", localPort: 18_220 });
    await once(client, "connect");
    await tare.must(["run", "--rm", "-p", "18220:80", "busybox", "true"]);
    client.destroy();
    await close(program);
    // Connections at it are still ending.
    await tare.must(["run", "-d", "--name", "web", "-p", "18221:80", ...server]);
    expect(await listen(18_221, "127.0.0.1")).toBe("EADDRINUSE");
    await tare.must(["rm", "-f", "web"]);
  });

  test("256 of a range are held, and programs at the others are reported", async () => {
    const before = await daemonSockets();
    // The container has IPv4 alone, so each port is relayed from IPv6 as well.
    const all = 256 + 1000;
    await tare.must(["run", "-d", "--name", "many", "-p", "20000-20999:20000-20999", ...sleeper]);
    await poll(async () => ((await daemonSockets()) >= before + all ? true : undefined), {
      everyMs: 30,
      timeoutMs: 20_000,
      what: `see ${all} sockets`,
    });
    // Those of this request, and of what the engine prewarms.
    expect(await daemonSockets()).toBeLessThan(before + all + 20);
    expect(await listen(20_000, "0.0.0.0")).toBe("EADDRINUSE");
    expect(await listen(20_255, "0.0.0.0")).toBe("EADDRINUSE");
    const programs = [await listen(20_256, "0.0.0.0"), await listen(20_999, "127.0.0.1")];
    const found = "conflict: a program on the host has bound 20256, 20999, too";
    expect(await tare.must(["ps", "--format", "{{.Reach}}", "--filter", "name=many"])).toContain(found);
    const rows = await ask("/tare/reach");
    expect(rows[0].Conflicts).toEqual([20_256, 20_999]);
    const check = await tare.tare(["system", "check"]);
    expect(check.status).not.toBe(0);
    expect(check.stdout).toMatch(/published port 20256\/tcp of container [0-9a-f]{12}/);
    expect(check.stdout).toContain("a program on the host has bound it as well, and receives nothing");
    for (const program of programs) await close(program);
    expect(await tare.must(["ps", "--format", "{{.Reach}}", "--filter", "name=many"])).not.toContain(
      "conflict",
    );
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    await tare.must(["rm", "-f", "many"]);
    await poll(async () => ((await daemonSockets()) <= before + 20 ? true : undefined), {
      everyMs: 30,
      timeoutMs: 20_000,
      what: "see the sockets closed",
    });
  });

  test("a new daemon holds them again, and reports those that a program took meanwhile", async () => {
    await tare.must(["run", "-d", "--name", "web", "-p", "18230-18231:80-81", ...server]);
    killDaemon(tare);
    const program = await poll(
      async () => {
        const opened = await listen(18_230, "127.0.0.1");
        return typeof opened === "string" ? undefined : opened;
      },
      { everyMs: 30, timeoutMs: 20_000, what: "bind the port of a killed daemon" },
    );
    expect(await tare.must(["ps", "--format", "{{.Reach}}"])).toContain(
      "conflict: a program on the host has bound 18230, too",
    );
    expect((await tare.tare(["system", "check"])).stdout).toContain("published port 18230/tcp");
    expect(await listen(18_231, "0.0.0.0")).toBe("EADDRINUSE");
    await close(program);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    // The check has taken it.
    expect(await listen(18_230, "0.0.0.0")).toBe("EADDRINUSE");
    await tare.must(["rm", "-f", "web"]);
  });
});

describe.skipIf(!isRoot)("HeldPorts", () => {
  const plan = bridgePlan("bounded", 1);
  const endpoint = (number: number, containerId = `container ${number}`): EndpointPlan =>
    endpointPlan(plan, number + 1, { containerId, ports: ports(`tcp ${20_000 + number * 300}+300:1`) });
  const openFiles = (): number => readdirSync("/proc/self/fd").length;
  /** All ports have been tried: 32 in each turn of the event loop. */
  const allTried = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  test("has 2048 sockets for all containers, and uses those of one that goes", async () => {
    using held = new HeldPorts();
    const before = openFiles();
    for (let number = 0; number < 10; number++) held.hold({ plan, endpoint: endpoint(number) });
    await allTried();
    expect(openFiles() - before).toBe(2048);
    held.release(endpoint(0).id);
    expect(openFiles() - before).toBe(2048 - 256);
    expect(held.conflicts()).toEqual([]); // those without a socket are tried again
    expect(openFiles() - before).toBe(2048);
  });

  test("has 256 sockets for all endpoints of a container", async () => {
    using held = new HeldPorts();
    const before = openFiles();
    for (let number = 0; number < 3; number++) held.hold({ plan, endpoint: endpoint(number, "one") });
    await allTried();
    expect(openFiles() - before).toBe(256);
  });

  test("keeps no datagram, and holds ports at addresses that the host does not have", async () => {
    using held = new HeldPorts();
    const published = ports("udp 29000:53", "tcp 192.0.2.77:29001:80");
    const before = openFiles();
    held.hold({ plan, endpoint: endpointPlan(plan, 2, { ports: published }) });
    expect(openFiles() - before).toBe(2);
    const sender = createSocket("udp4");
    await new Promise((resolve) => sender.send("datagram", 29_000, "127.0.0.1", resolve));
    sender.close();
    // The columns: number, local address, peer, state, bytes to send and to receive.
    const line = readFileSync("/proc/net/udp6", "latin1")
      .split("\n")
      .find((each) => each.includes(`:${(29_000).toString(16).toUpperCase()} `));
    expect(line?.trim().split(/\s+/)[4]).toBe("00000000:00000000");
  });
});
