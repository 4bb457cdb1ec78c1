import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type NameServer, openNameServer } from "../../src/network/name-server.ts";
import { decodeQuery, encodeReply, type Reply } from "../../src/network/dns/message.ts";
import { queryBytes } from "../support/dns-query.ts";
import { findNode24 } from "../support/node-24.ts";
import { makeNetworkHost, type NetworkHost } from "../support/network-host.ts";
import { poll } from "../support/patience.ts";

let container: NetworkHost;
let names: NameServer;
let open = new AsyncDisposableStack();
const directory = mkdtempSync(join(tmpdir(), "tare-names-"));

afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  open = new AsyncDisposableStack();
  container = open.use(makeNetworkHost());
  names = open.use(openNameServer());
  names.addNetwork("n", "front");
  names.addEntry("n", { endpointId: "e1", names: ["web", "www"], addresses: ["172.18.0.2", "fd00::2"] });
  names.addEntry("n", { endpointId: "e2", names: ["db", "www"], addresses: ["172.18.0.3"] });
});
afterEach(async () => await open.disposeAsync());

async function dig(...args: readonly string[]): Promise<string> {
  return (await container.run("dig", "@127.0.0.11", "+timeout=8", "+tries=1", ...args)).trim();
}

/** A name server on the host that answers as told; counts who asks. */
async function startUpstream(
  answer: (name: string, protocol: "udp" | "tcp") => Reply | "nothing" | "another id",
): Promise<{ readonly port: number; asked: string[]; readonly fromPorts: Set<number> }> {
  const asked: string[] = [];
  const fromPorts = new Set<number>();
  const replyTo = (bytes: Uint8Array, protocol: "udp" | "tcp"): Uint8Array | undefined => {
    const query = decodeQuery(bytes);
    if (query === undefined || "code" in query) return undefined;
    asked.push(`${protocol} ${query.name}`);
    const reply = answer(query.name, protocol);
    if (reply === "nothing") return undefined;
    const id = reply === "another id" ? (query.id + 1) & 0xffff : query.id;
    const given = reply === "another id" ? { code: 0, answers: [], ttlSeconds: 1 } : reply;
    return encodeReply({ ...query, id }, given, protocol === "udp" ? query.udpBytes : 0xffff);
  };
  const udp = createSocket("udp4");
  udp.on("message", (bytes: Buffer, from: RemoteInfo) => {
    fromPorts.add(from.port);
    const reply = replyTo(bytes, "udp");
    if (reply !== undefined) udp.send(reply, from.port, from.address);
  });
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  const { port } = udp.address();
  const tcp = createServer((socket) => {
    socket.on("data", (bytes) => {
      const reply = replyTo(bytes.subarray(2), "tcp");
      if (reply === undefined) return;
      socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 0xff), reply]));
    });
    socket.on("error", () => {});
  });
  tcp.listen(port, "127.0.0.1");
  await once(tcp, "listening");
  open.defer(() => {
    udp.close();
    tcp.close();
  });
  return { port: (tcp.address() as AddressInfo).port, asked, fromPorts };
}

const one = (last: number): Reply => ({
  code: 0,
  answers: [{ type: 1, data: Uint8Array.of(192, 0, 2, last) }],
  ttlSeconds: 60,
});

function serve(...ports: readonly number[]): void {
  names.serve("c", {
    netns: container.netns,
    view: {
      networks: [{ id: "n", links: [["database", "db"]] }],
      upstreams: ports.map((port) => ({ address: "127.0.0.1", port, from: "host" })),
    },
  });
}

