import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type ApiAnswer, askApi } from "../support/ask-api.ts";
import { busyboxArchive, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** Against the daemon and its state, by those who may talk to it or who left something in its way. */
describe.skipIf(!isRoot)("attacks on the daemon", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--name", "peer", "busybox", "sleep", "1000"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const ask = (method: string, path: string, body?: object): Promise<ApiAnswer> =>
    askApi(tare.socket, method, path, body);

  test("exec sessions that nobody starts are bounded, and the container goes on", async () => {
    const refusals: string[] = [];
    const made: string[] = [];
    for (let count = 0; count < 700; count++) {
      const { status, text } = await ask("POST", "/containers/peer/exec", { Cmd: ["true"] });
      if (status === 201) made.push((JSON.parse(text) as { Id: string }).Id);
      else refusals.push(text);
    }
    expect(made.length).toBeLessThanOrEqual(512);
    expect(refusals.length).toBeGreaterThanOrEqual(188);
    for (const text of new Set(refusals))
      expect((JSON.parse(text) as { message: string }).message).toMatch(/exec/);
    expect((await ask("GET", "/containers/peer/json")).status).toBe(200);
    // When those that were made have ended there is room again.
    const { status } = await ask("POST", `/exec/${made[0]}/start`, { Detach: true });
    expect(status).toBe(200);
  });

  test("clients that attach and never read are bounded, and take neither the daemon nor the container along", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "loud",
      "busybox",
      "sh",
      "-c",
      "while :; do cat /bin/busybox; done",
    ]);
    const sockets: Socket[] = [];
    const replies: string[] = [];
    const before = memoryOf(tare.daemonPid() ?? 0);
    for (let count = 0; count < 40; count++) {
      const socket = connect(tare.socket);
      socket.on("error", () => {});
      socket.once("data", (piece: Buffer) => {
        replies.push(piece.toString("latin1").slice(0, 12));
        socket.pause();
      });
      socket.write(
        "POST /containers/loud/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: tare\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      );
      sockets.push(socket);
    }
    await poll(() => (replies.length === 40 ? true : undefined), {
      timeoutMs: 20_000,
      what: "see all answered",
    });
    expect(replies.filter((reply) => reply === "HTTP/1.1 101").length).toBeLessThanOrEqual(16);
    expect(replies.filter((reply) => reply === "HTTP/1.1 101").length).toBeGreaterThan(0);
    await new Promise((resume) => setTimeout(resume, 1000));
    expect((await ask("GET", "/containers/json")).status).toBe(200);
    expect(memoryOf(tare.daemonPid() ?? 0) - before).toBeLessThan(200 * 1024);
    expect(JSON.parse((await ask("GET", "/containers/loud/json")).text)).toMatchObject({
      State: { Running: true },
    });
    for (const socket of sockets) socket.destroy();
    await tare.must(["rm", "-f", "loud"]);
  });

  /** KiB that are resident. */
  const memoryOf = (pid: number): number =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);

  test("there is no abstract socket, and nobody but root gets to a file of the state", () => {
    const inodes = new Set(
      [tare.daemonPid() ?? 0, ...tare.keeperPids()].flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
          try {
            return [statSync(`/proc/${pid}/fd/${fd}`).ino];
          } catch {
            return [];
          }
        }),
      ),
    );
    const sockets = readFileSync("/proc/net/unix", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , inode]) => inodes.has(Number(inode)));
    expect(sockets.length).toBeGreaterThan(1);
    expect(sockets.filter(([, , , , , , , name]) => name?.startsWith("@"))).toEqual([]);
    for (const root of [tare.dataRoot, tare.runRoot]) {
      expect(statSync(root).mode & 0o777).toBe(0o700);
      expect(statSync(root).uid).toBe(0);
      for (const name of readdirSync(root))
        expect([name, statSync(join(root, name)).mode & 0o007]).toEqual([name, 0]);
    }
  });

  test("a link in place of a log is not followed", async () => {
    const secret = join(tare.directory, "secret");
    writeFileSync(secret, "the host's own");
    const id = await tare.must(["run", "-d", "--name", "logged", "busybox", "echo", "hello"]);
    await tare.must(["wait", "logged"]);
    const details = JSON.parse(await tare.must(["inspect", id])) as { LogPath: string }[];
    const directory = details[0]?.LogPath ?? "";
    const [file = ""] = statSync(directory).isDirectory() ? readdirSync(directory) : [""];
    const log = file === "" ? directory : join(directory, file);
    expect(await tare.must(["logs", "logged"])).toBe("hello");
    rmSync(log);
    symlinkSync(secret, log);
    const { stdout, stderr } = await tare.tare(["logs", "logged"]);
    expect(stdout + stderr).not.toContain("the host's own");
    // Nor one to what is a log: another container's.
    const other = await tare.must(["run", "-d", "--name", "other", "busybox", "echo", "of another"]);
    await tare.must(["wait", "other"]);
    rmSync(log);
    symlinkSync(log.replace(id, other), log);
    expect(await tare.must(["logs", "other"])).toBe("of another");
    const led = await tare.tare(["logs", "logged"]);
    expect(led.stdout + led.stderr).not.toContain("of another");
    await tare.tare(["start", "logged"]);
    await tare.tare(["wait", "logged"]);
    expect(await tare.must(["logs", "other"])).toBe("of another");
    rmSync(log, { force: true });
    symlinkSync(secret, log);
    // A new run writes no line through it either.
    await tare.tare(["start", "logged"]);
    await tare.tare(["wait", "logged"]);
    expect(readFileSync(secret, "utf8")).toBe("the host's own");
    await tare.must(["rm", "-f", "logged", "other"]);
  });

  test("labels and annotations of an image give no rights, whatever they are called", async () => {
    const image = {
      layers: [readFileSync(busyboxRootfsTar())],
      names: ["labelled:latest"],
      config: {
        Labels: {
          "io.kubernetes.cri-o.userns-mode": "host",
          "tare.privileged": "true",
          "run.oci.seccomp": "unconfined",
          "com.docker.container.privileged": "true",
          "io.podman.annotations.privileged": "TRUE",
          "org.systemd.property.DeviceAllow": "[]",
        },
        Cmd: ["sh", "-c", "grep -E '^(CapEff|Seccomp):' /proc/self/status; ls /dev"],
      },
    };
    const archive = join(tare.directory, "labelled.tar");
    writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
    await tare.must(["load", "-i", archive]);
    const look = ["sh", "-c", "grep -E '^(CapEff|Seccomp):' /proc/self/status; ls /dev"];
    const plain = await tare.must(["run", "--rm", "busybox", ...look]);
    expect(plain).toContain("Seccomp:\t2");
    expect(await tare.must(["run", "--rm", "labelled"])).toBe(plain);
    expect(
      await tare.must([
        "run",
        "--rm",
        "--annotation",
        "run.oci.seccomp=unconfined",
        "--label",
        "privileged=true",
        "busybox",
        ...look,
      ]),
    ).toBe(plain);
  });

  test("a body that the length hides is not obeyed", async () => {
    const body = JSON.stringify({ Image: "busybox", HostConfig: { Privileged: true } });
    const harmless = JSON.stringify({ Image: "busybox" });
    const heads = [
      `Content-Length: 0\r\n`,
      `Content-Length: ${harmless.length}\r\nContent-Length: ${body.length}\r\n`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${body.length}\r\n`,
      `Transfer-Encoding: identity, chunked\r\n`,
      `Content-Length: +${body.length}\r\n`,
    ];
    for (const head of heads) {
      const reply = await raw(
        `POST /containers/create?name=hidden HTTP/1.1\r\nHost: tare\r\nContent-Type: application/json\r\n${head}Connection: close\r\n\r\n${body}`,
      );
      expect([head, reply]).toEqual([head, expect.not.stringMatching(/^HTTP\/1\.1 201/)]);
      expect((await ask("GET", "/containers/hidden/json")).status).toBe(404);
    }
  });

  const raw = (request: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(tare.socket);
    let text = "";
    const timer = setTimeout(() => socket.destroy(), 5000);
    socket.on("data", (piece) => (text += piece.toString("latin1")));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.write(request);
    return promise;
  };
});
