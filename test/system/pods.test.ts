import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import type { Pod } from "../../src/api/types/pod.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"];
const server = ["busybox", "sh", "-c", "echo served > /tmp/index.html; exec httpd -f -p 80 -h /tmp"];

describe.skipIf(!isRoot)("pods", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const refused = async (...args: string[]): Promise<string> => await tare.refused(args);
  const state = (pod: string) => tare.must(["pod", "inspect", "-f", "{{.State}}", pod]);
  const statuses = (pod: string) =>
    tare.must(["pod", "inspect", "-f", "{{range .Containers}}{{.State}} {{end}}", pod]);
  const namespace = (container: string, type: string) =>
    tare.must(["exec", container, "readlink", `/proc/self/ns/${type}`]);

  test("init containers run to their end before the others, at each start of the pod or once", async () => {
    await tare.must(["pod", "create", "--name", "prepared"]);
    const createMember = ["create", "--pod", "prepared", "-v", "prepared:/v"];
    const make = async (name: string, kind: string, script: string): Promise<string> =>
      await tare.must([...createMember, "--init-ctr", kind, "--name", name, "busybox", "sh", "-c", script]);
    await make("first", "once", "sleep 0.5; echo once >> /v/log");
    await make("second", "always", "sleep 0.5; echo always >> /v/log");
    const script = "echo main >> /v/log; trap exit TERM; while :; do sleep 0.1; done";
    await tare.must([...createMember, "--name", "main", "busybox", "sh", "-c", script]);
    const log = async (lines: number): Promise<string> =>
      await poll(
        async () => {
          const text = await tare.must(["exec", "main", "cat", "/v/log"]);
          return text.split("\n").length < lines ? undefined : text;
        },
        { timeoutMs: 20_000, what: "see what the containers of the pod have written" },
      );
    await tare.must(["pod", "start", "prepared"]);
    expect(await log(3)).toBe("once\nalways\nmain");
    expect(await refused("inspect", "first")).toContain("No such");
    await tare.must(["pod", "restart", "-t", "5", "prepared"]);
    expect(await log(5)).toBe("once\nalways\nmain\nalways\nmain");
    expect(await statuses("prepared")).toBe("running exited running");
    // One that fails keeps the others from starting.
    await tare.must(["pod", "stop", "-t", "5", "prepared"]);
    await make("third", "once", "exit 3");
    expect((await refused("pod", "start", "prepared")).trim()).toBe(
      'tare: cannot start pod "prepared": its init container "third" ended with status 3: see tare logs third',
    );
    expect(await tare.must(["inspect", "-f", "{{.State.Status}}", "main", "third"])).toBe("exited\nexited");
    await tare.must(["pod", "rm", "-f", "prepared"]);
    await tare.must(["volume", "rm", "prepared"]);
    expect(await refused("create", "--init-ctr", "once", "busybox")).toContain("it needs Pod");
    expect(await refused("create", "--pod", "new:pp", "--init-ctr", "twice", "busybox")).toContain(
      'invalid InitContainer "twice": want always or once',
    );
    await tare.tare(["pod", "rm", "-f", "pp"]);
  });

  test("containers of a pod share its network, names, queues and /dev/shm, and not their processes", async () => {
    const id = await tare.must(["pod", "create", "--name", "web", "--label", "tier=front"]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await state("web")).toBe("Created");
    await tare.must(["run", "-d", "--pod", "web", "--name", "server", ...server]);
    await tare.must(["run", "-d", "--pod", id.slice(0, 12), "--name", "client", ...sleeper]);
    for (const type of ["net", "ipc", "uts"])
      expect([type, await namespace("server", type)]).toEqual([type, await namespace("client", type)]);
    for (const type of ["pid", "mnt", "cgroup"])
      expect([type, await namespace("server", type)]).not.toEqual([type, await namespace("client", type)]);
    const exec = (script: string) => tare.must(["exec", "client", "sh", "-c", script]);
    await poll(async () => ((await exec("wget -qO- localhost || true")) === "served" ? true : undefined), {
      timeoutMs: 20_000,
      what: "reach the other container at localhost",
    });
    expect(await exec("hostname; cat /etc/hostname; echo $HOSTNAME")).toBe("web\nweb\nweb");
    expect(await exec("grep -c web /etc/hosts")).toBe("1");
    await tare.must(["exec", "server", "sh", "-c", "echo shared > /dev/shm/there"]);
    expect(await exec("cat /dev/shm/there")).toBe("shared");
    const [pod] = JSON.parse(await tare.must(["pod", "inspect", "web"])) as [Pod];
    expect(pod).toMatchObject({
      Id: id,
      Name: "web",
      State: "Running",
      Hostname: "web",
      Labels: { tier: "front" },
      SharedNamespaces: ["ipc", "net", "uts"],
      InfraContainerID: id,
      NumContainers: 3,
      Containers: [{ Name: `${id.slice(0, 12)}-infra` }, { Name: "server" }, { Name: "client" }],
      InfraConfig: { Networks: ["bridge"], HostNetwork: false },
    });
    expect(
      await tare.must(["inspect", "-f", "{{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}}", "client"]),
    ).toBe(`container:${id} container:${id}`);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.Pod}} {{.Tare.Pod.Name}}", "client"])).toBe(
      `${id} web`,
    );
  });

  test("events tell what was done to a pod as a whole", async () => {
    const since = String(Date.now() / 1000);
    const id = await tare.must(["pod", "create", "--name", "told", "--label", "a=1"]);
    await tare.must(["create", "--pod", "told", ...sleeper]);
    for (const [action, ...flags] of [
      ["start"],
      ["pause"],
      ["unpause"],
      ["kill", "-s", "CONT"],
      ["stop", "-t", "0"],
      ["rm"],
    ] as const)
      await tare.must(["pod", action, ...flags, "told"]);
    const shown = async (...filters: string[]): Promise<readonly string[]> => {
      const flags = filters.flatMap((filter) => ["--filter", filter]);
      const range = ["--since", since, "--until", String(Date.now() / 1000 + 1)];
      const text = await tare.must(["events", ...range, ...flags]);
      return text.split("\n").map((line) => line.replace(/^\S+ /, ""));
    };
    const all = ["create", "start", "pause", "unpause", "kill", "stop", "remove"].map(
      (action) => `pod ${action} ${id} (a=1, name=told)`,
    );
    expect(await shown("type=pod")).toEqual(all);
    expect(await shown("pod=told", "label=a=1")).toEqual(all);
    expect(await shown(`pod=${id.slice(0, 12)}`, "event=stop")).toEqual([all[5] ?? ""]);
    expect(await shown("pod=other")).toEqual([""]);
  });

  test("pod logs mixes the logs of its containers by time, and says whose a line is", async () => {
    await tare.must(["pod", "create", "talk"]);
    const say = (name: string, word: string) =>
      tare.must(["run", "--pod", "talk", "--name", name, "busybox", "sh", "-c", word]);
    await say("first", "echo one; sleep 0.4; echo three");
    await say("second", "echo four; echo five >&2; printf six");
    await tare.must(["start", "-a", "first"]);
    expect(await tare.must(["pod", "logs", "--names", "talk"])).toBe(
      "first one\nfirst three\nsecond four\nsecond sixfirst one\nfirst three",
    );
    const { stdout, stderr } = await tare.tare(["pod", "logs", "-c", "second", "talk"]);
    expect([stdout, stderr]).toEqual(["four\nsix", "five\n"]);
    const [firstId, secondId] = await Promise.all(
      ["first", "second"].map((name) => tare.must(["inspect", "-f", "{{.Id}}", name])),
    );
    expect(await tare.must(["pod", "logs", "--tail", "1", "talk"])).toBe(
      `${secondId?.slice(0, 12)} six${firstId?.slice(0, 12)} three`,
    );
    expect(await tare.must(["pod", "logs", "-t", "--tail", "1", "-c", "first", "talk"])).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z three$/,
    );
    // To the end of what runs.
    expect(await tare.must(["pod", "logs", "-f", "-c", "first", "talk"])).toBe("one\nthree\none\nthree");
    expect(await refused("pod", "logs", "-c", "third", "talk")).toContain(
      'no such container in pod "talk": third',
    );
    expect(await refused("pod", "logs", "nobody")).toContain('cannot find pod "nobody"');
    await tare.must(["pod", "rm", "-f", "talk"]);
  });

  test("ps and pod ls show who is in which", async () => {
    const rows = await tare.must([
      "ps",
      "--pod",
      "--filter",
      "pod=web",
      "--format",
      "{{.Names}} {{.PodName}}",
    ]);
    expect(rows.split("\n").map((row) => row.replace(/^\w{12}-/, ""))).toEqual([
      "client web",
      "server web",
      "infra web",
    ]);
    const id = await tare.must(["pod", "ls", "-q", "--no-trunc"]);
    expect(await tare.must(["ps", "-p"])).toMatch(/POD ID +PODNAME\n/);
    expect(await tare.must(["ps", "-p"])).toContain(`${id.slice(0, 12)}   web`);
    expect(await tare.must(["pod", "ps"])).toMatch(
      /^POD ID +NAME +STATUS +CREATED +INFRA ID +# OF CONTAINERS\n\w{12} +web +Running +.* ago +\w{12} +3$/,
    );
    expect(await tare.must(["pod", "ls", "--filter", "ctr-names=client", "--format", "{{.Name}}"])).toBe(
      "web",
    );
    expect(await tare.must(["pod", "ls", "-q", "--filter", "status=exited"])).toBe("");
    expect(await tare.must(["pod", "ls", "--filter", "label=tier=front", "--ctr-names"])).toContain(
      "infra,server,client",
    );
    expect(await refused("pod", "ls", "--filter", "nonsense=1")).toContain("invalid filter 'nonsense'");
    expect(await tare.must(["pod", "top", "web", "-o", "comm"])).toMatch(/COMMAND\n(hello|httpd|sh|sleep)/);
    expect(
      (await tare.must(["pod", "stats", "--no-stream", "--format", "{{.Name}}", "web"])).split("\n").length,
    ).toBe(3);
  });

  test("a container of a pod is refused what belongs to the pod, and named namespaces are its own", async () => {
    expect(await refused("run", "--rm", "--pod", "web", "-p", "80:80", "busybox", "true")).toContain(
      'cannot create the container: published ports belong to pod "web", whose network it shares: name it when the pod is made',
    );
    for (const [flag, value] of [
      ["--ip", "10.1.2.3"],
      ["--expose", "80"],
      ["--add-host", "a:1.2.3.4"],
      ["--dns", "1.1.1.1"],
      ["--hostname", "own"],
    ] as const)
      expect(await refused("run", "--rm", "--pod", "web", flag, value, "busybox", "true")).toContain(
        'to pod "web"',
      );
    const own = await tare.must([
      "run",
      "--rm",
      "--pod",
      "web",
      "--network",
      "none",
      "busybox",
      "ls",
      "/sys/class/net",
    ]);
    expect(own).toBe("lo");
    expect(await refused("run", "--rm", "--pod", "nowhere", "busybox", "true")).toContain(
      'cannot find pod "nowhere"',
    );
    expect(await refused("create", "--pod", "", "busybox")).toContain("want the name or ID of a pod");
    expect(await refused("run", "--pod", "a", "--pod-id-file", "/f", "busybox")).toContain(
      "--pod and --pod-id-file",
    );
  });

  test("the infra container goes with its pod only, and the pod not while others run", async () => {
    const infra = await tare.must(["pod", "inspect", "-f", "{{.InfraContainerID}}", "web"]);
    for (const args of [
      ["rm", infra],
      ["rm", "-f", infra],
    ])
      expect(await refused(...args)).toContain(
        'it is the infra container of pod "web": remove the pod (tare pod rm web)',
      );
    expect(await refused("pod", "rm", "web")).toContain(
      'cannot remove pod "web": container "server", "client" run: stop the pod before, or remove it by force',
    );
    await tare.must(["pod", "stop", "-t", "1", "web"]);
    expect(await statuses("web")).toBe("exited exited exited");
    await tare.must(["container", "prune", "-f", "--filter", "label=none"]);
    const { containers } = await (async () => {
      await using engine = await connectTo(`unix://${tare.clientSocket}`);
      return await engine.pods.inspect("web");
    })();
    expect(containers).toHaveLength(3);
    await tare.must(["rm", "server"]);
    expect(await tare.must(["pod", "rm", "web"])).toBe(infra);
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect((await tare.tare(["pod", "exists", "web"])).status).toBe(1);
  });

  test("start, stop, restart, kill, pause and unpause are for all of it", async () => {
    await tare.must(["pod", "create", "all"]);
    for (const name of ["a1", "a2"]) await tare.must(["create", "--pod", "all", "--name", name, ...sleeper]);
    expect(await state("all")).toBe("Created");
    expect(await refused("pod", "kill", "all")).toContain(
      'cannot kill pod "all": no container of it is running',
    );
    await tare.must(["pod", "start", "all"]);
    expect(await statuses("all")).toBe("running running running");
    await tare.must(["pod", "pause", "all"]);
    expect(await state("all")).toBe("Paused");
    expect(await refused("pod", "pause", "all")).toContain("no container of it is running");
    await tare.must(["pod", "unpause", "all"]);
    expect(await state("all")).toBe("Running");
    const started = await tare.must(["inspect", "-f", "{{.State.StartedAt}}", "a1"]);
    await tare.must(["pod", "restart", "-t", "1", "all"]);
    expect(await tare.must(["inspect", "-f", "{{.State.StartedAt}}", "a1"])).not.toBe(started);
    await tare.must(["kill", "a1"]);
    expect(await state("all")).toBe("Degraded");
    await tare.must(["pod", "kill", "all"]);
    expect(await statuses("all")).toBe("exited exited exited");
    // A container starts what it is in.
    await tare.must(["start", "a2"]);
    expect(await statuses("all")).toBe("running exited running");
    const infra = await tare.must(["pod", "inspect", "-f", "{{.InfraContainerID}}", "all"]);
    await tare.must(["kill", infra]);
    expect(await refused("pod", "start", "all")).toContain(
      'its infra container has ended, and container "a2" would stay in the old namespaces: restart the pod instead',
    );
    await tare.must(["pod", "restart", "-t", "0", "--all"]);
    expect(await state("all")).toBe("Running");
    await tare.must(["pod", "rm", "-f", "all"]);
  });

  test("the pod publishes; others find it by its name", async () => {
    await tare.must(["network", "create", "podnet"]);
    await tare.must([
      "pod",
      "create",
      "--name",
      "pub",
      "-p",
      "18280:80",
      "--network",
      "podnet",
      "--add-host",
      "far:10.9.9.9",
    ]);
    await tare.must(["run", "-d", "--pod", "pub", ...server]);
    await poll(
      async () =>
        (
          await fetch("http://127.0.0.1:18280").then(
            (reply) => reply.text(),
            () => "",
          )
        ).trim() === "served" || undefined,
      {
        timeoutMs: 20_000,
        what: "be served at the pod's port",
      },
    );
    expect(
      await tare.must(["run", "--rm", "--network", "podnet", "busybox", "wget", "-qO-", "http://pub"]),
    ).toBe("served");
    expect(
      await tare.must(["run", "--rm", "--pod", "pub", "busybox", "grep", "-c", "far", "/etc/hosts"]),
    ).toBe("1");
    expect(await refused("pod", "create", "pub")).toContain(
      'cannot name a pod "pub": the name is in use by another pod',
    );
    const old = await tare.must(["pod", "inspect", "-f", "{{.Id}}", "pub"]);
    expect(await tare.must(["pod", "create", "--replace", "--name", "pub", "-p", "18280:80"])).not.toBe(old);
    await tare.must(["pod", "rm", "pub"]);
    await tare.must(["network", "rm", "podnet"]);
  });

  test("with --share +pid what is left behind has a parent that reaps it", async () => {
    await tare.must(["pod", "create", "--share", "+pid", "one-tree"]);
    await tare.must(["run", "-d", "--pod", "one-tree", "--name", "leaf", ...sleeper]);
    expect(await tare.must(["exec", "leaf", "cat", "/proc/1/comm"])).toBe("hello");
    await tare.must(["exec", "leaf", "sh", "-c", "(sleep 0.2 &) ; (sleep 0.3 &)"]);
    await poll(
      async () => {
        const processes = await tare.must([
          "exec",
          "leaf",
          "sh",
          "-c",
          "cat /proc/[0-9]*/stat 2>/dev/null; true",
        ]);
        return / Z 1 | \(sleep\) S 1 /.test(processes) ? undefined : true;
      },
      { timeoutMs: 10_000, what: "see no orphan of the pod" },
    );
    await tare.must(["pod", "stop", "-t", "5", "one-tree"]);
    // It ends by itself at the signal, not by KILL after the grace.
    expect(
      await tare.must([
        "inspect",
        "-f",
        "{{.State.ExitCode}}",
        await tare.must(["pod", "inspect", "-f", "{{.Id}}", "one-tree"]),
      ]),
    ).toBe("0");
    await tare.must(["pod", "rm", "one-tree"]);
  });

  test("pods outlive the daemon, and those that always run are there again after their processes were killed", async () => {
    await tare.must(["pod", "create", "--restart", "always", "lasting"]);
    await tare.must(["run", "-d", "--pod", "lasting", "--restart", "always", "--name", "stays", ...sleeper]);
    const before = await tare.must(["pod", "inspect", "lasting"]);
    killDaemon(tare);
    expect(await tare.must(["pod", "inspect", "lasting"])).toBe(before);
    expect(await namespace("stays", "net")).toMatch(/^net:/);
    const infraId = await tare.must(["pod", "inspect", "-f", "{{.InfraContainerID}}", "lasting"]);
    const pids = await tare.must(["inspect", "-f", "{{.State.Pid}}", "stays", infraId]);
    // Of 0 there must be none: it would be everybody here.
    expect(pids).toMatch(/^[1-9]\d*\n[1-9]\d*$/);
    killDaemon(tare);
    for (const pid of pids.split("\n")) process.kill(Number(pid), "SIGKILL");
    await poll(async () => ((await state("lasting")) === "Running" ? true : undefined), {
      timeoutMs: 20_000,
      what: "see it run again",
    });
    const net = await namespace("stays", "net");
    const infra = await tare.must(["inspect", "-f", "{{.State.Pid}}", infraId]);
    expect(
      execFileSync("readlink", [`/proc/${infra}/ns/net`])
        .toString()
        .trim(),
    ).toBe(net);
    await tare.must(["pod", "rm", "-f", "lasting"]);
  });

  test("a pod has one user namespace", async () => {
    await tare.must(["pod", "create", "--userns", "private", "mapped"]);
    await tare.must(["run", "-d", "--pod", "mapped", "--name", "m1", ...sleeper]);
    await tare.must(["run", "-d", "--pod", "mapped", "--name", "m2", ...sleeper]);
    const map = await tare.must(["exec", "m1", "cat", "/proc/self/uid_map"]);
    expect(map).not.toMatch(/ 0 +0 +4294967295/);
    expect(await tare.must(["exec", "m2", "cat", "/proc/self/uid_map"])).toBe(map);
    expect(await namespace("m1", "user")).toBe(await namespace("m2", "user"));
    expect(await namespace("m1", "net")).toBe(await namespace("m2", "net"));
    await tare.must(["pod", "rm", "-f", "mapped"]);
  });
});