describe("names of containers", () => {
  test("are answered over UDP and TCP, IPv4 and IPv6, both ways, with links and in turns", async () => {
    serve();
    expect(await dig("+short", "web")).toBe("172.18.0.2");
    expect(await dig("+short", "+tcp", "WEB.front")).toBe("172.18.0.2");
    expect(await dig("+short", "web", "AAAA")).toBe("fd00::2");
    expect(await dig("+short", "-x", "172.18.0.3")).toBe("db.front.");
    expect(await dig("+short", "-x", "fd00::2")).toBe("web.front.");
    expect(await dig("+short", "database")).toBe("172.18.0.3");
    const turns = [await dig("+short", "www"), await dig("+short", "www")];
    expect(turns.toSorted()).toEqual(["172.18.0.2\n172.18.0.3", "172.18.0.3\n172.18.0.2"]);
    expect(await dig("db", "AAAA")).toContain("status: NOERROR");
  });

  test("change while they are served", async () => {
    serve();
    names.removeEntry("n", "e1");
    names.addEntry("n", { endpointId: "e3", names: ["late"], addresses: ["172.18.0.4"] });
    expect(await dig("+short", "late")).toBe("172.18.0.4");
    expect(await dig("web")).toContain("status: SERVFAIL");
    names.setView("c", { networks: [], upstreams: [] });
    expect(await dig("late")).toContain("status: SERVFAIL");
  });

  test("eighty addresses of one name are cut over UDP and whole over TCP, which dig tries by itself", async () => {
    for (let at = 0; at < 80; at++)
      names.addEntry("n", { endpointId: `m${at}`, names: ["many"], addresses: [`172.18.1.${at}`] });
    serve();
    expect(
      (await dig("+short", "+noedns", "many")).split("\n").filter((line) => /^\d/.test(line)),
    ).toHaveLength(80);
    expect(await dig("+noedns", "+ignore", "many")).toContain("flags: qr tc rd ra");
  });

  test("a name server of the container's own may have port 53 of all addresses", async () => {
    serve();
    const program = `
      const socket = require("node:dgram").createSocket("udp4");
      socket.on("error", (error) => { console.log(error.code); process.exit(1); });
      socket.bind(53, "0.0.0.0", () => { console.log("bound"); socket.close(); });`;
    expect(await container.run(process.execPath, "-e", program)).toBe("bound\n");
    expect(await dig("+short", "web")).toBe("172.18.0.2");
  });
});

describe("other names", () => {
  test("are asked from the upstream, over the protocol that the container used, each from a port of its own", async () => {
    const upstream = await startUpstream(() => one(7));
    serve(upstream.port);
    expect(await dig("+short", "example.org")).toBe("192.0.2.7");
    expect(await dig("+short", "+tcp", "example.org")).toBe("192.0.2.7");
    for (let at = 0; at < 5; at++) await dig("+short", `n${at}.example`);
    expect(upstream.asked.slice(0, 2)).toEqual(["udp example.org", "tcp example.org"]);
    expect(upstream.fromPorts.size).toBeGreaterThan(3);
  });

  test("the next upstream is asked when one refuses, is silent, fails or answers something else", async () => {
    const good = await startUpstream(() => one(9));
    const failing = await startUpstream(() => ({ code: 2, answers: [], ttlSeconds: 0 }));
    const silent = await startUpstream(() => "nothing");
    const lying = await startUpstream(() => "another id");
    const nobody = 1;
    for (const first of [failing.port, silent.port, lying.port, nobody]) {
      serve(first, good.port);
      expect(await dig("+short", "example.org")).toBe("192.0.2.9");
    }
  });

  test("without an answer the container hears so, soon", async () => {
    const failing = await startUpstream(() => ({ code: 5, answers: [], ttlSeconds: 0 }));
    serve(1, failing.port);
    expect(await dig("example.org")).toContain("status: REFUSED");
    serve(1);
    expect(await dig("example.org")).toContain("status: SERVFAIL");
    expect(await dig("+tcp", "example.org")).toContain("status: SERVFAIL");
  });

  test("what the container may not reach, its questions do not reach either", async () => {
    const upstream = await startUpstream(() => one(7));
    names.serve("c", {
      netns: container.netns,
      view: {
        networks: [{ id: "n" }],
        upstreams: [{ address: "127.0.0.1", port: upstream.port, from: "container" }],
      },
    });
    expect(await dig("example.org")).toContain("status: SERVFAIL");
    expect(upstream.asked).toEqual([]);
  });

  test("a flood of questions that nobody answers is refused beyond a bound, and names go on being answered", async () => {
    const silent = await startUpstream(() => "nothing");
    serve(silent.port);
    await dig("+short", "web"); // the thread runs
    const program = `
      const socket = require("node:dgram").createSocket("udp4");
      let refused = 0;
      socket.on("message", (bytes) => { if ((bytes[3] & 15) === 5) refused++; });
      const question = Buffer.from("${Buffer.from(queryBytes({ id: 5, name: "x.example", type: 1 })).toString("hex")}", "hex");
      let sent = 0;
      const next = () => { for (let n = 0; n < 20; n++) socket.send(question, 53, "127.0.0.11");
        sent += 20; if (sent < 600) setTimeout(next, 5); else setTimeout(() => { console.log(refused); process.exit(0); }, 300); };
      next();`;
    const [refused, web] = await Promise.all([
      container.run(process.execPath, "-e", program),
      sleep(100).then(() => dig("+short", "web")),
    ]);
    expect(Number(refused)).toBeGreaterThan(0);
    expect(web).toBe("172.18.0.2");
  });
});

