/** Log drivers with receivers of other kinds than log-drivers.test.ts: a real journal, TLS, and sockets of unix(7). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { poll } from "../../src/base/deadline.ts";
import { bindUnixSocket, openUnixSocket, receiveUnixMessage } from "../../src/linux/sockets/unix-message.ts";
import { makeCertificates } from "../support/certificates.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const journald = "/usr/lib/systemd/systemd-journald";
const hasJournal = isRoot && existsSync(journald) && existsSync("/usr/bin/journalctl");
if (isRoot && !hasJournal) console.log("skipped: a journal (apt-get install systemd)");

interface Status {
  readonly Sent: number;
  readonly PendingBytes: number;
  readonly DroppedBytes: number;
  readonly Connected: boolean;
  readonly LastError: string;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await poll(async () => (await isSo()) || undefined, {
    everyMs: 20,
    timeoutMs: 40_000,
    what: `see that ${what}`,
  });
}

/** Gathers what comes over the connections of a server. */
class Gathering implements Disposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  text = "";
  connections = 0;

  constructor(server: Server, event: "connection" | "secureConnection") {
    this.#server = server;
    server.on(event, (socket: Socket | TLSSocket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => (this.text += bytes.toString("latin1")));
    });
    server.on("tlsClientError", () => undefined);
  }

  async listen(
    where: { readonly port: number; readonly host: string } | { readonly path: string },
  ): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(where, () => resolve()));
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

describe.skipIf(!isRoot)("log drivers with other receivers", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const statusOf = async (name: string): Promise<Status> =>
    JSON.parse(await tare.must(["inspect", "-f", "{{json .Tare.LogForwarding}}", name])) as Status;

  const run = async (
    name: string,
    {
      driver,
      options,
      script,
    }: { readonly driver: string; readonly options: readonly string[]; readonly script: string },
  ): Promise<void> => {
    const flags = options.flatMap((option) => ["--log-opt", option]);
    await tare.must(["run", "--name", name, "--log-driver", driver, ...flags, "busybox", "sh", "-c", script]);
  };

  test("syslog over a stream of unix(7) goes on where it was when the receiver comes back", async () => {
    const path = join(tare.directory, "stream.sock");
    const options = [`syslog-address=unix://${path}`, "tag=T", "syslog-facility=local3"];
    {
      using receiver = new Gathering(createServer(), "connection");
      await receiver.listen({ path });
      await run("u1", { driver: "syslog", options, script: "echo one; echo two >&2" });
      await until("both lines have come", () => receiver.text.includes("two\n"));
      // SPEC: RFC 3164: 19 × 8 + 6 (info) or + 3 (error).
      expect(receiver.text).toMatch(/^<158>.* T\[\d+\]: one\n<155>.* T\[\d+\]: two\n$/);
    }
    rmSync(path, { force: true });
    await tare.must(["start", "-a", "u1"]);
    await until("the failure is shown", async () => (await statusOf("u1")).LastError !== "");
    using again = new Gathering(createServer(), "connection");
    await again.listen({ path });
    await until("both lines have come again", () => again.text.includes("two\n"));
    expect(again.text.match(/\]: (?:one|two)$/gm)).toEqual(["]: one", "]: two"]);
    await tare.must(["rm", "u1"]);
  });

  test("syslog over datagrams of unix(7), each line in one", async () => {
    const path = join(tare.directory, "datagram.sock");
    using socket = openUnixSocket("datagram");
    bindUnixSocket(socket.fd, path);
    const options = [`syslog-address=unixgram://${path}`, "syslog-format=rfc5424"];
    await run("g1", { driver: "syslog", options, script: "echo one; seq 1 300; echo last" });
    const lines: string[] = [];
    await until("all lines have come", () => {
      for (;;) {
        const message = receiveUnixMessage(socket.fd, { mostBytes: 65_536 });
        if (message === undefined) return lines.at(-1)?.endsWith(" last") === true;
        lines.push(Buffer.from(message.bytes).toString().trimEnd());
      }
    });
    expect(lines).toHaveLength(302);
    // SPEC: RFC 5424: priority and version, then the time.
    expect(lines[0]).toMatch(/^<30>1 \d{4}-\d\d-\d\dT\S+ .* one$/);
    expect((await statusOf("g1")).DroppedBytes).toBe(0);
    await tare.must(["rm", "g1"]);
  });

  test("syslog over TLS: the receiver's certificate is checked, unless it is not to be; it gets ours", async () => {
    const folder = join(tare.directory, "tls");
    mkdirSync(folder);
    const files = makeCertificates(folder);
    const server = createTlsServer({
      key: readFileSync(files.serverKey),
      cert: readFileSync(files.serverCert),
      ca: readFileSync(files.ca),
      requestCert: true,
      rejectUnauthorized: true,
    });
    using receiver = new Gathering(server, "secureConnection");
    await receiver.listen({ host: "127.0.0.1", port: 6514 });
    const address = "syslog-address=tcp+tls://127.0.0.1:6514";
    const own = [`syslog-tls-cert=${files.clientCert}`, `syslog-tls-key=${files.clientKey}`];
    await run("t1", {
      driver: "syslog",
      options: [address, `syslog-tls-ca-cert=${files.ca}`, ...own, "syslog-format=rfc5424"],
      script: "echo by TLS",
    });
    await until("the line has come", () => receiver.text.includes("by TLS"));
    // SPEC: RFC 5425, section 4.3: the length in front of each message.
    expect(receiver.text).toMatch(/^\d+ <30>1 /);
    const [length = ""] = receiver.text.split(" ", 1);
    expect(receiver.text.slice(length.length + 1)).toHaveLength(Number(length));

    await run("t2", {
      driver: "syslog",
      options: [address, `syslog-tls-ca-cert=${join(folder, "other-ca.pem")}`, ...own],
      script: "echo not trusted",
    });
    await until("it is not trusted", async () => /certificate/.test((await statusOf("t2")).LastError));
    await run("t3", {
      driver: "syslog",
      options: [address, "syslog-tls-skip-verify=true", ...own],
      script: "echo unchecked",
    });
    await until("the unchecked line has come", () => receiver.text.includes("unchecked"));
    const stranger = [`syslog-tls-cert=${files.strangerCert}`, `syslog-tls-key=${files.strangerKey}`];
    await run("t4", {
      driver: "syslog",
      options: [address, `syslog-tls-ca-cert=${files.ca}`, ...stranger],
      script: "echo stranger",
    });
    await until("the receiver refuses", async () => (await statusOf("t4")).LastError !== "");
    expect(receiver.text).not.toMatch(/not trusted|stranger/);
    await tare.must(["rm", "t1", "t2", "t3", "t4"]);
  });

  test("fluentd gives up after its retries, counts what is lost, and sends what comes then", async () => {
    const options = [
      "fluentd-address=127.0.0.1:5621",
      "fluentd-async=true",
      "fluentd-max-retries=2",
      "fluentd-retry-wait=10ms",
    ];
    await run("m1", { driver: "fluentd", options, script: "echo lost" });
    await until("it has given up", async () => (await statusOf("m1")).DroppedBytes > 0);
    const { DroppedBytes, PendingBytes, Sent } = await statusOf("m1");
    expect([DroppedBytes > 0, PendingBytes, Sent]).toEqual([true, 0, 0]);
    using receiver = new Gathering(createServer(), "connection");
    await receiver.listen({ host: "127.0.0.1", port: 5621 });
    await tare.must(["start", "-a", "m1"]);
    await until("the next run's line has come", () => receiver.text.includes("lost"));
    expect((await statusOf("m1")).Sent).toBe(1);
    await tare.must(["rm", "m1"]);
  });
});

