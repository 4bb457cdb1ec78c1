import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TerminalSession } from "../support/terminal-session.ts";
import { TestRegistry } from "../support/test-registry.ts";

const program = findDockerCli();
if (program === undefined) console.log("skipped: docker-cli (apt-get install docker-cli)");

describe.skipIf(!isRoot || program === undefined)("docker-cli with the engine", () => {
  let tare: Installation;
  let docker: DockerCli;
  const open = (...args: readonly string[]): TerminalSession => new TerminalSession(docker.argv(...args));
  const format = (id: string, template: string): Promise<string> =>
    docker.must(["inspect", "-f", template, id]);

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["version"]);
    docker = new DockerCli(program ?? "", {
      socket: tare.clientSocket,
      config: join(tare.directory, "docker"),
    });
    expect(await docker.must(["load", "-i", busyboxArchive()])).toBe("Loaded image: busybox:latest");
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("version and info are whole, without warnings", async () => {
    const version = await docker.run(["version"]);
    expect(version).toMatchObject({ code: 0, stderr: "" });
    expect(version.stdout).toMatch(
      /Server: Tare\n Engine:\n {2}Version: +\d+\.\d+\.\d+\n {2}API version: +1\.56 \(minimum version 1\.24\)/,
    );
    const info = await docker.run(["info"]);
    expect(info.code).toBe(0);
    // What this machine's root may not do is said; nothing else.
    for (const line of info.stderr.split("\n").filter((text) => text !== ""))
      expect(line).toMatch(/^WARNING: /);
    for (const said of [
      "Storage Driver: overlay",
      "Cgroup Driver: cgroupfs",
      "Runtimes: tare",
      `Docker Root Dir: ${tare.dataRoot}`,
      "Images: 1",
      "OSType: linux",
    ]) {
      expect(info.stdout).toContain(said);
    }
    expect(info.stdout).not.toMatch(/<nil>|<no value>|%!|template|undefined|NaN/);
  });

  test("explain-denials is asked for, and answered, through docker, too", async () => {
    const { code } = await docker.run(
      "run --name told --security-opt explain-denials=true busybox mount -t tmpfs none /mnt".split(" "),
    );
    expect(code).not.toBe(0);
    expect(await format("told", "{{range .Tare.Denials}}{{.Call}} {{.Advice}}{{end}}")).toBe(
      "mount --cap-add SYS_ADMIN",
    );
    const untilSeconds = Math.floor(Date.now() / 1000) + 1;
    const events = `events --since 1 --until ${untilSeconds} --filter event=denied --filter container=told`;
    expect(await docker.must(events.split(" "))).toMatch(/ container denied [0-9a-f]{64} \(.*call=mount,/);
    await docker.must(["rm", "told"]);
  });

  test("images, image inspect, history, tag, rmi", async () => {
    expect(await docker.must(["images", "--format", "{{.Repository}} {{.Tag}}"])).toBe("busybox latest");
    expect(await docker.must(["images"])).toMatch(
      /^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\nbusybox +latest +[0-9a-f]{12} +2 years ago +\d/,
    );
    const [image] = JSON.parse(await docker.must(["image", "inspect", "busybox"])) as Record<
      string,
      unknown
    >[];
    expect(image).toMatchObject({
      RepoTags: ["busybox:latest"],
      Os: "linux",
      Config: { Cmd: ["sh"], Env: [expect.stringContaining("PATH=")] },
      RootFS: { Type: "layers", Layers: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)] },
      GraphDriver: { Name: "overlay" },
    });
    expect(await docker.must(["history", "--format", "{{.CreatedBy}}", "busybox"])).toBe("test");
    await docker.must(["tag", "busybox", "mine/box:1"]);
    expect(await docker.must(["images", "-q", "--filter", "reference=mine/*"])).toMatch(/^[0-9a-f]{12}$/);
    expect(await docker.must(["rmi", "mine/box:1"])).toBe("Untagged: mine/box:1");
    const gone = await docker.run(["rmi", "mine/box:1"]);
    expect([gone.code, gone.stderr]).toEqual([1, "Error response from daemon: No such image: mine/box:1\n"]);
    await using registry = await TestRegistry.start();
    const pull = await docker.run(["pull", `${registry.host}/nothing/here`]);
    expect([pull.code, pull.stderr]).toEqual([
      1,
      `Error response from daemon: manifest for ${registry.host}/nothing/here:latest not found: ${registry.host}: manifest unknown: manifest unknown\n`,
    ]);
    await docker.must(["tag", "busybox", `${registry.host}/mine/box:1`]);
    expect(await docker.must(["push", `${registry.host}/mine/box:1`])).toMatch(
      /^1: digest: sha256:[0-9a-f]{64} size: \d+$/m,
    );
    await docker.must(["rmi", `${registry.host}/mine/box:1`]);
    expect(await docker.must(["run", "--rm", `${registry.host}/mine/box:1`, "echo", "pulled"])).toContain(
      "pulled",
    );
    await docker.must(["rmi", `${registry.host}/mine/box:1`]);
  });

  test("load takes OCI archives and standard input; what is no archive is refused in one sentence", async () => {
    expect(await docker.must(["load", "-i", busyboxArchive("oci-gzip")])).toBe(
      "Loaded image: busybox:latest",
    );
    expect(await docker.must(["load"], { input: readFileSync(busyboxArchive()) })).toBe(
      "Loaded image: busybox:latest",
    );
    const refused = await docker.run(["load"], { input: "no archive at all ".repeat(100) });
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr.trim().split("\n").length).toBe(1);
  });

  test("run passes output, codes and input on", async () => {
    expect(
      await docker.run(["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"]),
    ).toEqual({
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
    const input = "a line of input\n".repeat(50_000);
    const through = await docker.run(["run", "-i", "--rm", "busybox", "cat"], { input });
    expect(through.code).toBe(0);
    expect(through.stdout === input).toBe(true);
    // The end of input arrives, though the container writes on after it.
    expect(
      await docker.must(["run", "-i", "--rm", "busybox", "sh", "-c", "cat >/dev/null; echo ended; echo on"], {
        input: "x",
      }),
    ).toBe("ended\non");
    const killed = docker.run(["run", "--rm", "--name", "shot", "busybox", "sh", "-c", "sleep 1000"]);
    for (let tries = 0; (await docker.run(["kill", "shot"])).code !== 0; tries++)
      expect(tries).toBeLessThan(100);
    expect((await killed).code).toBe(137);
  });

  const refusals: readonly (readonly [args: string, code: number, says: string])[] = [
    [
      "--rm busybox no-such-program",
      127,
      'cannot execute "no-such-program": executable file not found in $PATH',
    ],
    ["--rm busybox /etc", 126, "permission denied"],
    ["nosuch:1 true", 125, "Unable to find image 'nosuch:1' locally"],
    ["--rm -m 1m busybox true", 125, "Minimum memory limit allowed is 6MB"],
    ["--rm -u nosuch busybox true", 125, "unable to find user nosuch: no matching entries in passwd file"],
    [
      "--rm --mount type=bind,src=/no-such-source,dst=/x busybox true",
      125,
      "bind source path does not exist: /no-such-source",
    ],
    ["--rm --log-driver splunk busybox true", 125, 'plugin "splunk" not found'],
    ["--restart sometimes busybox true", 125, "invalid restart policy: unknown policy 'sometimes'"],
    ["--rm --mount type=image,dst=/x busybox true", 125, 'Mount type "Image" needs API v1.48 or newer'],
    ["--rm --network other busybox true", 125, "network other not found"],
  ];
  test.each(refusals)("run %s ends with %d", async (args, code, says) => {
    const refused = await docker.run(["run", ...args.split(" ")]);
    expect([refused.code, refused.stdout]).toEqual([code, ""]);
    expect(refused.stderr).toContain(says);
    expect(refused.stderr).not.toContain("Error waiting for container");
    expect(await docker.must(["ps", "-aq"])).toBe("");
  });

  test("--entrypoint: one of our own, and none", async () => {
    expect(await docker.must(["run", "--rm", "--entrypoint", "echo", "busybox", "said"])).toBe("said");
    expect(await docker.must(["run", "--rm", "--entrypoint", "", "busybox", "echo", "said"])).toBe("said");
    const none = await docker.run(["run", "--rm", "--entrypoint", "", "busybox"]);
    expect([none.code, none.stderr]).toEqual([125, expect.stringContaining("no command specified")]);
  });

  test.each([
    ["--volumes-from", "nobody"],
    ["--pid", "container:nobody"],
    ["--ipc", "container:nobody"],
  ])("create %s %s names the missing container, and pulls nothing", async (flag, value) => {
    for (const command of ["create", "run"]) {
      const { code, stderr } = await docker.run([command, flag, value, "busybox", "true"]);
      expect([code, stderr]).toEqual([
        command === "run" ? 125 : 1,
        expect.stringContaining("Error response from daemon: No such container: nobody"),
      ]);
      expect(stderr).not.toContain("Unable to find image");
    }
  });

  test("the container whose network another one has is looked for when that one starts", async () => {
    const words = ["--network", "container:nobody", "busybox", "true"];
    await docker.must(["create", "--name", "early", ...words]);
    for (const asked of [
      ["start", "early"],
      ["run", "--rm", ...words],
    ]) {
      const { code, stderr } = await docker.run(asked);
      expect([code, stderr]).toEqual([
        asked[0] === "run" ? 125 : 1,
        expect.stringContaining("No such container: nobody"),
      ]);
      expect(stderr).not.toContain("Unable to find image");
    }
    await docker.must(["rm", "early"]);
    expect(await docker.must(["ps", "-aq"])).toBe("");
  });

  test("inspect has what compose and testcontainers read", async () => {
    const flags =
      "run -d --name full -e A=b -l one=two --hostname boxy -v /tmp:/host:ro --tmpfs /t:size=1m -m 64m --cpus 0.5 --pids-limit 50 --cap-add NET_ADMIN --security-opt no-new-privileges --stop-signal INT --group-add 7 -w /tmp";
    const id = await docker.must([...flags.split(" "), "busybox", "sh", "-c", "sleep 1000"]);
    const [full] = JSON.parse(await docker.must(["inspect", "full"])) as Record<string, unknown>[];
    expect(full).toMatchObject({
      Id: id,
      Name: "/full",
      Path: "sh",
      Args: ["-c", "sleep 1000"],
      Driver: "overlay",
      Platform: "linux",
      RestartCount: 0,
      Image: expect.stringMatching(/^sha256:/),
      State: {
        Status: "running",
        Running: true,
        Paused: false,
        Restarting: false,
        OOMKilled: false,
        Dead: false,
        ExitCode: 0,
        Error: "",
        FinishedAt: "0001-01-01T00:00:00Z",
      },
      Config: {
        Hostname: "boxy",
        Image: "busybox",
        Cmd: ["sh", "-c", "sleep 1000"],
        Entrypoint: null,
        WorkingDir: "/tmp",
        Tty: false,
        OpenStdin: false,
        StopSignal: "INT",
        Labels: { one: "two" },
        Env: expect.arrayContaining(["A=b", expect.stringContaining("PATH=")]),
      },
      HostConfig: {
        Binds: ["/tmp:/host:ro"],
        Tmpfs: { "/t": "size=1m" },
        Memory: 64 << 20,
        MemorySwap: 128 << 20,
        MemorySwappiness: null,
        NanoCpus: 500_000_000,
        PidsLimit: 50,
        CapAdd: ["NET_ADMIN"],
        SecurityOpt: ["no-new-privileges"],
        GroupAdd: ["7"],
        LogConfig: { Type: "json-file", Config: {} },
        IpcMode: "private",
        CgroupnsMode: "private",
        RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
        NetworkMode: "bridge",
        ShmSize: 64 << 20,
        AutoRemove: false,
        MaskedPaths: expect.arrayContaining(["/proc/kcore"]),
        ReadonlyPaths: expect.arrayContaining(["/proc/sys"]),
      },
      NetworkSettings: {
        Ports: {},
        IPAddress: expect.stringMatching(/^172\./),
        Networks: { bridge: { IPAddress: expect.stringMatching(/^172\./), Aliases: null } },
      },
      GraphDriver: { Name: "overlay", Data: { UpperDir: expect.stringContaining(tare.dataRoot) } },
    });
    expect((full as { Mounts: unknown[] }).Mounts).toContainEqual({
      Type: "bind",
      Source: "/tmp",
      Destination: "/host",
      Mode: "ro",
      RW: false,
      Propagation: "rprivate",
    });
    const pid = await format("full", "{{.State.Pid}}");
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toContain("sleep");
    expect(existsSync(await format("full", "{{.HostsPath}}"))).toBe(true);
    expect(existsSync(await format("full", "{{.ResolvConfPath}}"))).toBe(true);
    expect(Date.parse(await format("full", "{{.State.StartedAt}}"))).toBeGreaterThan(Date.now() - 60_000);
    expect(
      await format(id.slice(0, 12), '{{json .Config.Labels}} {{len .Mounts}} {{index .Config.Labels "one"}}'),
    ).toMatch(/^{"one":"two"} \d two$/);
    await docker.must(["rm", "-f", "full"]);
  });

  test("names: a conflict is in Docker's words; rename frees the old one", async () => {
    const id = await docker.must(["create", "--name", "taken", "busybox", "true"]);
    const conflict = await docker.run(["run", "--name", "taken", "busybox", "true"]);
    expect([conflict.code, conflict.stderr]).toEqual([
      125,
      expect.stringContaining(
        `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
      ),
    ]);
    await docker.must(["rename", "taken", "moved"]);
    expect(await docker.must(["create", "--name", "taken", "busybox", "true"])).toHaveLength(64);
    expect(await docker.must(["rm", "moved", "taken"])).toBe("moved\ntaken");
  });

  test("ps: filters, formats, -n, -l", async () => {
    await docker.must(["run", "-d", "--name", "ps-one", "-l", "team=a", "busybox", "sleep", "1000"]);
    await docker.must(["create", "--name", "ps-two", "-l", "team=b", "busybox", "true"]);
    await docker.run(["run", "--name", "ps-three", "busybox", "sh", "-c", "exit 3"]);
    const names = (...args: string[]): Promise<string> =>
      docker.must(["ps", "--format", "{{.Names}}", ...args]);
    expect(await names()).toBe("ps-one");
    expect(await names("-a")).toBe("ps-three\nps-two\nps-one");
    expect(await names("-n", "2")).toBe("ps-three\nps-two");
    expect(await names("-l")).toBe("ps-three");
    expect(await names("-f", "status=created")).toBe("ps-two");
    expect(await names("-a", "-f", "exited=3")).toBe("ps-three");
    expect(await names("-a", "-f", "label=team")).toBe("ps-two\nps-one");
    expect(await names("-a", "-f", "label=team=b")).toBe("ps-two");
    expect(await names("-a", "-f", "name=ps-t")).toBe("ps-three\nps-two");
    expect(await names("-a", "-f", "ancestor=busybox", "-f", "before=ps-two")).toBe("ps-one");
    expect(
      await docker.must(["ps", "-a", "-f", "name=ps-three", "--format", "{{.Status}}|{{.Command}}"]),
    ).toMatch(/^Exited \(3\) .* ago\|"sh -c 'exit 3'"$/);
    expect(await docker.must(["ps"])).toMatch(
      /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES\n[0-9a-f]{12} +busybox +"sleep 1000" +.* Up .* ps-one$/,
    );
    expect((JSON.parse(await docker.must(["ps", "--format", "json"])) as { Labels: string }).Labels).toBe(
      "team=a",
    );
    expect((await docker.run(["ps", "-f", "nonsense=1"])).stderr).toContain("invalid filter 'nonsense'");
    await docker.must(["rm", "-f", "ps-one", "ps-two", "ps-three"]);
  });

  test("exec: user, directory, variables, input, codes", async () => {
    await docker.must(["run", "-d", "--name", "inside", "busybox", "sleep", "1000"]);
    expect(
      await docker.must([
        "exec",
        "-u",
        "1000",
        "-w",
        "/tmp",
        "-e",
        "X=y",
        "inside",
        "sh",
        "-c",
        "id -u; pwd; echo $X",
      ]),
    ).toBe("1000\n/tmp\ny");
    expect(await docker.must(["exec", "-i", "inside", "cat"], { input: "fed" })).toBe("fed");
    expect((await docker.run(["exec", "inside", "sh", "-c", "exit 9"])).code).toBe(9);
    expect(await docker.run(["exec", "inside", "no-such"])).toMatchObject({
      code: 127,
      stdout: "",
      stderr: expect.stringContaining("executable file not found"),
    });
    expect((await docker.run(["exec", "inside", "/etc"])).code).toBe(126);
    expect((await docker.run(["exec", "-t", "inside", "no-such"])).code).toBe(127);
    expect((await docker.run(["exec", "-d", "inside", "no-such"])).code).not.toBe(0);
    expect(await docker.must(["exec", "-t", "inside", "tty"])).toBe("/dev/pts/0");
    await docker.must(["exec", "-d", "inside", "touch", "/made"]);
    for (let tries = 0; tries < 50; tries++) {
      if ((await docker.run(["exec", "inside", "test", "-e", "/made"])).code === 0) break;
      expect(tries).toBeLessThan(49);
    }
    expect((await docker.run(["exec", "nowhere", "true"])).stderr).toBe(
      "Error response from daemon: No such container: nowhere\n",
    );
    await docker.must(["kill", "inside"]);
    const stopped = await docker.run(["exec", "inside", "true"]);
    expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringContaining("is not running")]);
    await docker.must(["rm", "inside"]);
  });

  test("logs: streams, --tail, -t, --since, --until, -f", async () => {
    await docker.must([
      "run",
      "--name",
      "said",
      "busybox",
      "sh",
      "-c",
      "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.05; done",
    ]);
    expect(await docker.run(["logs", "said"])).toEqual({
      code: 0,
      stdout: "out 1\nout 2\nout 3\n",
      stderr: "err 1\nerr 2\nerr 3\n",
    });
    const tail = await docker.run(["logs", "--tail", "2", "said"]);
    // The two streams are read apart: which lines were last is not said.
    expect((tail.stdout + tail.stderr).trim().split("\n").length).toBe(2);
    expect(await docker.must(["logs", "-t", "said"])).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out 1\n/,
    );
    const stamps = (await docker.must(["logs", "-t", "said"]))
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "");
    expect(await docker.must(["logs", "--since", stamps[1] ?? "", "said"])).toBe("out 2\nout 3");
    expect(await docker.must(["logs", "--until", stamps[0] ?? "", "said"])).toBe("out 1");
    expect(await docker.must(["logs", "--since", "2099-01-01", "said"])).toBe("");
    await docker.must(["rm", "said"]);
    await docker.must([
      "run",
      "-d",
      "--name",
      "says",
      "busybox",
      "sh",
      "-c",
      "for i in 1 2 3; do echo $i; sleep 0.2; done",
    ]);
    expect(await docker.must(["logs", "-f", "says"])).toBe("1\n2\n3");
    await docker.must(["rm", "says"]);
  });

  test("stop, kill, restart, wait, start -a, rm", async () => {
    const script =
      "trap 'echo asked; exit 5' TERM; trap 'echo poked' USR1; echo up; while :; do sleep 0.05; done";
    await docker.must(["run", "-d", "--name", "life", "busybox", "sh", "-c", script]);
    const sees = async (text: string): Promise<void> => {
      for (let tries = 0; !(await docker.must(["logs", "life"])).includes(text); tries++)
        expect(tries).toBeLessThan(100);
    };
    await sees("up");
    await docker.must(["kill", "-s", "USR1", "life"]);
    await sees("poked");
    const waiting = docker.must(["wait", "life"]);
    expect(await docker.must(["stop", "life"])).toBe("life");
    expect(await waiting).toBe("5");
    expect(await format("life", "{{.State.Status}} {{.State.ExitCode}} {{.State.Running}}")).toBe(
      "exited 5 false",
    );
    await docker.must(["restart", "life"]);
    const pid = await format("life", "{{.State.Pid}}");
    await docker.must(["restart", "-t", "0", "life"]);
    expect(await format("life", "{{.State.Pid}}")).not.toBe(pid);
    expect((await docker.run(["rm", "life"])).stderr).toMatch(
      /cannot remove container "\/\S+": container is running: stop the container before removing or force remove/,
    );
    expect(await docker.must(["kill", "life"])).toBe("life");
    expect((await docker.run(["kill", "life"])).stderr).toMatch(
      /cannot kill container: life: .* is not running/,
    );
    expect(await docker.must(["wait", "life"])).toBe("137");
    await docker.must(["rm", "life"]);
    expect((await docker.run(["wait", "life"])).stderr).toBe(
      "Error response from daemon: No such container: life\n",
    );

    await docker.must(["create", "-i", "--name", "again", "busybox", "sh", "-c", "cat; exit 4"]);
    expect(await docker.run(["start", "-ai", "again"], { input: "fed" })).toMatchObject({
      code: 4,
      stdout: "fed",
    });
    await docker.must(["rm", "again"]);
  });

  test("events: past, filtered, as JSON; a stream that ends at --until", async () => {
    const since = String(Date.now() / 1000 - 0.001);
    const id = await docker.must(["run", "-d", "--name", "seen", "-l", "k=v", "busybox", "sleep", "1000"]);
    await docker.must(["kill", "seen"]);
    await docker.must(["wait", "seen"]);
    const until = String(Date.now() / 1000 + 1);
    await docker.must(["rm", "seen"]);
    const events = (...args: string[]): Promise<string> =>
      docker.must(["events", "--since", since, "--until", until, ...args]);
    expect(await events("-f", "container=seen", "--format", "{{.Action}}")).toBe(
      "create\nstart\nkill\ndie\ndestroy",
    );
    expect(
      await events(
        "-f",
        "event=die",
        "-f",
        "label=k=v",
        "--format",
        "{{.Actor.Attributes.exitCode}} {{.ID}}",
      ),
    ).toBe(`137 ${id}`);
    expect(await events("-f", "type=image")).toBe("");
    const [first = ""] = (await events("-f", "container=seen", "--format", "json")).split("\n");
    expect(JSON.parse(first)).toMatchObject({
      Type: "container",
      Action: "create",
      Actor: { ID: id, Attributes: { name: "seen", image: "busybox", k: "v" } },
      scope: "local",
    });
    expect(await events("-f", "event=start")).toMatch(
      /^\d{4}-\d\d-\d\dT.* container start [0-9a-f]{64} \(image=busybox, k=v, name=seen\)$/,
    );
  });

  test("a terminal: run -it, sizes, detach keys, attach, start -ai, exec -it", async () => {
    {
      using session = open("run", "--rm", "-it", "busybox", "stty", "size");
      expect(await session.finish()).toBe(0);
      await session.sees("33 99\r\n"); // at the first instruction
    }
    {
      using session = open("run", "-it", "--name", "tty", "busybox", "sh");
      await session.sees("# ");
      session.type("echo TYPED$((40+2))\r");
      await session.sees("TYPED42");
      session.type("\x10\x11");
      expect(await session.finish()).toBe(0);
    }
    expect(
      await format(
        "tty",
        "{{.State.Status}} {{.Config.Tty}} {{.Config.OpenStdin}} {{.HostConfig.ConsoleSize}}",
      ),
    ).toBe("running true true [33 99]");
    {
      using session = open("attach", "--detach-keys", "ctrl-x,d", "tty");
      await session.sees("# ");
      session.type("\x18d");
      await session.sees("read escape sequence");
      expect(await session.finish()).toBe(1); // the client's own choice
    }
    {
      using session = open("exec", "-it", "tty", "sh");
      await session.sees("# ");
      session.type("stty size; exit 9\r");
      await session.sees("33 99");
      expect(await session.finish()).toBe(9);
    }
    {
      using session = open("attach", "tty");
      await session.sees("# ");
      session.type("exit 7\r");
      expect(await session.finish()).toBe(7);
    }
    {
      using session = open("start", "-ai", "tty");
      await session.sees("# ");
      session.type("exit 6\r");
      expect(await session.finish()).toBe(6);
    }
    await docker.must(["rm", "tty"]);
    expect(await docker.run(["run", "--rm", "-it", "busybox", "true"])).toMatchObject({
      code: 1,
      stderr: "the input device is not a TTY\n",
    });
  });

  test("stats shows what runs, and zeros for what does not", async () => {
    await docker.must(["run", "-d", "--name", "runs", "-m", "64m", "busybox", "sleep", "1000"]);
    await docker.must(["create", "--name", "rests", "busybox", "true"]);
    const format = "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDs}}";
    expect(await docker.must(["stats", "--no-stream", "--format", format])).toMatch(
      /^runs \d+\.\d\d% \d+(\.\d+)?[KM]iB \/ 64MiB \d+(\.\d+)?k?B \/ \d+(\.\d+)?k?B 1$/,
    );
    expect(await docker.must(["stats", "--no-stream", "--format", format, "rests"])).toBe(
      "rests 0.00% 0B / 0B 0B / 0B 0",
    );
    expect(await docker.run(["stats", "--no-stream", "nobody"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("No such container: nobody"),
    });
    await docker.must(["rm", "-f", "runs", "rests"]);
  });

  test.each([
    ["swarm init", "swarm is not part of Tare"],
    ["node ls", "swarm is not part of Tare"],
    ["service ls", "swarm is not part of Tare"],
    ["service create --no-resolve-image busybox", "swarm is not part of Tare"],
    ["stack ls", "swarm is not part of Tare"],
    ["config ls", "swarm is not part of Tare"],
    ["config create name -", "swarm is not part of Tare"],
    ["secret ls", "swarm is not part of Tare"],
    ["plugin install --grant-all-permissions vieux/sshfs", "plugins are not part of Tare"],
    ["plugin enable vieux/sshfs", "plugins are not part of Tare"],
  ])("%s is refused in one sentence: %s", async (args, sentence) => {
    const { code, stderr } = await docker.run(args.split(" "), { input: "x" });
    expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    expect(stderr).not.toContain("page not found");
  });

  test("plugin ls is empty, and info lists the network drivers", async () => {
    expect(await docker.must(["plugin", "ls", "-q"])).toBe("");
    expect(await docker.must(["info", "-f", "{{json .Plugins.Network}}"])).toBe(
      '["bridge","host","ipvlan","macvlan","null"]',
    );
  });

  test("networks, volumes and disk usage are lists that tell what there is", async () => {
    expect(await docker.must(["network", "ls", "--format", "{{.Name}} {{.Driver}}"])).toBe(
      "bridge bridge\nhost host\nnone null",
    );
    expect(await docker.must(["network", "inspect", "none", "-f", "{{.Driver}} {{.Scope}}"])).toBe(
      "null local",
    );
    expect(await docker.must(["volume", "ls", "-q"])).toBe("");
    expect(await docker.must(["system", "df", "--format", "{{.Type}} {{.TotalCount}}"])).toContain(
      "Images 1\n",
    );
  });
});
