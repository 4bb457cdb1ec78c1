import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { encodeFrame } from "../../../src/spec/stream-frames.ts";
import type { Port } from "../../../src/api/types/container.ts";
import { formatPorts } from "../../../src/cli/format/ports.ts";
import { Failure, type FailureDetails } from "../../../src/base/failure.ts";
import { runCommandLine } from "./command-line.ts";

const id = "0123456789abcdef".repeat(4);
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tare-commands-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fromDaemon(kind: "not-found" | "conflict", sentence: string): Failure {
  return new Failure(kind, sentence, { details: { fromDaemon: true, status: 404 } });
}

describe("ps", () => {
  const web = {
    Id: id,
    Names: ["/web", "/other/link"],
    Image: "busybox",
    ImageID: "sha256:aa",
    Command: "sh -c 'while true; do sleep 1; done'",
    Created: Math.floor(Date.now() / 1000) - 300,
    Ports: [
      { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      { PrivatePort: 444, Type: "tcp" },
      { PrivatePort: 443, Type: "tcp" },
      { PrivatePort: 53, Type: "udp" },
      { IP: "0.0.0.0", PrivatePort: 22, PublicPort: 22, Type: "tcp" },
    ],
    Labels: { b: "c", "com.x.role": "a" },
    State: "running",
    Status: "Up 5 minutes",
    NetworkSettings: { Networks: { none: {} } },
    Mounts: [{ Type: "bind", Source: "/a/very/long/path/indeed" }],
    SizeRw: 1234,
    SizeRootFs: 5_678_901,
  };
  const asked: object[] = [];
  const list = async (options: object): Promise<object[]> => {
    asked.push(options);
    return [web];
  };
  const ps = (...argv: readonly string[]) =>
    runCommandLine(["ps", ...argv], { client: { containers: { list } } });

  test("prints docker's table", async () => {
    expect((await ps()).out).toBe(
      "CONTAINER ID   IMAGE     COMMAND                  CREATED         STATUS         PORTS                                                           NAMES\n" +
        '0123456789ab   busybox   "sh -c \'while true; …"   5 minutes ago   Up 5 minutes   0.0.0.0:22->22/tcp, 53/udp, 443-444/tcp, 0.0.0.0:8080->80/tcp   web\n',
    );
  });

  test.each<[readonly string[], string]>([
    [["-q"], "0123456789ab\n"],
    [["-q", "--no-trunc"], `${id}\n`],
    [
      ["--no-trunc", "--format", "{{.Names}} {{.Command}} {{.Mounts}}"],
      "web,other/link \"sh -c 'while true; do sleep 1; done'\" /a/very/long/path/indeed\n",
    ],
    [
      [
        "--format",
        '{{.Mounts}}|{{.Networks}}|{{.Labels}}|{{.Label "b"}}|{{.Label "x"}}|{{.Size}}|{{.LocalVolumes}}|{{.State}}',
      ],
      "/a/very/long/p…|none|b=c,com.x.role=a|c||1.23kB (virtual 5.68MB)|0|running\n",
    ],
  ])("with %p prints %p", async (argv, out) => expect((await ps(...argv)).out).toBe(out));

  test("asks the daemon for what the flags say", async () => {
    asked.length = 0;
    await ps("-a", "-n", "2", "-f", "status=exited", "--filter", "status=created");
    await ps("-l");
    await ps("--format", "{{.Size}}");
    expect(asked).toEqual([
      { all: true, limit: 2, size: false, filters: { status: ["exited", "created"] } },
      { all: false, limit: 1, size: false, filters: {} },
      { all: false, size: true, filters: {} },
    ]);
  });
});

describe("formatPorts()", () => {
  const port = (PrivatePort: number, Type: "tcp" | "udp", IP?: string, PublicPort?: number): Port => ({
    PrivatePort,
    Type,
    ...(IP === undefined ? {} : { IP }),
    ...(PublicPort === undefined ? {} : { PublicPort }),
  });
  // As docker-cli 26.1 prints them.
  test.each<[readonly Port[], string]>([
    [[], ""],
    [[port(80, "tcp")], "80/tcp"],
    [[port(81, "tcp"), port(80, "tcp"), port(80, "udp")], "80-81/tcp, 80/udp"],
    [
      [port(80, "tcp", "0.0.0.0", 8080), port(80, "tcp", "::", 8080)],
      "0.0.0.0:8080->80/tcp, :::8080->80/tcp",
    ],
    [
      [port(446, "tcp"), port(443, "tcp"), port(22, "tcp", "0.0.0.0", 22), port(23, "tcp", "0.0.0.0", 23)],
      "443/tcp, 0.0.0.0:22-23->22-23/tcp, 446/tcp",
    ],
  ])("lists %p as %p", (ports, text) => expect(formatPorts(ports)).toBe(text));
});

describe("images", () => {
  const list = async (): Promise<object[]> => [
    {
      Id: `sha256:${"1".repeat(64)}`,
      RepoTags: ["localhost:5000/a/b:v1", "b:latest"],
      RepoDigests: ["b@sha256:22"],
      Created: Math.floor(Date.now() / 1000) - 86400 * 3,
      Size: 4_261_550,
      SharedSize: -1,
      Containers: -1,
    },
    {
      Id: `sha256:${"3".repeat(64)}`,
      RepoTags: null,
      RepoDigests: [],
      Created: Math.floor(Date.now() / 1000) - 86400 * 3,
      Size: 999,
      SharedSize: -1,
      Containers: -1,
    },
  ];
  const images = (...argv: readonly string[]) =>
    runCommandLine(["images", ...argv], { client: { images: { list } } });

  test("prints docker's table, one line a name", async () => {
    expect((await images()).out).toBe(
      "REPOSITORY           TAG       IMAGE ID       CREATED      SIZE\n" +
        "localhost:5000/a/b   v1        111111111111   3 days ago   4.26MB\n" +
        "b                    latest    111111111111   3 days ago   4.26MB\n" +
        "<none>               <none>    333333333333   3 days ago   999B\n",
    );
  });

  test("shows digests next to the names they belong to", async () => {
    expect((await images("--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}")).out).toBe(
      "localhost:5000/a/b v1 <none>\nb latest sha256:22\n<none> <none> <none>\n",
    );
  });
});

describe("history and tag", () => {
  test("history prints docker's table", async () => {
    const item = {
      Id: "sha256:0123456789abcdef",
      Created: Math.floor(Date.now() / 1000) - 7200,
      CreatedBy: `RUN ${"x".repeat(60)}`,
      Tags: null,
      Size: 2_020_000,
      Comment: "c",
    };
    const client = {
      images: {
        history: async () => [
          item,
          { ...item, Id: "<missing>", Created: 0, CreatedBy: "a", Size: 0, Comment: "" },
        ],
      },
    };
    expect((await runCommandLine(["history", "x"], { client })).out).toBe(
      "IMAGE          CREATED       CREATED BY                                      SIZE      COMMENT\n" +
        `0123456789ab   2 hours ago   RUN ${"x".repeat(40)}…   2.02MB    c\n` +
        "<missing>      N/A           a                                               0B        \n",
    );
  });

  test("tag takes a registry's port for no tag", async () => {
    const asked: unknown[] = [];
    const client = { images: { tag: async (...call: unknown[]) => void asked.push(call) } };
    for (const target of ["a:1", "localhost:5000/a", "localhost:5000/a:1"])
      await runCommandLine(["tag", "x", target], { client });
    expect(asked).toEqual([
      ["x", { repository: "a", tag: "1" }],
      ["x", { repository: "localhost:5000/a" }],
      ["x", { repository: "localhost:5000/a", tag: "1" }],
    ]);
  });
});

describe("inspect", () => {
  const containers = {
    inspect: async (reference: string) => {
      if (reference !== "web") throw fromDaemon("not-found", `No such container: ${reference}`);
      return { Id: id, State: { Status: "running" }, Config: { Cmd: null, Labels: null } };
    },
  };
  const images = {
    inspect: async (reference: string) => {
      if (reference !== "busybox") throw fromDaemon("not-found", `No such image: ${reference}`);
      return { Id: "sha256:11", RepoTags: ["busybox:latest"] };
    },
  };
  const volumes = {
    inspect: async (name: string) => {
      if (name !== "data") throw fromDaemon("not-found", `get ${name}: no such volume`);
      return { Name: "data", Options: null };
    },
  };
  const networks = {
    inspect: async (name: string) => {
      if (name !== "lan") throw fromDaemon("not-found", `network ${name} not found`);
      return { Name: "lan", Labels: null };
    },
  };
  const client = { containers, images, networks, volumes };

  test("prints all that it finds and says what is missing", async () => {
    const { status, out, err } = await runCommandLine(["inspect", "web", "nope", "busybox", "lan", "data"], {
      client,
    });
    expect(JSON.parse(out)).toEqual([
      await containers.inspect("web"),
      await images.inspect("busybox"),
      await networks.inspect("lan"),
      await volumes.inspect("data"),
    ]);
    expect(out).toStartWith('[\n    {\n        "Id"');
    expect([status, err]).toEqual([1, "tare: No such object: nope\n"]);
  });

  test("prints an empty list when there is nothing", async () => {
    expect(await runCommandLine(["container", "inspect", "busybox"], { client })).toMatchObject({
      status: 1,
      out: "[]\n",
      err: "tare: No such container: busybox\n",
    });
    expect(await runCommandLine(["inspect", "--type", "image", "web"], { client })).toMatchObject({
      status: 1,
      out: "[]\n",
    });
  });

  test.each([
    ["{{.ID}} {{.Config.Cmd}} {{.Config.Labels}} {{json .Config.Cmd}}", `${id} [] map[] null\n`],
    ["{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none\n"],
    ["json", `{"Id":"${id}","State":{"Status":"running"},"Config":{"Cmd":null,"Labels":null}}\n`],
  ])("renders %p", async (format, out) => {
    expect((await runCommandLine(["inspect", "-f", format, "web"], { client })).out).toBe(out);
  });

  test("reads the format before it asks the daemon", async () => {
    const { status, err } = await runCommandLine(["inspect", "-f", "{{.", "web"], { client: {} });
    expect([status, err]).toEqual([1, "tare: template parsing error: template: :1: unclosed action\n"]);
  });
});

describe("run", () => {
  interface Daemon {
    readonly client: object;
    readonly calls: string[];
  }
  function daemon({
    output = "",
    exit = 0,
    startFailure,
  }: {
    output?: string;
    exit?: number;
    startFailure?: Failure;
  } = {}): Daemon {
    const calls: string[] = [];
    const there = new Set(["busybox", "hello"]);
    const duplex = new PassThrough();
    const containers = {
      create: async ({ Image }: { Image: string }, { name }: { name?: string }) => {
        calls.push(`create ${Image} ${name ?? ""}`.trim());
        if (!there.has(Image))
          throw new Failure("not-found", `No such image: ${Image}:latest`, {
            details: { image: Image, fromDaemon: true },
          });
        return { Id: id, Warnings: ["something is odd"] };
      },
      attach: async () => {
        calls.push("attach");
        return { terminal: false, duplex };
      },
      beginWait: async (_: string, { condition }: { condition: string }) => {
        calls.push(`wait ${condition}`);
        return { exit: Promise.resolve({ StatusCode: exit }) };
      },
      start: async () => {
        calls.push("start");
        if (startFailure !== undefined) throw startFailure;
        duplex.end(encodeFrame("stdout", Buffer.from(output)));
        return { isRunningAlready: false, timing: { TotalMs: 4.1, Phases: [{ Name: "root", Ms: 0.6 }] } };
      },
      inspect: async () => Promise.reject(fromDaemon("not-found", "No such container")),
    };
    const images = {
      async *pull(name: string) {
        calls.push(`pull ${name}`);
        if (name.startsWith("nope:")) throw fromDaemon("not-found", "manifest for nope:latest not found");
        yield { status: "Pulling from library/busybox", id: "latest" };
        there.add(name.replace(/:latest$/, ""));
      },
    };
    return { client: { containers, images }, calls };
  }

  test("creates, attaches and waits, then starts; its status is the program's", async () => {
    const { client, calls } = daemon({ output: "hi\n", exit: 7 });
    const outcome = await runCommandLine(["run", "--name", "web", "busybox", "echo", "hi"], { client });
    expect(outcome).toMatchObject({ status: 7, out: "hi\n", err: "WARNING: something is odd\n" });
    expect(calls).toEqual(["create busybox web", "attach", "wait next-exit", "start"]);
  });

  test("waits until it is removed with --rm", async () => {
    const { client, calls } = daemon();
    await runCommandLine(["run", "--rm", "busybox"], { client });
    expect(calls).toContain("wait removed");
  });

  test("prints the id and leaves it running with -d", async () => {
    const { client, calls } = daemon();
    expect((await runCommandLine(["run", "-d", "busybox"], { client })).out).toBe(`${id}\n`);
    expect(calls).toEqual(["create busybox", "start"]);
  });

  test("tells where the time went: of hello with its output, of others aside", async () => {
    const line = "started in 4.1 ms: root 0.6\n";
    expect((await runCommandLine(["run", "hello"], daemon({ output: "hello\n" }))).out).toBe(
      `hello\n${line}`,
    );
    const timed = await runCommandLine(["run", "--timing", "busybox"], daemon({ output: "x" }));
    expect([timed.out, timed.err]).toEqual(["x", `WARNING: something is odd\n${line}`]);
    expect((await runCommandLine(["run", "busybox"], daemon())).err).not.toContain("started");
  });

  test.each<[string, FailureDetails, number]>([
    ['cannot start web: execve("/x")', { exitCode: 127 }, 127],
    ["cannot start web: openat2()", { code: "EACCES" }, 126],
    ["cannot start web: permission denied", {}, 125],
  ])("ends with the status of a start that failed: %p with %p is %p", async (sentence, details, status) => {
    const startFailure = new Failure("invalid", sentence, { details: { ...details, fromDaemon: true } });
    const outcome = await runCommandLine(["run", "busybox"], daemon({ startFailure }));
    expect(outcome.status).toBe(status);
    expect(outcome.err).toEndWith(`tare: ${sentence}\n`);
  });

  test("pulls an image that is missing, says so on standard error, and no other", async () => {
    const env = { HOME: folder };
    const fetched = daemon({ output: "hi\n" });
    const outcome = await runCommandLine(["run", "alpine"], { ...fetched, env });
    expect([outcome.status, outcome.out]).toEqual([0, "hi\n"]);
    expect(outcome.err).toStartWith(
      "Unable to find image 'alpine:latest' locally\nlatest: Pulling from library/busybox\n",
    );
    expect(fetched.calls.slice(0, 3)).toEqual(["create alpine", "pull alpine:latest", "create alpine"]);
    const missing = await runCommandLine(["run", "nope"], { ...daemon(), env });
    expect(missing.status).toBe(125);
    expect(missing.err).toBe(
      "Unable to find image 'nope:latest' locally\ntare: manifest for nope:latest not found\n",
    );
    const never = await runCommandLine(["run", "--pull=never", "nope"], daemon());
    expect([never.status, never.err]).toEqual([125, "tare: No such image: nope:latest\n"]);
    const always = daemon();
    const { status } = await runCommandLine(["run", "--pull=always", "-q", "busybox"], { ...always, env });
    expect([status, always.calls[0]]).toEqual([0, "pull busybox:latest"]);
  });

  test("writes the id to --cidfile, refuses one that is there, leaves none when it fails", async () => {
    const [path, other] = [join(folder, "cid"), join(folder, "other")];
    await runCommandLine(["run", "-d", "--cidfile", "cid", "busybox"], { ...daemon(), cwd: folder });
    expect(readFileSync(path, "utf8")).toBe(id);
    const again = daemon();
    const refused = await runCommandLine(["run", "-d", "--cidfile", path, "busybox"], again);
    expect(refused.status).toBe(125);
    expect(refused.err).toStartWith(
      "tare: container ID file found, make sure the other container isn't running or delete",
    );
    expect(again.calls).toEqual([]);
    await runCommandLine(["run", "-d", "--cidfile", other, "nope"], daemon());
    expect(existsSync(other)).toBe(false);
  });
});

describe("load and import", () => {
  async function* messages(...all: object[]): AsyncGenerator<object> {
    yield* all;
  }
  test("load prints what was loaded, not the bars, where there is no terminal", async () => {
    const path = join(folder, "image.tar");
    writeFileSync(path, "tar");
    let sent = "";
    const load = async function* (archive: AsyncIterable<Uint8Array>): AsyncGenerator<object> {
      for await (const piece of archive) sent += String(piece);
      yield* messages(
        { status: "Loading layer", id: "ab", progressDetail: { current: 1, total: 2 } },
        { stream: "Loaded image: a:b\n" },
      );
    };
    expect(await runCommandLine(["load", "-i", path], { client: { images: { load } } })).toMatchObject({
      status: 0,
      out: "Loaded image: a:b\n",
    });
    expect(sent).toBe("tar");
  });

  test("load ends with the failure a message tells of", async () => {
    const load = () => messages({ errorDetail: { message: "archive is cut" }, error: "archive is cut" });
    const stdin = new PassThrough().end("x");
    expect(await runCommandLine(["load"], { client: { images: { load } }, stdin })).toMatchObject({
      status: 1,
      err: "tare: archive is cut\n",
    });
  });

  test("import sends standard input and prints the id", async () => {
    let asked: unknown;
    const importImage = (_: unknown, options: object): AsyncGenerator<object> => {
      asked = options;
      return messages({ status: "sha256:11" });
    };
    const stdin = new PassThrough().end("x");
    const argv = ["import", "-c", "CMD sh", "-m", "msg", "-", "localhost:5000/a:b"];
    const outcome = await runCommandLine(argv, { client: { images: { import: importImage } }, stdin });
    expect(outcome.out).toBe("sha256:11\n");
    expect(asked).toMatchObject({
      repository: "localhost:5000/a",
      tag: "b",
      message: "msg",
      changes: ["CMD sh"],
    });
  });
});

describe("logs, events, namespaces, check", () => {
  test("logs sends each stream to its own output", async () => {
    let asked: unknown;
    const openLogs = async (_: string, options: object) => {
      asked = options;
      const bytes = [encodeFrame("stdout", Buffer.from("a\n")), encodeFrame("stderr", Buffer.from("b\n"))];
      return { isFramed: true, bytes };
    };
    const outcome = await runCommandLine(["logs", "-n", "5", "-t", "--since", "1700000000.5", "web"], {
      client: { containers: { openLogs } },
    });
    expect(outcome).toMatchObject({ status: 0, out: "a\n", err: "b\n" });
    expect(asked).toMatchObject({
      tail: "5",
      timestamps: true,
      follow: false,
      since: "1700000000.500000000",
    });
    expect(asked).toMatchObject({ until: undefined });
  });

  test("events are one line each", async () => {
    const event = {
      Type: "container",
      Action: "start",
      Actor: { ID: id, Attributes: { name: "web", image: "busybox" } },
      time: 1_700_000_000,
      timeNano: 1_700_000_000_000_000_000,
    };
    const events = async function* (): AsyncGenerator<object> {
      yield event;
    };
    const client = { system: { events } };
    expect((await runCommandLine(["events"], { client })).out).toMatch(
      new RegExp(
        `^2023-11-1[45]T\\d\\d:\\d\\d:20\\.000000000(Z|[+-]\\d\\d:\\d\\d) container start ${id} \\(image=busybox, name=web\\)\n$`,
      ),
    );
    expect(
      (await runCommandLine(["events", "--format", "{{.Action}} {{.Actor.Attributes.name}}"], { client }))
        .out,
    ).toBe("start web\n");
  });

  test("namespaces show inodes and who shares them", async () => {
    const rows = [
      {
        Id: "",
        Name: "host",
        Pid: 1,
        Namespaces: { pid: { Inode: 11, SharedWith: [] }, network: { Inode: 12, SharedWith: [] } },
      },
      {
        Id: id,
        Name: "web",
        Pid: 42,
        Namespaces: { pid: { Inode: 21, SharedWith: [] }, network: { Inode: 12, SharedWith: ["host"] } },
      },
    ];
    const client = { system: { namespaces: async () => rows } };
    expect((await runCommandLine(["namespaces"], { client })).out).toBe(
      "CONTAINER ID   NAME      PID       PID       NETWORK\n-              host      1         11        12\n0123456789ab   web       42        21        12=host\n",
    );
    const { out } = await runCommandLine(["namespaces", "--format", "json"], { client });
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(rows);
  });

  test("system check tells what to do, and by its status that there is something", async () => {
    const finding = { Subject: "mount /x", Problem: "belongs to nobody", Advice: "umount /x" };
    const check = (findings: object[]) =>
      runCommandLine(["system", "check"], { client: { system: { check: async () => findings } } });
    expect(await check([finding])).toMatchObject({
      status: 1,
      out: "mount /x: belongs to nobody\n  umount /x\n",
    });
    expect(await check([])).toMatchObject({ status: 0, out: "Everything is in order.\n" });
  });
});
