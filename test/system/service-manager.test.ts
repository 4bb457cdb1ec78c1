import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { OwnedFd as Owned } from "../../src/linux/kernel/fd.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { openInetSocket, tryBind } from "../../src/linux/sockets/inet-socket.ts";
import { bindUnixSocket, openUnixSocket, receiveUnixMessage } from "../../src/linux/sockets/unix-message.ts";
import { parseIpAddress } from "../../src/spec/ip-address.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;

function openListener(path: string): OwnedFd {
  const socket = new Owned(call("socket", AF_UNIX, SOCK_STREAM, 0));
  bindUnixSocket(socket.fd, path);
  call("listen", socket.fd, 128);
  return socket;
}

/** What a process listens at with TCP, of either family. */
function tcpListenersOf(pid: number): readonly string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = ""]) => state === "0A" && inodes.has(inode))
      .map(([, address = ""]) => `${family} ${address}`),
  );
}

describe.skipIf(!isRoot)("a daemon that a service manager starts", () => {
  let tare: Installation;
  const daemons: ChildProcess[] = [];

  /** As systemd does: descriptor 3, and the number of the process that it is for. */
  const launch = (
    flags: readonly string[],
    { fd, env = {} }: { readonly fd?: number; readonly env?: Readonly<Record<string, string>> } = {},
  ): ChildProcess & { output: string } => {
    const listen = fd === undefined ? "" : "LISTEN_PID=$$ LISTEN_FDS=1";
    const words = [executable, ...tare.globalFlags, "daemon", ...flags];
    const child = spawn("sh", ["-c", `${listen} exec "$@"`, "sh", ...words], {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "pipe", ...(fd === undefined ? [] : [fd])],
      cwd: "/",
    });
    const launched = Object.assign(child, { output: "" });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (bytes: Buffer) => (launched.output += bytes.toString()));
    daemons.push(child);
    return launched;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };

  beforeAll(() => {
    tare = new Installation();
  });
  afterAll(async () => {
    for (const daemon of daemons) await end(daemon);
    await tare[Symbol.asyncDispose]();
  });

  test("serves at the socket that it inherits, reports its state, and leaves the socket", async () => {
    using listener = openListener(tare.socket);
    const notifyPath = join(tare.directory, "notify");
    using notify = openUnixSocket("datagram");
    bindUnixSocket(notify.fd, notifyPath);
    const received: string[] = [];
    const receive = (text: string): Promise<unknown> =>
      poll(
        () => {
          for (;;) {
            const message = receiveUnixMessage(notify.fd, { mostBytes: 4096 });
            if (message === undefined) break;
            received.push(Buffer.from(message.bytes).toString());
          }
          return received.some((one) => one.includes(text)) || undefined;
        },
        { what: `receive ${text}`, timeoutMs: 60_000 },
      );
    const env = { NOTIFY_SOCKET: notifyPath, WATCHDOG_USEC: "200000" };

    // A client that comes before the daemon waits for it: nothing else starts one.
    const early = tare.tare(["version", "--format", "{{.Server.Version}}"]);
    const daemon = launch(["--host", "fd://"], { fd: listener.fd, env });
    expect(await early).toMatchObject({ status: 0, stderr: "" });
    await receive("READY=1");
    expect(received[0]).toBe(`READY=1\nSTATUS=serving at unix://${tare.socket}\n`);
    await receive("WATCHDOG=1");
    expect(tcpListenersOf(daemon.pid ?? 0)).toEqual([]);
    expect(await tare.must(["run", "--rm", "hello"])).toContain("started in");

    // A command of another build does not replace the service.
    writeFileSync(`${tare.socket}.build`, "another");
    const other = await tare.tare(["ps", "-q"]);
    expect(other).toMatchObject({ status: 0, stdout: "" });
    expect(other.stderr).toMatch(/^tare: the daemon is of build another, .*systemctl restart tare\n$/);
    expect(daemon.exitCode).toBeNull();

    await end(daemon);
    expect(daemon.exitCode).toBe(0);
    await receive("STOPPING=1");
    expect(existsSync(tare.socket)).toBe(true);

    // The next one takes the same socket, with the request that waits there.
    const waiting = tare.tare(["ps", "-q"]);
    const next = launch(["--host", "fd://"], { fd: listener.fd });
    expect(await waiting).toMatchObject({ status: 0 });
    await end(next);
    spawnSync("rm", [tare.socket]);
  }, 120_000);

  test("refuses what is no Unix socket, and a start without one", async () => {
    using tcp = openInetSocket(4, "tcp");
    expect(tryBind(tcp.fd, { address: parseIpAddress("127.0.0.1"), port: 0 })).toBe(true);
    call("listen", tcp.fd, 8);
    const refused = launch(["--host", "fd://"], { fd: tcp.fd });
    await once(refused, "exit");
    expect([refused.exitCode, refused.output]).toEqual([
      1,
      expect.stringContaining('cannot serve at "fd://": the socket must be a listening Unix stream socket'),
    ]);
    const without = launch(["--host", "fd://"]);
    await once(without, "exit");
    expect([without.exitCode, without.output]).toEqual([
      1,
      expect.stringContaining("want one socket from the service manager, not 0"),
    ]);
  });

  test("--socket-group: its members use the socket, others do not", async () => {
    const unknown = launch(["--socket-group", "no-such-group"]);
    await once(unknown, "exit");
    expect(unknown.output).toContain('the group "no-such-group": it does not exist; run: groupadd --system');
    expect(existsSync(tare.socket)).toBe(false);

    const daemon = launch(["--socket-group", "daemon", "--socket-mode", "0620"]);
    await poll(() => daemon.output.includes("serving at") || undefined, { what: "serve", timeoutMs: 60_000 });
    const modes = [tare.socket, tare.runRoot]
      .map((path) => statSync(path))
      .map(({ mode, gid }) => [mode & 0o777, gid]); // of the directory: search alone
    expect(modes).toEqual([
      [0o620, 1],
      [0o710, 1],
    ]);
    spawnSync("chmod", ["755", tare.directory]);
    // By its rights alone: the executable would say that it needs root.
    const script =
      "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'); print(s.recv(15))";
    const ping = (groups: string): string => {
      const identity = ["--reuid=65534", "--regid=65534", groups];
      const { stdout, stderr } = spawnSync(
        "setpriv",
        [...identity, "/usr/bin/python3", "-c", script, tare.socket],
        {
          encoding: "utf8",
        },
      );
      return stdout + stderr;
    };
    expect(ping("--groups=1")).toBe("b'HTTP/1.1 200 OK'\n");
    expect(ping("--clear-groups")).toContain("Permission denied");
    await end(daemon);
  });
});