describe.skipIf(!hasJournal)("journald with a real journal", () => {
  let tare: Installation;
  let journal: ChildProcess;

  beforeAll(async () => {
    // This file's mounts are its own.
    execFileSync("mount", ["-t", "tmpfs", "none", "/run"]);
    mkdirSync("/run/systemd/journal", { recursive: true });
    mkdirSync("/run/log/journal", { recursive: true });
    journal = spawn(journald, { stdio: "ignore" });
    await until("the journal listens", () => existsSync("/run/systemd/journal/socket"));
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    const ended = new Promise((resolve) => journal.once("exit", resolve));
    journal.kill();
    await ended;
  });

  /** What journalctl gives for the container. */
  const entriesOf = (name: string): readonly Readonly<Record<string, string>>[] => {
    const words = ["-D", "/run/log/journal", "-o", "json", "--all", "--no-pager", `CONTAINER_NAME=${name}`];
    const text = execFileSync("/usr/bin/journalctl", words, { encoding: "utf8", maxBuffer: 1 << 26 });
    return text
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Readonly<Record<string, string>>]));
  };

  test("has each line with dockerd's fields, a long one in parts", async () => {
    const script =
      'echo one; echo two >&2; printf "\\n"; head -c 40000 /dev/zero | tr "\\0" x; echo; echo done';
    const options = ["--log-driver", "journald", "--log-opt", "tag=T", "--log-opt", "labels=a.b"];
    const more = ["--log-opt", "env=COLOR", "-e", "COLOR=dark red", "-l", "a.b=c"];
    await tare.must(["run", "--name", "j1", ...options, ...more, "busybox", "sh", "-c", script]);
    await until("all lines are there", () => entriesOf("j1").length === 7);
    const id = await tare.must(["inspect", "-f", "{{.Id}}", "j1"]);
    const entries = entriesOf("j1");
    const linesOf = (priority: string): readonly (string | undefined)[] =>
      entries.filter((entry) => entry["PRIORITY"] === priority).map((entry) => entry["MESSAGE"]?.slice(0, 4));
    expect(linesOf("6")).toEqual(["one", "", "xxxx", "xxxx", "xxxx", "done"]);
    expect(linesOf("3")).toEqual(["two"]);
    expect(entries.find((entry) => entry["MESSAGE"] === "one")).toMatchObject({
      CONTAINER_ID: id.slice(0, 12),
      CONTAINER_ID_FULL: id,
      CONTAINER_TAG: "T",
      SYSLOG_IDENTIFIER: "T",
      IMAGE_NAME: "busybox",
      A_B: "c",
      COLOR: "dark red",
      SYSLOG_TIMESTAMP: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    const parts = entries.filter((entry) => entry["CONTAINER_PARTIAL_ID"] !== undefined);
    expect(parts.map((part) => part["MESSAGE"]).join("")).toBe("x".repeat(40_000));
    expect(parts.map((part) => [part["CONTAINER_PARTIAL_ORDINAL"], part["CONTAINER_PARTIAL_LAST"]])).toEqual([
      ["1", "false"],
      ["2", "false"],
      ["3", "true"],
    ]);
    expect((await tare.must(["logs", "j1"])).split("\n")).toContain("done");
    await tare.must(["rm", "j1"]);
  });
});