test("one container with many queries and connections leaves others their share of what all may have", async () => {
  names[Symbol.dispose]();
  names = open.use(openNameServer({ queries: 8, connections: 4 }));
  const other = open.use(makeNetworkHost());
  const silent = await startUpstream(() => "nothing");
  const good = await startUpstream(() => one(7));
  const serveBy = (id: string, netns: number, port: number): void =>
    names.serve(id, {
      netns,
      view: { networks: [], upstreams: [{ address: "127.0.0.1", port, from: "host" }] },
    });
  serveBy("greedy", container.netns, silent.port);
  serveBy("modest", other.netns, good.port);
  const program = `
    const socket = require("node:dgram").createSocket("udp4");
    const question = Buffer.from("${Buffer.from(queryBytes({ id: 5, name: "x.example", type: 1 })).toString("hex")}", "hex");
    let refused = 0, closed = 0;
    const look = () => { if (refused >= 4 && closed >= 8) console.log("full"); };
    socket.on("message", (bytes) => { if ((bytes[3] & 15) === 5) refused++; look(); });
    setInterval(() => { for (let n = 0; n < 8; n++) socket.send(question, 53, "127.0.0.11"); }, 20);
    for (let n = 0; n < 10; n++) {
      const connection = require("node:net").connect(53, "127.0.0.11");
      connection.on("error", () => {});
      connection.on("close", () => { closed++; look(); });
    }`;
  const greedy = spawn("nsenter", [`--net=/proc/${container.pid}/ns/net`, process.execPath, "-e", program]);
  open.defer(() => void greedy.kill("SIGKILL"));
  const before = readdirSync("/proc/self/fd").length;
  await once(greedy.stdout, "data");
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 8 + 4 + 8); // the thread's are ours
  const modest = (...words: readonly string[]): Promise<string> =>
    other.run("dig", "@127.0.0.11", "+short", "+timeout=8", "+tries=1", ...words);
  expect((await modest("example.org")).trim()).toBe("192.0.2.7");
  expect((await modest("+tcp", "example.org")).trim()).toBe("192.0.2.7");
});

describe("serving", () => {
  test("anew, by another process, finds the same port and replaces what was there", async () => {
    serve();
    expect(await dig("+short", "web")).toBe("172.18.0.2");
    names[Symbol.dispose]();
    while ((await container.run("ss", "-lntuH")) !== "") await sleep(20);
    names = open.use(openNameServer());
    names.addNetwork("n", "front");
    names.addEntry("n", { endpointId: "e1", names: ["web"], addresses: ["172.18.0.7"] });
    serve();
    expect(await dig("+short", "web")).toBe("172.18.0.7");
    const sockets = await container.run("ss", "-lntuH");
    expect(sockets.match(/127\.0\.0\.11:\d+/g)?.toSorted()).toEqual(["127.0.0.11:1011", "127.0.0.11:1011"]);
  });

  test("a port that the container has taken is left to it", async () => {
    const program = `require("node:dgram").createSocket("udp4").bind(1011, "0.0.0.0", () => console.log("bound"));`;
    const taker = spawn("nsenter", [`--net=/proc/${container.pid}/ns/net`, process.execPath, "-e", program]);
    open.defer(() => void taker.kill("SIGKILL"));
    await once(taker.stdout, "data");
    serve();
    expect(await dig("+short", "web")).toBe("172.18.0.2");
    expect(await container.run("ss", "-lnuH")).toContain("127.0.0.11:1010");
  });

  test("ends without a trace: no socket, no thread that holds the namespace, no descriptor", async () => {
    const count = (): number => readdirSync("/proc/self/fd").length;
    serve();
    await dig("+short", "web");
    names.stop("c");
    const before = count();
    for (let at = 0; at < 20; at++) {
      serve();
      if (at % 5 === 0) await dig("+short", "web");
      names.stop("c");
    }
    for (let wait = 0; wait < 100 && count() > before; wait++) await sleep(50);
    expect(count()).toBeLessThanOrEqual(before);
    expect(await container.run("ss", "-lntuH")).toBe("");
  });

  test("twenty containers, each with its own view", async () => {
    const others = Array.from({ length: 20 }, () => open.use(makeNetworkHost()));
    for (const [at, other] of others.entries()) {
      names.addEntry("n", { endpointId: `x${at}`, names: [`x${at}`], addresses: [`172.18.2.${at}`] });
      names.serve(`c${at}`, {
        netns: other.netns,
        view: { networks: [{ id: "n", links: [["me", `x${at}`]] }], upstreams: [] },
      });
    }
    const told = await Promise.all(
      others.map((other) => other.run("dig", "@127.0.0.11", "+short", "+timeout=8", "me")),
    );
    expect(told.map((text) => text.trim())).toEqual(others.map((_, at) => `172.18.2.${at}`));
  });
});

