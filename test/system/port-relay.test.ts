/** Published ports at the host's IPv6 addresses of containers that have IPv4 alone: relayed by the daemon. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const patience = { timeoutMs: 30_000, everyMs: 50 } as const;

describe.skipIf(!isRoot)("relayed ports", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()]);
  });
  afterEach(async () => {
    const all = (await tare.must(["ps", "-aq"])).split("\n").filter(Boolean);
    if (all.length > 0) await tare.must(["rm", "-f", ...all]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  /** A server for each connection: it runs a command with the connection as its input and output. */
  const serve = async (name: string, command: string, ...flags: readonly string[]): Promise<void> => {
    const server = ["nc", "-ll", "-p", "80", "-e", "sh", "-c", command];
    await tare.must(["run", "-d", "--name", name, ...flags, "busybox", ...server]);
  };
  const open = async (port: number, host = "::1"): Promise<Socket> =>
    await poll(
      async () => {
        const socket = connect({ host, port, allowHalfOpen: true });
        return await once(socket, "connect").then(
          () => socket,
          () => undefined,
        );
      },
      { ...patience, what: `connect to [${host}]:${port}` },
    );
  const read = async (socket: Socket): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };
  /** The answer of a server that has begun; an empty one is from before that. */
  const ask = async (port: number, text = "", host = "::1"): Promise<string> =>
    await poll(
      async () => {
        const socket = await open(port, host);
        socket.end(text);
        return (
          (await read(socket).then(
            (bytes) => bytes.toString(),
            () => "",
          )) || undefined
        );
      },
      { ...patience, what: `an answer of port ${port}` },
    );

  test("are listed and answer at the addresses that the publication names, no others", async () => {
    const ports = ["-p", "18180:80", "-p", "[::1]:18181:80", "-p", "127.0.0.1:18182:80"];
    await serve("web", "echo answer", ...ports);
    expect((await tare.must(["port", "web"])).split("\n")).toEqual([
      "80/tcp -> 0.0.0.0:18180",
      "80/tcp -> 127.0.0.1:18182",
      "80/tcp -> [::1]:18181",
      "80/tcp -> [::]:18180",
    ]);
    expect(JSON.parse(await tare.must(["inspect", "-f", "{{json .NetworkSettings.Ports}}", "web"]))).toEqual({
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "18180" },
        { HostIp: "::", HostPort: "18180" },
        { HostIp: "::1", HostPort: "18181" },
        { HostIp: "127.0.0.1", HostPort: "18182" },
      ],
    });
    for (const port of [18180, 18181]) expect(await ask(port)).toBe("answer\n");
    expect(await ask(18182, "", "127.0.0.1")).toBe("answer\n");
    const refused = connect({ host: "::1", port: 18182 });
    const [thrown] = (await once(refused, "error")) as [NodeJS.ErrnoException];
    expect(thrown.code).toBe("ECONNREFUSED");
    await tare.must(["update", "--publish-add", "[::1]:18183:80", "--publish-rm", "18180", "web"]);
    expect(await ask(18183)).toBe("answer\n");
    expect(await tare.must(["port", "web"])).not.toContain("18180");
    await tare.must(["rm", "-f", "web"]);
    // Free for the next one at once.
    await serve("next", "echo next", "-p", "18183:80");
    expect(await ask(18183)).toBe("next\n");
  });

  test("carry every byte both ways, and the end of each direction alone", async () => {
    await serve("sum", "sha256sum", "-p", "18184:80");
    const bytes = randomBytes(32 << 20);
    expect(await ask(18184, "warm")).toContain("-");
    const socket = await open(18184);
    socket.end(bytes);
    const sum = createHash("sha256").update(bytes).digest("hex");
    expect((await read(socket)).toString()).toBe(`${sum}  -\n`);
    await serve("source", "head -c 33554432 /dev/zero", "-p", "18185:80");
    expect(await ask(18185)).toHaveLength(32 << 20);
  });

  const residentKb = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${tare.daemonPid()}/status`, "latin1"))?.[1]);

  test("hold back a sender whose receiver does not read", async () => {
    await serve("slow", "sleep 1000", "-p", "18186:80");
    const socket = await open(18186);
    const chunk = Buffer.alloc(1 << 20);
    const before = residentKb();
    let isHeld = false;
    for (let sent = 0; sent < 512 && !isHeld; sent++)
      isHeld =
        !socket.write(chunk) &&
        !(await once(socket, "drain", { signal: AbortSignal.timeout(3_000) }).then(
          () => true,
          () => false,
        ));
    expect(isHeld).toBe(true);
    // What both sides buffer is small, whatever the sender has.
    expect(residentKb() - before).toBeLessThan(64 << 10);
    socket.destroy();
  });

  test("carry datagrams both ways for several callers", async () => {
    await tare.must(["run", "-d", "--name", "echo", "-p", "18187:80/udp", "busybox", "sleep", "1000"]);
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "echo"]);
    const program = `const s = require("node:dgram").createSocket("udp4");
      s.on("message", (m, from) => s.send(m, from.port, from.address)).bind(80);`;
    const echo = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, process.execPath, "-e", program]);
    const callers = [createSocket("udp6"), createSocket("udp6")];
    const heard = callers.map(() => "");
    callers.forEach((caller, at) => caller.on("message", (message) => (heard[at] = String(message))));
    await poll(
      () => {
        callers.forEach((caller, at) => caller.send(`caller ${at}`, 18187, "::1"));
        return (heard[0] === "caller 0" && heard[1] === "caller 1") || undefined;
      },
      { ...patience, what: "hear an echo" },
    );
    for (const caller of callers) caller.close();
    echo.kill("SIGKILL");
  });

  test("answer containers of other networks by the host's address, but none of an internal one", async () => {
    await serve("web", "echo answer", "-p", "18191:80");
    expect(await ask(18191)).toBe("answer\n");
    const asked = async (name: string, number: string, ...flags: readonly string[]): Promise<string> => {
      await tare.must(["network", "create", "--ipv6", "--subnet", `fd00:${number}::/64`, ...flags, name]);
      const client = ["timeout", "5", "nc", `fd00:${number}::1`, "18191"];
      const { stdout } = await tare.tare(["run", "--rm", "--network", name, "busybox", ...client]);
      await tare.must(["system", "settle"]);
      await tare.must(["network", "rm", name]);
      return stdout;
    };
    expect(await asked("open", "78")).toBe("answer\n");
    expect(await asked("vault", "77", "--internal")).toBe("");
  });

  test("answer again by the next daemon after a kill, and end with the container", async () => {
    await serve("web", "cat", "-p", "18188:80");
    expect(await ask(18188, "before")).toBe("before");
    const cut = await open(18188);
    const closed = new Promise((resolve) => cut.on("error", resolve).on("end", resolve));
    cut.resume();
    killDaemon(tare);
    await closed;
    cut.destroy();
    await tare.must(["ps"]);
    expect(await ask(18188, "after")).toBe("after");
    const reset = once((await open(18188)).resume(), "error");
    await tare.must(["rm", "-f", "web"]);
    const [thrown] = (await reset) as [NodeJS.ErrnoException];
    expect(thrown.code ?? "").toMatch(/^(?:ECONNRESET|EPIPE)$/);
  });

  test("are switched off by userland-proxy=false: IPv4 alone is listed, and a port at IPv6 leads nowhere", async () => {
    await using plain = new Installation();
    const file = join(plain.directory, "daemon.json");
    writeFileSync(file, JSON.stringify({ "userland-proxy": false }));
    await plain.must(["--config-file", file, "load", "-qi", busyboxArchive()]);
    const run = ["run", "-d", "--name", "web", "-p", "18189:80", "-p", "[::1]:18190:80", "busybox"];
    const { status, stderr } = await plain.tare([...run, "sleep", "1000"]);
    expect(status).toBe(0);
    expect(stderr).toContain("port [::1]:18190/tcp leads nowhere");
    expect(await plain.must(["port", "web"])).toBe("80/tcp -> 0.0.0.0:18189");
    await plain.must(["rm", "-f", "web"]);
  });
});
