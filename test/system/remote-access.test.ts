import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot, launcher } from "../support/tare.ts";

const port = 23_761;
const plainPort = 23_751;

describe.skipIf(!isRoot)("a daemon that is reached from elsewhere", () => {
  let tare: Installation;
  let folder: string;
  let files: Certificates;
  let daemon: ChildProcess & { output: string };

  const flags = (): readonly string[] => [
    "-H",
    `unix://${tare.socket}`,
    "-H",
    `tcp://127.0.0.1:${port}`,
    "--tlsverify",
    "--tlscacert",
    files.ca,
    "--tlscert",
    files.serverCert,
    "--tlskey",
    files.serverKey,
  ];
  const launch = async (words: readonly string[]): Promise<typeof daemon> => {
    const all = ["--data-root", tare.dataRoot, "--run-root", tare.runRoot, "daemon", ...words];
    const child = spawn(executable, all, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    const started = Object.assign(child, { output: "" });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (piece: Buffer) => (started.output += piece.toString()));
    await poll(() => started.output.includes("serving at") || undefined, {
      timeoutMs: 20_000,
      what: "serve",
    });
    return started;
  };

  beforeAll(async () => {
    tare = new Installation();
    folder = join(tare.directory, "tls");
    mkdirSync(folder);
    files = makeCertificates(folder);
    daemon = await launch(flags());
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** A client without any of the installation's own flags. */
  const client = (
    words: readonly string[],
    { env = {}, program = executable }: { env?: Record<string, string>; program?: string } = {},
  ): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(program, words, {
      encoding: "utf8",
      timeout: 60_000,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    });
  const withCertificate = (): readonly string[] => [
    "-H",
    `tcp://127.0.0.1:${port}`,
    "--tlsverify",
    "--tlscacert",
    files.ca,
    "--tlscert",
    files.clientCert,
    "--tlskey",
    files.clientKey,
  ];

  test("tare reaches it with a certificate, by flags and by the environment", () => {
    const run = ["run", "--rm", "-i", "busybox", "echo", "hello"];
    expect(client([...withCertificate(), ...run])).toMatchObject({ status: 0, stdout: "hello\n" });
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder };
    for (const program of [executable, launcher])
      expect(client(run, { env, program })).toMatchObject({ status: 0, stdout: "hello\n" });
  });

  test("docker reaches it with a certificate, with input that ends", () => {
    const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}`, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder };
    const words = ["run", "--rm", "-i", "busybox", "wc", "-c"];
    const { status, stdout, stderr } = spawnSync("docker", words, {
      encoding: "utf8",
      input: "x".repeat(300_000),
      timeout: 60_000,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "300000\n", stderr: "" });
  });

  test("tare copies much in both directions through TLS", () => {
    const words = [...withCertificate(), "run", "--rm", "-i", "busybox", "cat"];
    const input = "0123456789abcdef".repeat(200_000);
    const { status, stdout } = spawnSync(executable, words, {
      encoding: "utf8",
      input,
      maxBuffer: 1e8,
      timeout: 60_000,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    });
    expect(status).toBe(0);
    expect(stdout === input).toBe(true);
  });

  /** Sends a request; the first line of the answer, or what went wrong. */
  const ask = (options: object): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket: TLSSocket = connectTls({ port, host: "127.0.0.1", ca: readFileSync(files.ca), ...options });
    socket.on("secureConnect", () => void socket.write("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"));
    socket.on("data", (piece: Buffer) => resolve(piece.toString().split("\r\n")[0] ?? ""));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("close", () => resolve("closed"));
    return promise.finally(() => socket.destroy());
  };

  test("it answers nobody without a certificate of its authority", async () => {
    const read = (path: string): Buffer => readFileSync(path);
    const good = { cert: read(files.clientCert), key: read(files.clientKey) };
    expect(await ask(good)).toBe("HTTP/1.1 200 OK");
    expect(await ask({})).not.toContain("HTTP/1.1");
    expect(await ask({ cert: read(files.strangerCert), key: read(files.strangerKey) })).not.toContain(
      "HTTP/1.1",
    );
    expect(await ask({ ...good, maxVersion: "TLSv1.1", minVersion: "TLSv1.1" })).not.toContain("HTTP/1.1");
    const plain = connect(port, "127.0.0.1");
    plain.write("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n");
    let text = "";
    plain.on("data", (piece: Buffer) => (text += piece.toString("latin1")));
    await once(plain, "close");
    expect(text).not.toContain("HTTP/1.1");
  });

  test("a client that does not know the daemon's authority refuses it", () => {
    const words = withCertificate().map((word) => (word === files.ca ? files.strangerCert : word));
    const { status, stderr } = client([...words, "ps"]);
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot connect to the daemon at tcp://127.0.0.1:${port}`);
    expect(client(["-H", `tcp://127.0.0.1:${port}`, "ps"]).status).toBe(1);
  });

  test("it refuses an open port, and warns of one that is asked for", async () => {
    const words = [
      "--data-root",
      tare.dataRoot,
      "--run-root",
      tare.runRoot,
      "daemon",
      "-H",
      "tcp://127.0.0.1:1",
    ];
    const { status, stderr } = client(words);
    expect(status).toBe(1);
    expect(stderr).toContain("--allow-unauthenticated-tcp if that is what you want");
    const ended = once(daemon, "exit");
    await tare.must(["daemon", "stop"]);
    await ended;
    const address = `tcp://127.0.0.1:${plainPort}`;
    daemon = await launch(["-H", `unix://${tare.socket}`, "-H", address, "--allow-unauthenticated-tcp"]);
    const warning = `WARNING: API is accessible on http://127.0.0.1:${plainPort} without encryption.`;
    expect(daemon.output).toContain(warning);
    expect(client(["-H", address, "info", "-f", "{{json .Warnings}}"]).stdout).toContain(warning);
  });

  test("ssh:// runs `tare system dial-stdio` at the other end", () => {
    const bin = join(tare.directory, "bin");
    mkdirSync(bin);
    const log = join(tare.directory, "ssh.log");
    // As sshd: the command runs in a shell, with a clean environment.
    writeFileSync(
      join(bin, "ssh"),
      `#!/bin/sh\necho "$@" >> ${log}\nwhile [ "$1" != -- ]; do shift; done; shift 2\nexec env -i PATH=${bin}:$PATH sh -c "$*"\n`,
    );
    writeFileSync(
      join(bin, "tare"),
      `#!/bin/sh\nexec ${executable} --data-root ${tare.dataRoot} --run-root ${tare.runRoot} "$@"\n`,
    );
    for (const name of ["ssh", "tare"]) chmodSync(join(bin, name), 0o755);
    const env = { PATH: `${bin}:${process.env["PATH"]}` };
    const host = ["-H", "ssh://me@there.example:2222"];
    const { status, stdout, stderr } = spawnSync(
      executable,
      [...host, "run", "--rm", "-i", "busybox", "wc", "-c"],
      {
        encoding: "utf8",
        input: "y".repeat(500_000),
        timeout: 60_000,
        env: { HOME: folder, ...env },
      },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "500000\n", stderr: "" });
    expect(readFileSync(log, "utf8").split("\n")[0]).toMatch(
      /-l me -p 2222 .*-- there\.example tare system dial-stdio$/,
    );
    writeFileSync(join(bin, "ssh"), "#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n");
    const failed = client([...host, "ps"], { env });
    expect(failed.status).toBe(1);
    expect(failed.stderr).toContain("Permission denied (publickey).");
  });
});