const runtimes: readonly (readonly [name: string, program: string | undefined])[] = [
  ["Bun", process.execPath],
  ["Node", findNode24()],
];

for (const [name, runtime = ""] of runtimes) {
  describe.skipIf(runtime === "")(`five thousand names on ${name}`, () => {
    const module = new URL("../../src/network/name-server.ts", import.meta.url).href;

    /** A process that has them, serves the container and goes on as told. */
    function begin(after: string): ReturnType<typeof spawn> & { said: string } {
      const file = join(directory, "names.mjs");
      writeFileSync(
        file,
        `import { openSync } from "node:fs";
        import { openNameServer } from ${JSON.stringify(module)};
        const names = openNameServer();
        names.addNetwork("n", "front");
        for (let at = 0; at < 5000; at++)
          names.addEntry("n", { endpointId: "e" + at, names: ["x" + at, "other-name-of-" + at], addresses: ["172.18." + (at >> 8) + "." + (at & 255)] });
        const netns = openSync("/proc/${container.pid}/ns/net");
        names.serve("c", { netns, view: { networks: [{ id: "n" }], upstreams: [] } });
        ${after}`,
      );
      const child = Object.assign(spawn(runtime, ["--disable-warning=ExperimentalWarning", file]), {
        said: "",
      });
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (bytes: Buffer) => (child.said += bytes.toString()));
      open.defer(() => void child.kill("SIGKILL"));
      return child;
    }

    for (const afterMs of [0, 5, 100, 1000]) {
      test(`exit() after ${afterMs} ms ends the process at once, whatever its thread does`, async () => {
        const child = begin(
          `setTimeout(() => { process.stdout.write("exits"); process.exit(3); }, ${afterMs});`,
        );
        const closed = once(child, "close");
        await poll(() => (child.said === "" ? undefined : true), { timeoutMs: 20_000, what: "see it exit" });
        const begun = performance.now();
        expect(await closed).toEqual([3, null]);
        expect(child.said).toBe("exits");
        expect(performance.now() - begun).toBeLessThan(5_000);
      });
    }

    test("the main thread does not wait until the other one has read them", async () => {
      // Another process may have had the processor: it is enough to see it once.
      let held = Infinity;
      for (let attempt = 0; attempt < 4 && held > 150; attempt++) {
        const child = begin(`
          const begun = performance.now();
          let last = begun, longest = 0;
          const look = () => {
            const now = performance.now();
            longest = Math.max(longest, now - last);
            last = now;
            if (now - begun < 1500) setTimeout(look, 1);
            else { console.log(longest); setTimeout(() => {}, 60_000); }
          };
          look();`);
        await poll(() => (child.said === "" ? undefined : true), { timeoutMs: 20_000, what: "hear of it" });
        held = Math.min(held, Number(child.said));
        expect(await dig("+short", "x4999")).toBe("172.18.19.135");
        expect(await dig("+short", "other-name-of-0")).toBe("172.18.0.0");
        child.kill("SIGKILL");
        await once(child, "close");
      }
      expect(held).toBeLessThan(150);
    });
  });
}
