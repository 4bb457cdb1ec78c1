import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectTo } from "../../src/library/connected-engine.ts";
import { type ApiAnswer, askApi } from "../support/ask-api.ts";
import { busyboxArchive, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];

describe.skipIf(!isRoot)("what is asked of pods", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const refused = async (...args: string[]): Promise<string> => await tare.refused(args);
  const state = (pod: string) => tare.must(["pod", "inspect", "-f", "{{.State}}", pod]);
  const post = (path: string, body: object): Promise<ApiAnswer> => askApi(tare.socket, "POST", path, body);

  test("run --pod new: makes both, and nothing where the container can't be made", async () => {
    await tare.must([
      "run",
      "-d",
      "--pod",
      "new:fresh",
      "-p",
      "18281:80",
      "--hostname",
      "mine",
      "--name",
      "in-fresh",
      ...sleeper,
    ]);
    expect(
      await tare.must([
        "pod",
        "inspect",
        "-f",
        "{{.Hostname}} {{.State}} {{.InfraConfig.PortBindings}}",
        "fresh",
      ]),
    ).toMatch(/^mine Running map\[80\/tcp:.*18281/);
    expect(await tare.must(["exec", "in-fresh", "hostname"])).toBe("mine");
    expect(await refused("run", "--pod", "new:fresh", "busybox", "true")).toContain("the name is in use");
    expect(await state("fresh")).toBe("Running");
    expect(await refused("run", "--pull", "never", "--pod", "new:other", "absent", "true")).toContain(
      "absent",
    );
    expect(await refused("run", "--pod", "new:other", "--name", "in-fresh", "busybox", "true")).toContain(
      "in-fresh",
    );
    expect(await refused("run", "--pod", "new:a/b", "busybox", "true")).toContain('cannot name a pod "a/b"');
    expect(await tare.must(["pod", "ls", "--format", "{{.Name}}"])).toBe("fresh");
    const file = join(tare.directory, "pod-id");
    await tare.must(["pod", "create", "--pod-id-file", file, "of-file"]);
    expect(await tare.must(["run", "--rm", "--pod-id-file", file, "busybox", "hostname"])).toBe("of-file");
    expect(await tare.must(["pod", "stop", "--pod-id-file", file])).toBe(readFileSync(file, "utf8"));
    writeFileSync(file, "nonsense");
    expect(await refused("pod", "rm", "--pod-id-file", file)).toContain("no pod ID in ");
    expect(await refused("pod", "create", "--pod-id-file", file, "again")).toContain("pod ID file found");
    expect(await tare.must(["pod", "prune", "-f"])).toMatch(/^Deleted Pods:\n[0-9a-f]{64}$/);
    await tare.must(["pod", "rm", "-f", "fresh"]);
    expect(await tare.must(["pod", "rm", "--ignore", "fresh"])).toBe("");
    expect(await refused("pod", "rm", "fresh")).toContain('cannot find pod "fresh"');
    expect(await refused("pod", "stop")).toContain("name a pod, or use --all");
  });

  test("a pod has the address that it asks for, the host's network, none, or shares nothing", async () => {
    const look = async (pod: string, script: string): Promise<string> =>
      await tare.must(["run", "--rm", "--pod", pod, "busybox", "sh", "-c", script]);
    await tare.must(["network", "create", "--subnet", "10.77.0.0/24", "fixed"]);
    const address = ["--ip", "10.77.0.9", "--mac-address", "92:d0:c6:0a:29:33"];
    await tare.must(["pod", "create", "--network", "fixed", ...address, "--dns", "10.77.0.8", "addressed"]);
    expect(await look("addressed", "ip -o addr show eth0; cat /sys/class/net/eth0/address")).toMatch(
      /inet 10\.77\.0\.9\/24 [^]*92:d0:c6:0a:29:33$/,
    );
    await tare.must(["pod", "create", "--mac-address", "92:d0:c6:0a:29:34", "of-bridge"]);
    expect(await look("of-bridge", "cat /sys/class/net/eth0/address")).toBe("92:d0:c6:0a:29:34");
    await tare.must(["pod", "create", "--network", "host", "of-host"]);
    expect(await look("of-host", "ls /sys/class/net")).toContain("tr-");
    await tare.must(["pod", "create", "--network", "none", "lonely"]);
    expect(await look("lonely", "ls /sys/class/net; hostname")).toBe("lo\nlonely");
    await tare.must(["pod", "create", "--share", "none", "loose"]);
    const own = await tare.must([
      "run",
      "--rm",
      "--pod",
      "loose",
      "--hostname",
      "own",
      "busybox",
      "hostname",
    ]);
    expect(own).toBe("own");
    expect(await look("loose", "ls /sys/class/net")).toContain("eth0");
    await tare.must(["pod", "create", "--share", "net", "named-apart"]);
    expect(
      await tare.must([
        "run",
        "--rm",
        "--pod",
        "named-apart",
        "-h",
        "mine",
        "busybox",
        "sh",
        "-c",
        "hostname; cat /etc/hostname",
      ]),
    ).toBe("mine\nmine");
    await tare.must(["pod", "rm", "--force", "--all"]);
    await tare.must(["network", "rm", "fixed"]);
  });

  test("an image of somebody's that has the name of the infra image is not what holds a pod", async () => {
    await tare.must(["import", "-", "localhost/tare-pause:latest"], {
      input: tarOf([["hello", "not a program"]]),
    });
    await tare.must(["pod", "create", "safe"]);
    await tare.must(["pod", "start", "safe"]);
    expect(await state("safe")).toBe("Running");
    await tare.must(["pod", "rm", "-f", "safe"]);
  });

  test("requests that can't be are refused in a sentence, and leave nothing", async () => {
    for (const [body, status, words] of [
      [{ Share: ["cgroup"] }, 400, 'it can\'t share the namespace \\"cgroup\\"'],
      [{ Share: "net" }, 400, "Share must be a list"],
      [{ Name: "../x" }, 400, 'cannot name a pod \\"../x\\"'],
      [{ Name: "x".repeat(300) }, 400, "cannot name a pod"],
      [{ Name: "ok", HostConfig: { PortBindings: 7 } }, 400, "PortBindings"],
      [{ Name: "ok", HostConfig: { NetworkMode: "container:" } }, 400, "invalid container format"],
      [
        { Name: "ok", Share: ["ipc"], HostConfig: { PortBindings: { "80/tcp": [{}] } } },
        400,
        "share net, too",
      ],
      [[], 400, "must be an object"],
    ] as const) {
      const reply = await post("/tare/pods/create", body);
      expect([body, reply.status, reply.text]).toEqual([body, status, expect.stringContaining(words)]);
    }
    expect((await post("/tare/pods/%2e%2e/start", {})).status).toBe(404);
    expect(await refused("pod", "create", "--infra=false", "x")).toContain("--share none makes a pod");
    expect(await refused("pod", "create", "--share", "cgroup", "x")).toContain("--share cgroup");
    expect(await refused("pod", "create", "--share", "mnt", "x")).toContain('invalid kernel namespace "mnt"');
    expect(await refused("pod", "create", "--name", "a1", "b1")).toContain("conflicting pod names");
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(
      existsSync(join(tare.dataRoot, "containers"))
        ? execFileSync("ls", [join(tare.dataRoot, "containers")]).toString()
        : "",
    ).toBe("");
  });

  test("the library has pods, here and through the API", async () => {
    await using engine = await connectTo(`unix://${tare.clientSocket}`);
    const { id } = await engine.pods.create({
      name: "lib",
      share: ["network"],
      ports: [{ containerPort: 80, hostPort: 18282 }],
    });
    const member = await engine.containers.create({
      image: "busybox",
      pod: "lib",
      process: { command: ["sleep", "1000"] },
    });
    await engine.pods.start(id);
    expect(await engine.pods.inspect("lib")).toMatchObject({
      state: "running",
      share: ["network"],
      ports: [{ containerPort: 80, hostPort: 18282 }],
      containers: [{ id }, { id: member.id }],
    });
    expect((await engine.containers.inspect(member.id)).pod).toEqual({ id, name: "lib", isInfra: false });
    expect((await engine.pods.list()).map(({ name }) => name)).toEqual(["lib"]);
    await engine.pods.stop("lib", { graceMs: 0 });
    expect(await engine.pods.prune()).toEqual({ removed: [id] });
  });
});
