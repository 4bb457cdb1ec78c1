import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server } from "node:net";
import { gunzipSync } from "node:zlib";
import { askApi } from "../support/ask-api.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { killDaemonAndWait } from "../support/fault-run.ts";
import { poll } from "../../src/base/deadline.ts";

async function udpReceiver(port: number): Promise<{ socket: UdpSocket; datagrams: Buffer[] }> {
  const socket = createSocket("udp4");
  const datagrams: Buffer[] = [];
  socket.on("message", (bytes) => datagrams.push(Buffer.from(bytes)));
  await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", () => resolve()));
  return { socket, datagrams };
}

async function tcpReceiver(port: number): Promise<{ server: Server; text: () => string; close: () => void }> {
  const pieces: Buffer[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => pieces.push(Buffer.from(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  return {
    server,
    text: () => Buffer.concat(pieces).toString("latin1"),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await poll(async () => (await isSo()) || undefined, {
    everyMs: 20,
    timeoutMs: 40_000,
    what: `see that ${what}`,
  });
}

interface Status {
  readonly Sent: number;
  readonly PendingBytes: number;
  readonly DroppedBytes: number;
  readonly Connected: boolean;
  readonly LastError: string;
}

describe.skipIf(!isRoot)("log drivers with receivers", () => {
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

  test("syslog by UDP: priority, name and tag of each line, of --rm containers too; logs still reads them", async () => {
    const { socket, datagrams } = await udpReceiver(5514);
    const options = ["--log-driver", "syslog", "--log-opt", "syslog-address=udp://127.0.0.1:5514"];
    const more = ["--log-opt", "syslog-format=rfc5424micro", "--log-opt", "tag={{.Name}}/{{.ImageName}}"];
    await tare.must([
      "run",
      "--name",
      "s1",
      ...options,
      ...more,
      "busybox",
      "sh",
      "-c",
      "echo one; echo two >&2",
    ]);
    await until("both have come", () => datagrams.length === 2);
    const texts = datagrams.map((bytes) => bytes.toString()).toSorted();
    expect(texts[0]).toMatch(
      /^<27>1 \d{4}-\d\d-\d\dT[\d:]+\.\d{6}(?:Z|[+-]\d\d:\d\d) \S+ s1\/busybox \d+ s1\/busybox - two\n$/,
    );
    expect(texts[1]).toMatch(/^<30>1 \S+ \S+ s1\/busybox \d+ s1\/busybox - one\n$/);
    expect(await tare.must(["logs", "s1"])).toContain("one");
    expect(await statusOf("s1")).toMatchObject({ Sent: 2, PendingBytes: 0, DroppedBytes: 0 });
    await tare.must(["run", "--rm", ...options, "busybox", "echo", "gone"]);
    await until("the line of a removed container has come", () => datagrams.length === 3);
    expect(datagrams[2]?.toString()).toMatch(
      /^<30>[A-Z][a-z]{2} [ \d]\d [\d:]{8} [0-9a-f]{12}\[\d+\]: gone\n$/,
    );
    socket.close();
  });

  test("gelf by UDP: a long line is compressed, in pieces of a datagram", async () => {
    const { socket, datagrams } = await udpReceiver(5515);
    const options = ["--log-driver", "gelf", "--log-opt", "gelf-address=udp://127.0.0.1:5515"];
    const more = ["--log-opt", "labels=role", "--label", "role=web"];
    await tare.must(["run", "--rm", "--name", "g1", ...options, ...more, "busybox", "echo", "hello"]);
    await until("it has come", () => datagrams.length === 1);
    expect(JSON.parse(gunzipSync(datagrams[0] ?? Buffer.alloc(0)).toString())).toMatchObject({
      version: "1.1",
      short_message: "hello",
      level: 6,
      _container_name: "g1",
      _command: "echo hello",
      _role: "web",
    });
    socket.close();
  });

  test("a dead receiver blocks nothing and is shown; what waits comes once when it is back, after kill -9, too", async () => {
    const options = ["--log-driver", "syslog", "--log-opt", "syslog-address=tcp://127.0.0.1:5516"];
    await tare.must([
      "run",
      "-d",
      "--name",
      "d1",
      ...options,
      "busybox",
      "sh",
      "-c",
      "seq 1 500; exec sleep 1000",
    ]);
    await until("the failure is shown", async () => (await statusOf("d1")).LastError !== "");
    expect((await statusOf("d1")).PendingBytes).toBeGreaterThan(1000);
    await killDaemonAndWait(tare);
    const receiver = await tcpReceiver(5516);
    await tare.must(["ps"]);
    await until("all has come", () => receiver.text().includes("]: 500\n"));
    const numbers = [...receiver.text().matchAll(/\]: (\d+)\n/g)].map((match) => Number(match[1]));
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
    await until("the position is recorded", async () => (await statusOf("d1")).Sent === 500);
    await killDaemonAndWait(tare);
    await tare.must(["exec", "d1", "sh", "-c", "echo more >/proc/1/fd/1"]);
    await until("the next line has come", () => receiver.text().includes("]: more\n"));
    expect(receiver.text().match(/\]: /g)?.length).toBe(501);
    receiver.close();
    await tare.must(["rm", "-f", "d1"]);
  });

  test("fluentd: records with the attributes, each confirmed", async () => {
    const pieces: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        pieces.push(Buffer.from(bytes));
        for (const [, chunk = ""] of bytes.toString("latin1").matchAll(/chunk\xb8([A-Za-z0-9+/=]{24})/g))
          socket.write(
            Buffer.concat([
              Buffer.from([0x81, 0xa3]),
              Buffer.from("ack"),
              Buffer.from([0xb8]),
              Buffer.from(chunk),
            ]),
          );
      });
    });
    await new Promise<void>((resolve) => server.listen(5517, "127.0.0.1", () => resolve()));
    const options = ["--log-driver", "fluentd", "--log-opt", "fluentd-address=127.0.0.1:5517"];
    const more = ["--log-opt", "fluentd-request-ack=true", "--log-opt", "env=COLOR", "-e", "COLOR=red"];
    await tare.must(["run", "--name", "f1", ...options, ...more, "busybox", "echo", "hi"]);
    await until("it is confirmed", async () => (await statusOf("f1")).Sent === 1);
    const text = Buffer.concat(pieces).toString("latin1");
    expect(text).toContain("\xaecontainer_name\xa3/f1");
    expect(text).toContain("\xa6source\xa6stdout");
    expect(text).toContain("\xa3log\xa2hi");
    expect(text).toContain("\xa5COLOR\xa3red");
    server.close();
    await tare.must(["rm", "f1"]);
  });

  test("a receiver that reads nothing stops neither the container nor the daemon", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.pause();
    });
    await new Promise<void>((resolve) => server.listen(5518, "127.0.0.1", () => resolve()));
    const options = ["--log-driver", "syslog", "--log-opt", "syslog-address=tcp://127.0.0.1:5518"];
    const limits = ["--log-opt", "cache-max-size=1m", "--log-opt", "cache-max-file=2"];
    const script = "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo; echo end";
    await tare.must(["run", "--name", "n1", ...options, ...limits, "busybox", "sh", "-c", script]);
    expect(await tare.must(["logs", "--tail", "1", "n1"])).toBe("end");
    await until("it is shown", async () => (await statusOf("n1")).LastError === "the receiver takes nothing");
    const status = await statusOf("n1");
    expect(status.PendingBytes).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "n1"]);
    server.close();
  }, 60_000);

  test("unknown drivers and options are refused; --details shows attributes; info lists the drivers", async () => {
    expect(await tare.refused(["create", "--log-driver", "splunk", "busybox"])).toContain(
      'error looking up logging plugin splunk: plugin "splunk" not found',
    );
    const { status, text } = await askApi(tare.socket, "POST", "/containers/create", {
      Image: "busybox",
      HostConfig: { LogConfig: { Type: "syslog", Config: { nope: "1" } } },
    });
    expect([status, text]).toEqual([400, '{"message":"unknown log opt \'nope\' for syslog log driver"}\n']);
    const options = [
      "--log-opt",
      "labels=a,b",
      "--log-opt",
      "tag={{.Name}}",
      "--label",
      "a=1 2",
      "--label",
      "c=3",
    ];
    await tare.must(["run", "--name", "j1", ...options, "busybox", "echo", "line"]);
    expect(await tare.must(["logs", "--details", "j1"])).toBe("a=1+2,tag=j1 line");
    expect(await tare.must(["info", "-f", "{{.Plugins.Log}}"])).toBe(
      "[fluentd gelf journald syslog json-file local none]",
    );
    const disabled = ["--log-driver", "journald", "--log-opt", "cache-disabled=true"];
    await tare.must(["run", "--name", "j2", ...disabled, "busybox", "true"]);
    expect(await tare.refused(["logs", "j2"])).toContain(
      "configured logging driver does not support reading",
    );
    await tare.must(["rm", "j1", "j2"]);
  });
});
