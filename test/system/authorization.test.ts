import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { promisify } from "node:util";
import { askApi } from "../support/ask-api.ts";
import { TestPlugin } from "../support/authorization-plugin.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { executable, Installation, isRoot, launcher } from "../support/tare.ts";

const port = 23_791;
const dockerProgram = findDockerCli();

describe.skipIf(!isRoot)("authorization plug-ins", () => {
  let tare: Installation;
  let plugin: TestPlugin;
  let files: Certificates;
  let file: string;
  let daemon: ChildProcess & { output: string };

  const write = (plugins: readonly string[]): void =>
    writeFileSync(file, JSON.stringify({ "authorization-plugins": plugins }));
  const flags = (): readonly string[] => [
    "-H",
    `unix://${tare.socket}`,
    "-H",
    `tcp://127.0.0.1:${port}`,
    "--tlsverify",
    `--tlscacert=${files.ca}`,
    `--tlscert=${files.serverCert}`,
    `--tlskey=${files.serverKey}`,
  ];
  const deny = (part: string, kind = "Req") => {
    plugin.rule = (asked) =>
      asked.kind.endsWith(kind) && asked.uri.includes(part) ? { Allow: false, Msg: "not today" } : undefined;
  };
  const waitForOutput = async (text: string, from = 0): Promise<void> => {
    await poll(() => daemon.output.slice(from).includes(text) || undefined, {
      timeoutMs: 20_000,
      what: `log "${text}"`,
    });
  };

  beforeAll(async () => {
    tare = new Installation();
    file = join(tare.directory, "daemon.json");
    const folder = join(tare.directory, "tls");
    mkdirSync(folder);
    files = makeCertificates(folder);
    plugin = await new TestPlugin(join(tare.runRoot, "plugins", "guard.sock")).start();
    write(["guard"]);
    const words = [...tare.globalFlags, "daemon", "--config-file", file, ...flags()];
    const child = spawn(executable, words, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    daemon = Object.assign(child, { output: "" });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (piece: Buffer) => (daemon.output += piece.toString()));
    await waitForOutput("serving at");
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterEach(async () => {
    plugin.rule = () => undefined;
    await plugin.stop();
    await plugin.start();
    plugin.takeSeen();
  });
  afterAll(async () => {
    // Also where a test has failed between two lists of plug-ins.
    const from = daemon.output.length;
    write([]);
    daemon.kill("SIGHUP");
    await waitForOutput("reloaded the configuration", from);
    await tare[Symbol.asyncDispose]();
    await plugin[Symbol.asyncDispose]();
  });

  test("a plug-in that allows is asked about each request and its answer, with bodies", async () => {
    plugin.takeSeen();
    const body = { Image: "busybox", Cmd: ["true"], Labels: { a: "b" } };
    const { status, text } = await askApi(tare.socket, "POST", "/v1.45/containers/create?name=seen", body);
    expect(status).toBe(201);
    const [asked, answered] = plugin.seen.splice(0);
    expect(asked).toMatchObject({
      kind: "AuthZPlugin.AuthZReq",
      method: "POST",
      uri: "/v1.45/containers/create?name=seen",
      body: JSON.stringify(body),
    });
    expect(asked?.fields["RequestHeaders"]).toMatchObject({ "Content-Type": "application/json" });
    expect(answered).toMatchObject({ kind: "AuthZPlugin.AuthZRes", body: text });
    expect(answered?.fields).toMatchObject({
      ResponseStatusCode: 201,
      ResponseHeaders: { "Content-Type": "application/json" },
    });
    expect(await tare.must(["info", "-f", "{{json .Plugins.Authorization}}"])).toBe('["guard"]');
    await tare.must(["rm", "seen"]);
  });

  test("a run of tare and of its launcher is Docker's requests to a plug-in", async () => {
    const out = await tare.must(["run", "--rm", "busybox", "echo", "hello"]);
    expect(out).toBe("hello");
    const paths = (): readonly string[] =>
      plugin.takeSeen().map((line) => line.replace(/[0-9a-f]{64}/, "ID"));
    const asked = paths().filter((line) => line.startsWith("Req POST"));
    expect(asked.map((line) => line.replace(/\?.*/, "")).sort()).toEqual([
      "Req POST /v1.51/containers/ID/attach",
      "Req POST /v1.51/containers/ID/start",
      "Req POST /v1.51/containers/ID/wait",
      "Req POST /v1.51/containers/create",
    ]);
    const words = [...tare.globalFlags, "run", "--rm", "busybox", "echo", "again"];
    expect((await promisify(execFile)(launcher, words)).stdout).toBe("again\n");
    await poll(
      () => paths().some((line) => line.startsWith("Req POST /v1.51/containers/create")) || undefined,
      {
        timeoutMs: 5000,
        what: "a creation that the plug-in sees",
      },
    );
    expect((await askApi(tare.socket, "POST", "/tare/run", {})).status).toBe(501);
  });

  test("a request that it denies is not done", async () => {
    deny("/containers/create");
    const { status, text } = await askApi(tare.socket, "POST", "/containers/create?name=no", {
      Image: "busybox",
    });
    expect([status, JSON.parse(text)]).toEqual([
      403,
      { message: "authorization denied by plugin guard: not today" },
    ]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(await tare.refused(["run", "busybox", "true"])).toContain(
      "authorization denied by plugin guard: not today",
    );
  });

  test.each(["/start", "/attach", "/wait"])("a run whose %s is denied leaves no container", async (step) => {
    deny(step);
    const { status, stderr } = await tare.tare(["run", "busybox", "true"]);
    expect(stderr).toContain("authorization denied by plugin guard: not today");
    expect(status).toBe(125);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("an answer that it denies is not sent; of a failure it learns, and decides nothing", async () => {
    deny("/version", "Res");
    const { status, text } = await askApi(tare.socket, "GET", "/version");
    expect([status, text]).toEqual([403, '{"message":"authorization denied by plugin guard: not today"}\n']);
    deny("/containers/none/json", "Res");
    plugin.takeSeen();
    expect(await askApi(tare.socket, "GET", "/containers/none/json")).toMatchObject({
      status: 404,
      text: '{"message":"No such container: none"}\n',
    });
    const [, answered] = plugin.seen;
    expect(answered?.fields).toMatchObject({ ResponseStatusCode: 404 });
    expect(answered?.body).toContain("No such container: none");
  });

  test("a stream is authorized by its request alone", async () => {
    plugin.takeSeen();
    const { status } = await askApi(tare.socket, "GET", "/events?since=0&until=1");
    expect(status).toBe(200);
    expect(plugin.takeSeen()).toEqual(["Req GET /events?since=0&until=1"]);
  });

  test("credentials, secrets and their replies are not passed on", async () => {
    plugin.takeSeen();
    await askApi(tare.socket, "POST", "/auth", {
      username: "a",
      password: "hunter2",
      serveraddress: "127.0.0.1:1",
    });
    await tare.must(["secret", "create", "key", "-"], { input: "hunter2" });
    await tare.must(["secret", "inspect", "--showsecret", "key"]);
    await tare.must(["secret", "rm", "key"]);
    const seen = plugin.seen.splice(0);
    expect(seen.some(({ uri }) => uri.includes("/tare/secrets/create"))).toBe(true);
    const all = JSON.stringify(seen);
    expect(all).not.toContain("hunter2");
    expect(all).not.toContain(Buffer.from("hunter2").toString("base64"));
    deny("/tare/secrets");
    expect(await tare.refused(["secret", "ls"])).toContain("authorization denied by plugin guard");
  });

  test("a dead plug-in, nonsense and an error deny, in dockerd's words", async () => {
    const ask = async (): Promise<unknown> => {
      const { status, text } = await askApi(tare.socket, "GET", "/info");
      return [status, (JSON.parse(text) as { message: string }).message];
    };
    const failed = "plugin guard failed with error: ";
    for (const nonsense of [
      "<html>",
      "[]",
      "",
      '{"Allow": "true"}',
      '{"Allow": true, "Msg": 7}',
      '{"Allow": tr',
    ]) {
      plugin.rule = () => nonsense;
      expect(await ask()).toEqual([
        500,
        expect.stringContaining(`${failed}AuthZPlugin.AuthZReq: cannot read its answer`),
      ]);
    }
    plugin.rule = () => "{}";
    expect(await ask()).toEqual([403, "authorization denied by plugin guard:"]);
    plugin.rule = () => (reply) => reply.writeHead(500).end('{"Err": "no database"}');
    expect(await ask()).toEqual([500, `${failed}AuthZPlugin.AuthZReq: no database`]);
    plugin.rule = () => (reply) => reply.destroy();
    expect(await ask()).toEqual([500, expect.stringContaining(failed)]);
    plugin.rule = () => (reply) => {
      reply.writeHead(200);
      reply.end(Buffer.alloc(2 * 1024 * 1024, 32));
    };
    expect(await ask()).toEqual([500, expect.stringContaining("longer than 1048576 bytes")]);
    await plugin.stop();
    expect(await ask()).toEqual([500, expect.stringContaining(failed)]);
    await plugin.start();
    plugin.rule = () => undefined;
    expect((await askApi(tare.socket, "GET", "/info")).status).toBe(200);
  });

  test("a body that is longer than plug-ins receive is refused", async () => {
    const body = { Image: "busybox", Labels: { long: "x".repeat(1024 * 1024) } };
    const { status, text } = await askApi(tare.socket, "POST", "/containers/create", body);
    expect(status).toBe(400);
    expect(text).toContain("longer than the 1048576 bytes that plug-ins receive");
    expect(plugin.seen).toEqual([]);
  });

  test("the user is the common name of the client's certificate", async () => {
    plugin.takeSeen();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port,
        path: "/_ping",
        ca: readFileSync(files.ca),
        cert: readFileSync(files.clientCert),
        key: readFileSync(files.clientKey),
        agent: false,
      };
      request(options, (reply) => {
        reply.resume().on("end", () => resolve(reply.statusCode));
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
    const [asked] = plugin.seen;
    expect(asked?.fields).toMatchObject({ User: "cert.pem", UserAuthNMethod: "TLS" });
    const [pem] = (asked?.fields["RequestPeerCertificates"] ?? []) as readonly string[];
    expect(Buffer.from(pem ?? "", "base64").toString()).toBe(readFileSync(files.clientCert, "utf8"));
  });

  test.skipIf(dockerProgram === undefined)("docker prints the reason", async () => {
    const docker = new DockerCli(dockerProgram ?? "", {
      socket: tare.socket,
      config: join(tare.directory, "docker"),
    });
    expect(await docker.must(["run", "--rm", "busybox", "echo", "hello"])).toBe("hello");
    deny("/containers/create");
    const { code, stderr } = await docker.run(["run", "busybox", "true"]);
    expect(stderr).toContain("Error response from daemon: authorization denied by plugin guard: not today");
    expect(code).toBe(125);
    await plugin.stop();
    expect((await docker.run(["ps"])).stderr).toContain(
      "Error response from daemon: plugin guard failed with error: ",
    );
  });

  test("SIGHUP takes other plug-ins; one that is missing or no authorization plug-in changes nothing", async () => {
    await using second = await new TestPlugin(join(tare.runRoot, "plugins", "second.sock")).start();
    const reload = async (names: readonly string[], text: string): Promise<void> => {
      const from = daemon.output.length;
      write(names);
      daemon.kill("SIGHUP");
      await waitForOutput(text, from);
    };
    await reload(["guard", "second"], "reloaded the configuration");
    second.rule = () => ({ Allow: false, Msg: "second thoughts" });
    const denied = '{"message":"authorization denied by plugin second: second thoughts"}\n';
    expect((await askApi(tare.socket, "GET", "/info")).text).toBe(denied);
    await reload(["missing"], 'error validating authorization plugin: plugin "missing" not found');
    expect((await askApi(tare.socket, "GET", "/info")).text).toBe(denied);
    second.implements = ["VolumeDriver"];
    await reload(["second"], "Plugin does not implement the requested driver: plugin=second, driver=authz");
    await reload([], "reloaded the configuration");
    plugin.takeSeen();
    expect((await askApi(tare.socket, "GET", "/info")).status).toBe(200);
    expect(plugin.takeSeen()).toEqual([]);
    await reload(["guard"], "reloaded the configuration");
  });

  test("plug-ins are found where Docker's are: a socket, and an address in a file", async () => {
    using places = new DisposableStack();
    for (const path of ["/run/docker", "/etc/docker"]) {
      const made = mkdirSync(path, { recursive: true });
      places.defer(() => made && rmSync(made, { recursive: true }));
      // The mount is this test's own: test/support/own-namespaces.ts.
      expect(spawnSync("mount", ["-t", "tmpfs", "tmpfs", path]).status).toBe(0);
      places.defer(() => spawnSync("umount", [path]));
    }
    await using bySocket = await new TestPlugin("/run/docker/plugins/docked.sock").start();
    const path = join(tare.directory, "filed.sock");
    await using byFile = await new TestPlugin(path).start();
    mkdirSync("/etc/docker/plugins");
    writeFileSync("/etc/docker/plugins/filed.json", JSON.stringify({ Addr: `unix://${path}` }));
    const [cert, key, ca] = [files.serverCert, files.serverKey, files.ca].map((path) => readFileSync(path));
    const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
    await using byTls = await new TestPlugin({ port: port + 1, tls }).start();
    const tlsConfig = { CAFile: files.ca, CertFile: files.clientCert, KeyFile: files.clientKey };
    const address = `https://127.0.0.1:${port + 1}`;
    writeFileSync("/etc/docker/plugins/far.json", JSON.stringify({ Addr: address, TLSConfig: tlsConfig }));
    // Nothing vouches for it.
    writeFileSync("/etc/docker/plugins/unknown.json", JSON.stringify({ Addr: address }));
    const reload = async (names: readonly string[], text = "reloaded the configuration"): Promise<void> => {
      const from = daemon.output.length;
      write(names);
      daemon.kill("SIGHUP");
      await waitForOutput(text, from);
    };
    await reload(
      ["unknown"],
      "error validating authorization plugin: Plugin.Activate: cannot ask at https://",
    );
    await reload(["docked", "filed", "far"]);
    expect((await askApi(tare.socket, "GET", "/_ping")).status).toBe(200);
    const seen = ["Req GET /_ping", "Res GET /_ping"];
    const all = [bySocket, byFile, byTls, plugin].map((each) => each.takeSeen());
    expect(all).toEqual([seen, seen, seen, []]);
    await reload(["guard"]);
  });

  test("a daemon whose plug-in is missing does not start", () => {
    const [data, run] = [join(tare.directory, "other"), join(tare.directory, "other-run")];
    const flag = "--authorization-plugin=missing";
    const words = ["--data-root", data, "--run-root", run, "daemon", "--config-file=/dev/null", flag];
    const { status, stderr } = spawnSync(executable, words, { encoding: "utf8", timeout: 20_000 });
    expect(status).toBe(1);
    expect(stderr).toContain('error validating authorization plugin: plugin "missing" not found');
  });
});
