import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("run", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const sh = (script: string, ...flags: string[]): Promise<string> =>
    tare.must(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);

  test("hello tells what the container sees of its own isolation and where the time went", async () => {
    const text = await tare.must(["run", "--rm", "hello"]);
    for (const type of ["mount", "uts", "ipc", "pid", "network", "user", "cgroup", "time"])
      expect(text).toMatch(new RegExp(`^  ${type} +\\d{10} `, "m"));
    for (const word of ["net_bind_service", "filter mode", "overlay", "/proc"]) expect(text).toContain(word);
    expect(text).toMatch(/^started in [\d.]+ ms: root [\d.]+ · /m);
  });

  test("--timing tells where the time went for every image", async () => {
    const { stderr, stdout } = await tare.tare(["run", "--rm", "--timing", "busybox", "true"]);
    expect(stdout + stderr).toMatch(/started in [\d.]+ ms: .*namespaces [\d.]+ .*exec [\d.]+/);
  });

  test("each of six namespaces is its own and tare namespaces shows the same numbers", async () => {
    await tare.must(["run", "-d", "--name", "spaces", "busybox", "sleep", "1000"]);
    const inside = await tare.must([
      "exec",
      "spaces",
      "sh",
      "-c",
      "for n in mnt uts ipc pid net cgroup user; do readlink /proc/self/ns/$n; done",
    ]);
    const table = (await tare.must(["namespaces", "--format", "json"]))
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    for (const line of inside.split("\n")) {
      const [, type = "", inode = ""] = /^(\w+):\[(\d+)\]$/.exec(line) ?? [];
      const host = readlinkSync(`/proc/self/ns/${type}`);
      if (type === "user") expect(line).toBe(host);
      else expect(line).not.toBe(host);
      expect(JSON.stringify(table)).toContain(inode);
    }
    await tare.must(["rm", "-f", "spaces"]);
  });

  test("namespaces can be the host's or another container's", async () => {
    const own = (file: string): string => readlinkSync(`/proc/self/ns/${file}`);
    expect(await sh("readlink /proc/self/ns/pid", "--pid", "host")).toBe(own("pid"));
    expect(await sh("readlink /proc/self/ns/ipc", "--ipc", "host")).toBe(own("ipc"));
    expect(await sh("readlink /proc/self/ns/uts", "--uts", "host")).toBe(own("uts"));
    expect(await sh("readlink /proc/self/ns/cgroup", "--cgroupns", "host")).toBe(own("cgroup"));
    expect(await sh("readlink /proc/self/ns/net", "--network", "host")).toBe(own("net"));
    await tare.must(["run", "-d", "--name", "peer", "--ipc", "shareable", "busybox", "sleep", "1000"]);
    const theirs = async (file: string): Promise<string> =>
      tare.must(["exec", "peer", "readlink", `/proc/self/ns/${file}`]);
    expect(await sh("readlink /proc/self/ns/pid", "--pid", "container:peer")).toBe(await theirs("pid"));
    expect(await sh("readlink /proc/self/ns/net", "--network", "container:peer")).toBe(await theirs("net"));
    expect(await sh("readlink /proc/self/ns/ipc", "--ipc", "container:peer")).toBe(await theirs("ipc"));
    await tare.must(["rm", "-f", "peer"]);
  });

  test("an IPC namespace that is joined brings its /dev/shm along", async () => {
    await tare.must(["run", "-d", "--name", "peer", "--ipc", "shareable", "busybox", "sleep", "1000"]);
    await tare.must(["exec", "peer", "sh", "-c", "echo shared > /dev/shm/file; ln -s /etc /dev/shm/link"]);
    const shm = "cat /dev/shm/file; grep ' /dev/shm ' /proc/mounts";
    const line = "shared\nshm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0";
    expect(await sh(shm, "--ipc", "container:peer")).toBe(line);
    // Through one that has joined, and after the daemon has died, it is the same.
    await tare.must(["run", "-d", "--name", "joined", "--ipc", "container:peer", "busybox", "sleep", "1000"]);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    expect(await sh(shm, "--ipc", "container:joined")).toBe(line);
    // A name may pass to another container: inspect has the id.
    const id = await tare.must(["inspect", "-f", "{{.Id}}", "peer"]);
    const modes = ["--pid", "container:peer", "--ipc", "container:peer", "--uts", "container:peer"];
    const made = await tare.must(["create", ...modes, "busybox"]);
    const shown = "{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}}";
    expect(await tare.must(["inspect", "-f", shown, made])).toBe(
      `container:${id} container:${id} container:${id}`,
    );
    await tare.must(["rm", made]);
    expect(await sh("ls /dev/shm")).toBe("");
    await tare.must(["rm", "-f", "joined"]);
    await tare.must(["rm", "-f", "peer"]);
  });

  test("the environment is Docker's", async () => {
    const lines = (
      await tare.must(["run", "--rm", "--name", "envy", "-e", "A=1", "-e", "B=two words", "busybox", "env"])
    ).split("\n");
    expect(lines).toContain("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    expect(lines).toContain("HOME=/root");
    expect(lines).toContain("A=1");
    expect(lines).toContain("B=two words");
    expect(lines.find((line) => line.startsWith("HOSTNAME="))).toMatch(/^HOSTNAME=[0-9a-f]{12}$/);
    expect(lines.some((line) => line.startsWith("TERM="))).toBe(false);
    expect(await tare.must(["run", "--rm", "-t", "busybox", "sh", "-c", "echo $TERM"])).toContain("xterm");
  });

  test("users and groups are looked up in the image, and own their streams", async () => {
    expect(await sh("id -u; id -g; id -G; echo $HOME", "-u", "user")).toBe("1000\n1000\n1000 2000\n/home");
    expect(
      await sh("id -u; id -g; echo to-stdout >/dev/stdout; echo to-stderr >/dev/stderr", "-u", "1234:5678"),
    ).toBe("1234\n5678\nto-stdout");
    expect(await sh("id -G", "-u", "user", "--group-add", "3000")).toContain("3000");
  });

  test("exit codes are the program's, or 128 + n", async () => {
    expect((await tare.tare(["run", "--rm", "busybox", "sh", "-c", "exit 42"])).status).toBe(42);
    expect(
      (await tare.tare(["run", "--rm", "busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?"])).status,
    ).toBe(137);
    await tare.must(["run", "-d", "--name", "killme", "busybox", "sleep", "1000"]);
    await tare.must(["kill", "killme"]);
    expect(await tare.must(["wait", "killme"])).toBe("137");
    await tare.must(["rm", "killme"]);
  });

  test("a name is free again when a run that removes its container has ended", async () => {
    for (let round = 0; round < 20; round++) {
      await tare.must(["run", "--rm", "--name", "again", "busybox", "true"]);
    }
    expect(await tare.must(["ps", "-aq", "--filter", "name=again"])).toBe("");
  });

  test("standard input is given to the process and its end is passed on", async () => {
    // By a socket, as programs of Node give it to their children.
    for (let round = 0; round < 10; round++) {
      expect(
        await tare.must(["run", "--rm", "-i", "busybox", "wc", "-c"], {
          input: Buffer.alloc(3_000_000, "x"),
        }),
      ).toBe("3000000");
    }
    expect(await tare.must(["run", "--rm", "busybox", "cat"], { input: "not read" })).toBe("");
  });

  test("stdout and stderr stay apart and whole", async () => {
    const finished = await tare.tare([
      "run",
      "--rm",
      "busybox",
      "sh",
      "-c",
      "seq 1 100000; echo oops >&2; exit 3",
    ]);
    expect(finished.stderr).toBe("oops\n");
    expect(finished.stdout).toBe(`${Array.from({ length: 100_000 }, (_, i) => i + 1).join("\n")}\n`);
    expect(finished.status).toBe(3);
  });

  test("limits are in force and shown", async () => {
    const hybrid = existsSync("/sys/fs/cgroup/memory");
    const id = await tare.must([
      "run",
      "-d",
      "-m",
      "64m",
      "--cpus",
      "0.5",
      "--pids-limit",
      "50",
      "busybox",
      "sleep",
      "1000",
    ]);
    const read = (path: string): Promise<string> => tare.must(["exec", id, "cat", path]);
    if (hybrid) {
      expect(await read("/sys/fs/cgroup/memory/memory.limit_in_bytes")).toBe("67108864");
      expect(await read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")).toBe("50000");
      expect(await read("/sys/fs/cgroup/pids/pids.max")).toBe("50");
    } else {
      expect(await read("/sys/fs/cgroup/memory.max")).toBe("67108864");
      expect(await read("/sys/fs/cgroup/pids.max")).toBe("50");
    }
    expect(
      await tare.must([
        "inspect",
        "--format",
        "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}",
        id,
      ]),
    ).toBe("67108864 500000000 50");
    await tare.must(["rm", "-f", id]);
  });

  test("a process killed for want of memory shows in inspect", async () => {
    await tare.tare([
      "run",
      "--name",
      "hungry",
      "-m",
      "16m",
      "busybox",
      "sh",
      "-c",
      "x=a; while true; do x=$x$x; done",
    ]);
    expect(
      await tare.must(["inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "hungry"]),
    ).toBe("true 137");
    await tare.must(["rm", "hungry"]);
  });

  test("rights are Docker's defaults, and add, drop, no-new-privileges and privileged change them", async () => {
    const status = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";
    expect(await sh(status)).toBe(
      "CapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nNoNewPrivs:0\nSeccomp:2",
    );
    expect(await sh(status, "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE")).toContain(
      "CapEff:0000000000000400",
    );
    expect(
      await sh(status, "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"),
    ).toContain("NoNewPrivs:1\nSeccomp:0");
    expect(await sh(status, "-u", "1000")).toContain("CapEff:0000000000000000");
    const privileged = await sh(status, "--privileged");
    expect(privileged).toContain("Seccomp:0");
    expect(privileged).toMatch(/CapEff:000001[0-9a-f]{10}/);
  });

  test("the default profile denies, by its errno, what it should", async () => {
    expect(await sh("mount -t tmpfs none /tmp 2>&1; unshare -m true 2>&1; true")).toMatch(
      /permission denied|not permitted/i,
    );
  });

  test("paths of the kernel are masked or read-only", async () => {
    expect(
      await sh(
        "cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware | wc -l; echo 1 >/proc/sys/kernel/panic 2>&1 || echo refused",
      ),
    ).toMatch(/^0\n0\n[\s\S]*refused$/);
    expect(
      await sh(
        "cat /proc/timer_list | wc -c",
        "--security-opt",
        "systempaths=unconfined",
        "--cap-add",
        "SYSLOG",
      ),
    ).not.toBe("0");
  });

  test("binds and tmpfs show the host's files and keep read-only what is said so", async () => {
    const directory = join(tare.directory, "shared");
    mkdirSync(join(directory, "inner"), { recursive: true });
    writeFileSync(join(directory, "file"), "from the host");
    const flag = [
      "-v",
      `${directory}:/data/deep/down`,
      "-v",
      `${directory}/file:/single:ro`,
      "--tmpfs",
      "/scratch:size=1m,mode=1777",
    ];
    expect(
      await sh(
        "cat /single; echo in >/data/deep/down/new; echo x >/single || echo refused; df -k /scratch | tail -1 | awk '{print $2}'",
        ...flag,
      ),
    ).toBe("from the hostrefused\n1024");
    expect(readFileSync(join(directory, "new"), "utf8")).toBe("in\n");
    expect(
      (await tare.tare(["run", "--rm", "-v", `${tare.directory}/made/for/it:/x`, "busybox", "true"])).status,
    ).toBe(0);
  });

  test("a read-only root can be written nowhere but in mounts", async () => {
    expect(
      await sh("touch /x || echo refused; touch /t/y && echo written", "--read-only", "--tmpfs", "/t"),
    ).toBe("refused\nwritten");
  });

  test("the working directory is made; hosts, hostname and resolv.conf are there", async () => {
    expect(
      await sh(
        "pwd; hostname; cat /etc/hostname; grep -c localhost /etc/hosts; test -f /etc/resolv.conf && echo yes",
        "-w",
        "/made/up",
        "--hostname",
        "boxy",
      ),
    ).toMatch(/^\/made\/up\nboxy\nboxy\n[1-9]\nyes$/);
    expect(await sh("cat /etc/hosts", "--add-host", "friend:10.1.2.3")).toMatch(/10\.1\.2\.3\s+friend/);
  });

  test("a terminal has the size, is the user's and is on /dev/console", async () => {
    const text = await tare.must([
      "run",
      "--rm",
      "-t",
      "-u",
      "1000",
      "busybox",
      "sh",
      "-c",
      "tty; test -w $(tty) && echo mine; ls -l /dev/console | cut -c1",
    ]);
    expect(text.replaceAll("\r", "")).toBe("/dev/pts/0\nmine\nc");
  });

  test("only descriptors 0, 1 and 2 are open", async () => {
    expect(await sh("ls /proc/self/fd | tr '\\n' ' '")).toBe("0 1 2 3"); // 3 is the directory that ls reads
  });

  test("signals are as a new process expects them", async () => {
    expect(
      await sh("grep -E 'Sig(Blk|Ign)' /proc/1/status | tr -d '\\t'", "--pid", "private").catch(() =>
        sh("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'"),
      ),
    ).toBe("SigBlk:0000000000000000\nSigIgn:0000000000000000");
  });

  test("limits of ulimit are set", async () => {
    expect(await sh("ulimit -n", "--ulimit", "nofile=512:512")).toBe("512");
  });

  test("a log's lines come back with their streams, times, tail and since", async () => {
    const id = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done",
    ]);
    await tare.must(["wait", id]);
    const logs = await tare.tare(["logs", id]);
    expect(logs.stdout).toBe("out 1\nout 2\nout 3\nout 4\nout 5\n");
    expect(logs.stderr).toBe("err 1\nerr 2\nerr 3\nerr 4\nerr 5\n");
    expect(
      (await tare.tare(["logs", "--tail", "2", id])).stdout.length +
        (await tare.tare(["logs", "--tail", "2", id])).stderr.length,
    ).toBe(12);
    expect(await tare.must(["logs", "-t", id])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z out 1/);
    expect(await tare.must(["logs", "--since", "2099-01-01T00:00:00Z", id])).toBe("");
    await tare.must(["rm", id]);
  });

  test("logs -f follows until the end", async () => {
    const id = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "for i in 1 2 3; do echo $i; sleep 0.3; done",
    ]);
    expect(await tare.must(["logs", "-f", id])).toBe("1\n2\n3");
    await tare.must(["rm", id]);
  });

  test("a stopped container starts again with the same file system", async () => {
    const id = await tare.must(["run", "-d", "busybox", "sh", "-c", "echo again >>/count; cat /count"]);
    await tare.must(["wait", id]);
    await tare.must(["start", id]);
    await tare.must(["wait", id]);
    expect(await tare.must(["logs", id])).toBe("again\nagain\nagain");
    expect(await tare.must(["start", "-a", id])).toBe("again\nagain\nagain");
    await tare.must(["rm", id]);
  });

  test("stop asks first and kills after the grace", async () => {
    const polite = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "trap 'exit 5' TERM; while true; do sleep 0.05; done",
    ]);
    await tare.must(["stop", polite]);
    expect(await tare.must(["inspect", "-f", "{{.State.ExitCode}}", polite])).toBe("5");
    const stubborn = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "trap '' TERM; while true; do sleep 0.05; done",
    ]);
    await tare.must(["stop", "-t", "1", stubborn]);
    expect(await tare.must(["inspect", "-f", "{{.State.ExitCode}}", stubborn])).toBe("137");
    await tare.must(["rm", polite, stubborn]);
  });

  test("exec has its own user, directory, environment and exit code, and background processes do not hold it", async () => {
    const id = await tare.must(["run", "-d", "busybox", "sleep", "1000"]);
    expect(
      await tare.must([
        "exec",
        "-u",
        "1000",
        "-w",
        "/tmp",
        "-e",
        "X=y",
        id,
        "sh",
        "-c",
        "id -u; pwd; echo $X",
      ]),
    ).toBe("1000\n/tmp\ny");
    expect((await tare.tare(["exec", id, "sh", "-c", "exit 9"])).status).toBe(9);
    expect((await tare.tare(["exec", id, "no-such"])).status).toBe(127);
    expect(await tare.must(["exec", "-i", id, "cat"], { input: "through" })).toBe("through");
    const begun = Date.now();
    expect(await tare.must(["exec", id, "sh", "-c", "sleep 30 & echo done"])).toBe("done");
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect((await tare.tare(["exec", "-t", id, "tty"])).stdout).toMatch(/^\/dev\/pts\/\d+\r\n$/);
    await tare.must(["rm", "-f", id]);
  });

  test("a link in the image cannot lead the engine out of its root", async () => {
    // The image's own /etc/hosts and a mount target are links to the host's files.
    const id = await tare.must([
      "run",
      "-d",
      "busybox",
      "sh",
      "-c",
      "rm -rf /etc/hosts /trap; ln -s /../../../../../../etc/shadow-of-test /etc/hosts; ln -s ../../../../../../tmp /trap; sleep 1000",
    ]);
    await tare.must(["stop", "-t", "0", id]);
    expect(existsSync("/etc/shadow-of-test")).toBe(false);
    await tare.must(["start", id]);
    expect(existsSync("/etc/shadow-of-test")).toBe(false);
    expect(statSync("/etc/hosts").isFile()).toBe(true);
    await tare.must(["rm", "-f", id]);
  });
});
