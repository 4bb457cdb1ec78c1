import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sleep, withDeadline } from "../../src/base/deadline.ts";
import { Failure } from "../../src/base/failure.ts";
import { hierarchiesOf } from "../../src/linux/cgroup/layout.ts";
import { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { readSeccompProfile } from "../../src/spec/seccomp.ts";
import { guardLeaks } from "../support/leaks.ts";
import { poll } from "../support/patience.ts";
import { type ContainerOptions, dockerCapabilities, TestRuntime, usualMounts } from "../support/runtime.ts";

const runtime = new TestRuntime("runtime");
afterAll(() => runtime[Symbol.asyncDispose]());
const guard = (): AsyncDisposable =>
  guardLeaks({ cgroupParent: runtime.cgroupParent, directories: [runtime.runRoot] });

/** The output of a shell script in a container, whose failure is one of the test. */
async function sh(script: string, options: ContainerOptions = {}): Promise<string> {
  const { exit, stdout, stderr } = await runtime.run(["sh", "-c", script], options);
  if (!("code" in exit.end) || exit.end.code !== 0)
    throw new Error(`${script}: ${JSON.stringify(exit.end)} ${stdout} ${stderr}`);
  return stdout;
}

/** The failure of a start that must not work; nothing may be left of it. */
async function failureOf(args: readonly string[], options: ContainerOptions = {}): Promise<Failure> {
  await using _leaks = guard();
  try {
    await using _container = await runtime.start(args, options);
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown;
    throw thrown;
  }
  throw new Error("it started");
}

const mountTable = (): string => readFileSync("/proc/self/mountinfo", "latin1");

describe("startContainer()", () => {
  test("runs a program and gives its output and code", async () => {
    await using _leaks = guard();
    const { exit, stdout, stderr } = await runtime.run(["sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect(exit.end).toEqual({ code: 3 });
    expect(stdout).toBe("out\n");
    expect(stderr).toBe("err\n");
    expect(Math.abs(exit.finishedAt - Date.now())).toBeLessThan(5_000);
  });

  test("joins groups by writing 0 to their files, before the program runs", async () => {
    await using _leaks = guard();
    const files = ["one", "two"].map((name) => join(runtime.scratch.path, `tasks-${name}`));
    using opened = new DisposableStack();
    const taskFds = files.map((path) => {
      writeFileSync(path, "");
      return opened.use(new OwnedFd(call("openat", -100, path, 0o2000001, 0))).fd;
    });
    const { exit } = await runtime.run(["true"], { taskFds });
    expect(exit.end).toEqual({ code: 0 });
    for (const path of files) expect(readFileSync(path, "utf8")).toBe("0");
    using readonly = new OwnedFd(call("openat", -100, files[0] ?? "", 0o2000000, 0));
    const failure = await failureOf(["true"], { taskFds: [readonly.fd] });
    expect(failure.message).toContain("join the class of resources");
    for (const path of files) rmSync(path);
  });

  test("makes six namespaces, none of them the host's", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const names = ["pid", "mnt", "ipc", "uts", "net", "cgroup"];
    const of = (pid: number | "self", name: string): string => readlinkSync(`/proc/${pid}/ns/${name}`);
    expect(names.filter((name) => of(container.kept.pid, name) === of("self", name))).toEqual([]);
    expect(of(container.kept.pid, "user")).toBe(of("self", "user"));
  });

  test("shares the namespaces that are not named", async () => {
    const namespaces = (["pid", "mount", "ipc", "cgroup"] as const).map((type) => ({ type }));
    await using container = await runtime.start(["sleep", "60"], {
      linux: { namespaces },
      config: { hostname: undefined as never },
      mounts: [],
    });
    for (const name of ["uts", "net"])
      expect(readlinkSync(`/proc/${container.kept.pid}/ns/${name}`)).toBe(
        readlinkSync(`/proc/self/ns/${name}`),
      );
  });

  test("joins the namespaces of another container", async () => {
    await using _leaks = guard();
    await using first = await runtime.start(["sleep", "60"]);
    const names = { pid: "pid", network: "net", ipc: "ipc", uts: "uts" } as const;
    using opened = new DisposableStack();
    const joinNamespaces = new Map(
      Object.entries(names).map(([type, name]) => {
        const fd = new OwnedFd(call("openat", -100, `/proc/${first.kept.pid}/ns/${name}`, 0o2000000, 0));
        return [type as keyof typeof names, opened.use(fd).fd] as const;
      }),
    );
    await using second = await runtime.start(["sh", "-c", "hostname; ps -o args; sleep 60"], {
      joinNamespaces,
      config: { hostname: undefined as never },
    });
    for (const name of Object.values(names))
      expect(readlinkSync(`/proc/${second.kept.pid}/ns/${name}`)).toBe(
        readlinkSync(`/proc/${first.kept.pid}/ns/${name}`),
      );
    for (const name of ["mnt", "cgroup"])
      expect(readlinkSync(`/proc/${second.kept.pid}/ns/${name}`)).not.toBe(
        readlinkSync(`/proc/${first.kept.pid}/ns/${name}`),
      );
    await second.output.until("sleep 60");
    expect(second.output.text(1)).toStartWith("box\n");
    first.kept.signal(9);
    // Whoever lives in a pid namespace dies with its first process.
    expect((await second.kept.exited).end).toEqual({ signal: 9 });
  });

  test("refuses a container in the engine's own mount namespace", async () => {
    const failure = await failureOf(["true"], { linux: { namespaces: [{ type: "pid" }] } });
    expect(failure.kind).toBe("unsupported");
  });

  test("sets host and domain name", async () => {
    expect(await sh("hostname; cat /proc/sys/kernel/domainname", { config: { domainname: "example" } })).toBe(
      "box\nexample\n",
    );
  });

  test("brings up the loopback interface and no other", async () => {
    expect(await sh("ls /sys/class/net; cat /sys/class/net/lo/flags")).toBe("lo\n0x9\n");
  });

  test("is a member of its cgroup in every hierarchy, and sees it as the root", async () => {
    await using container = await runtime.start(["sh", "-c", "cat /proc/self/cgroup; sleep 60"]);
    const outside = readFileSync(`/proc/${container.kept.pid}/cgroup`, "utf8").trim().split("\n");
    const mounted = hierarchiesOf(runtime.parent.layout).flatMap((hierarchy) =>
      hierarchy.version === 2 ? [""] : hierarchy.controllers,
    );
    const ours = outside.filter((line) => mounted.includes((line.split(":")[1] ?? "").split(",")[0] ?? ""));
    expect(ours.length).toBeGreaterThan(0);
    for (const line of ours) expect(line).toEndWith(`:/${container.cgroup.path}`);
    await container.output.until("0::");
    const inside = container.output.text(1).trim().split("\n");
    expect(inside.filter((line) => !line.endsWith(":/"))).toEqual([]);
    expect(container.cgroup.pids()).toContain(container.kept.pid);
  });

  test("shows exactly the mounts that were asked for", async () => {
    const targets = (await sh("cut -d' ' -f5 /proc/self/mountinfo")).trim().split("\n");
    const own = targets.filter((path) => !path.startsWith("/sys/fs/cgroup/"));
    expect(own.toSorted()).toEqual(
      [
        "/",
        "/dev",
        "/dev/mqueue",
        "/dev/pts",
        "/dev/shm",
        "/proc",
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/sys",
        "/sys/fs/cgroup",
        ...[
          "/proc/sysrq-trigger",
          "/proc/kcore",
          "/proc/keys",
          "/proc/timer_list",
          "/proc/scsi",
          "/sys/firmware",
        ].filter(existsSync),
      ].toSorted(),
    );
  });

  test("masks files by the null device and directories by an empty read-only file system", async () => {
    const rootPath = runtime.makeRoot();
    mkdirSync(join(rootPath, "secret"));
    writeFileSync(join(rootPath, "secret/key"), "x");
    writeFileSync(join(rootPath, "token"), "y");
    symlinkSync("/token", join(rootPath, "link-to-token"));
    const out = await sh(
      "stat -c '%t:%T %F' /token; cat /token; ls -A /secret | wc -l; touch /secret/x 2>&1; head -c 4 /proc/kcore | wc -c; cat /link-to-token",
      { rootPath, linux: { maskedPaths: ["/token", "/secret", "/absent", "/bin/busybox/x", "/proc/kcore"] } },
    );
    expect(out).toBe("1:3 character special file\n0\ntouch: /secret/x: Read-only file system\n0\n");
    expect(readFileSync(join(rootPath, "token"), "utf8")).toBe("y");
  });

  test("masks by the real null device though the image has a file of that name", async () => {
    const rootPath = runtime.makeRoot();
    writeFileSync(join(rootPath, "dev/null"), "the image's own");
    writeFileSync(join(rootPath, "token"), "y");
    expect(
      await sh("stat -c %t:%T /token; cat /token; stat -c %t:%T /dev/null", {
        rootPath,
        linux: { maskedPaths: ["/token"] },
      }),
    ).toBe("1:3\n1:3\n");
    expect(readFileSync(join(rootPath, "dev/null"), "utf8")).toBe("the image's own");
  });

  test("masks by the real null device though a volume with a file of that name is /dev", async () => {
    const rootPath = runtime.makeRoot();
    const source = runtime.makeDirectory("source");
    writeFileSync(join(source, "null"), "of the volume");
    writeFileSync(join(rootPath, "token"), "y");
    const mounts = usualMounts.map((mount) =>
      mount.destination === "/dev"
        ? { destination: "/dev", type: "bind", source, options: ["rbind"] }
        : mount,
    );
    expect(
      await sh("stat -c %t:%T /token; cat /token; cat /dev/null", {
        rootPath,
        linux: { maskedPaths: ["/token"] },
        config: { mounts },
      }),
    ).toBe("1:3\nof the volume");
  });

  test("makes paths read-only", async () => {
    const rootPath = runtime.makeRoot();
    const out = await sh(
      "echo 1 2>&1 > /proc/sys/kernel/domainname; touch /etc/x 2>&1; touch /home/x && echo fine; exit 0",
      { rootPath, linux: { readonlyPaths: ["/proc/sys", "/etc", "/absent"] } },
    );
    expect(out).toContain("touch: /etc/x: Read-only file system\nfine\n");
    expect(existsSync(join(rootPath, "home/x"))).toBe(true);
  });

  test.each(["proc", "dev", "sys"])("refuses an image whose /%s is a link", async (name) => {
    const rootPath = runtime.makeRoot();
    rmSync(join(rootPath, name), { recursive: true });
    mkdirSync(join(rootPath, "elsewhere"));
    symlinkSync("/elsewhere", join(rootPath, name));
    const failure = await failureOf(["true"], { rootPath });
    expect(failure.message).toContain("ELOOP");
    expect(failure.message).toContain(`/${name}`);
    expect(readdirSync(join(rootPath, "elsewhere"))).toEqual([]);
  });

  test("keeps links inside of the root where mounts are made", async () => {
    const rootPath = runtime.makeRoot();
    symlinkSync("/../../../../../../etc/escape", join(rootPath, "data"));
    mkdirSync(join(rootPath, "etc/escape"));
    const source = runtime.makeDirectory("source");
    writeFileSync(join(source, "file"), "bound");
    const mounts = [{ destination: "/data", type: "bind", source, options: ["rbind"] }];
    expect(await sh("cat /etc/escape/file", { rootPath, mounts })).toBe("bound");
    expect(existsSync("/etc/escape")).toBe(false);
  });

  test("leaves the host's mount table alone: before, while it runs, after", async () => {
    const source = runtime.makeDirectory("source");
    const before = mountTable();
    {
      await using container = await runtime.start(
        ["sh", "-c", "mkdir -p /data/sub && mount -t tmpfs none /data/sub && echo mounted; sleep 60"],
        {
          process: { capabilities: capabilities(...dockerCapabilities, "CAP_SYS_ADMIN") },
          linux: { seccomp: undefined },
          mounts: [{ destination: "/data", type: "bind", source, options: ["rbind"] }],
        },
      );
      await container.output.until("mounted");
      expect(mountTable()).toBe(before);
    }
    expect(mountTable()).toBe(before);
  });

  test.skipIf(process.env["TARE_TEST_SHARED"] !== undefined)(
    "leaves the mount table alone where all mounts are shared",
    () => {
      const script =
        'mount --make-rshared / && exec "$0" test --isolate --timeout 60000 "$1" -t "leaves the host"';
      const { stdout, stderr, status } = spawnSync(
        "unshare",
        ["--mount", "--propagation", "private", "sh", "-c", script, process.execPath, import.meta.path],
        { encoding: "utf8", env: { ...process.env, TARE_TEST_SHARED: "1" } },
      );
      expect(`${stdout}${stderr}`).toContain(" 1 pass\n");
      expect(status).toBe(0);
    },
  );

  test("gives a program its three streams and no other descriptor", async () => {
    const listing = await sh("ls -l /proc/self/fd");
    const targets = [...listing.matchAll(/(\d+) -> (.*)$/gm)].map(([, fd, target]) => `${fd} ${target}`);
    // 3 is the directory that is listed.
    expect(targets.filter((line) => !line.startsWith("3 /proc/"))).toEqual([
      "0 /dev/null",
      expect.stringMatching(/^1 pipe:/),
      expect.stringMatching(/^2 pipe:/),
    ]);
    // The first process itself, seen from the host.
    await using container = await runtime.start(["sleep", "60"]);
    await poll(
      () => (readlinkSync(`/proc/${container.kept.pid}/exe`).endsWith("busybox") ? true : undefined),
      {
        timeoutMs: 2_000,
        what: "see it run",
      },
    );
    expect(readdirSync(`/proc/${container.kept.pid}/fd`)).toEqual(["0", "1", "2"]);
  });

  test("lets a user write to /dev/stdout and /dev/stderr", async () => {
    const user = { process: { user: { uid: 1000, gid: 1000 } } };
    const { stdout, stderr, exit } = await runtime.run(
      ["sh", "-c", "echo a > /dev/stdout; echo b > /dev/stderr; id -u"],
      user,
    );
    expect([stdout, stderr, exit.end]).toEqual(["a\n1000\n", "b\n", { code: 0 }]);
  });

  test("sets user, groups, file mode mask", async () => {
    expect(
      await sh("id -u; id -g; grep Groups: /proc/self/status; umask", {
        process: { user: { uid: 1000, gid: 1001, additionalGids: [2000, 7], umask: 0o027 } },
      }),
    ).toBe("1000\n1001\nGroups:\t7 2000 \n0027\n");
    // The engine's own groups go to nobody.
    expect(await sh("grep Groups: /proc/self/status; umask")).toBe("Groups:\t \n0022\n");
  });

  test("gives exactly the capabilities asked for, none of them inheritable", async () => {
    const show = "grep Cap /proc/self/status";
    const chown = { CapPrm: 1n, CapEff: 1n, CapBnd: 1n, CapInh: 0n, CapAmb: 0n };
    const parse = (text: string): Record<string, bigint> =>
      Object.fromEntries(
        [...text.matchAll(/^(Cap\w+):\s*(\w+)$/gm)].map(([, name, mask]) => [
          String(name),
          BigInt(`0x${mask}`),
        ]),
      );
    expect(parse(await sh(show, { process: { capabilities: capabilities("CAP_CHOWN") } }))).toEqual(chown);
    expect(parse(await sh(show))).toMatchObject({ CapEff: 0xa80425fbn, CapBnd: 0xa80425fbn, CapInh: 0n });
    expect(parse(await sh(show, { process: { user: { uid: 1000, gid: 1000 } } }))).toMatchObject({
      CapEff: 0n,
      CapPrm: 0n,
      CapBnd: 0xa80425fbn,
    });
    const ambient = {
      user: { uid: 1000, gid: 1000 },
      capabilities: { ...capabilities("CAP_CHOWN"), inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"] },
    };
    const raised = await runtime
      .run(["sh", "-c", show], { process: ambient })
      .catch((thrown: Failure) => thrown);
    // SAFETY: inheritable stays empty, so nothing can be raised: the kernel says so.
    if (raised instanceof Failure) expect(raised.message).toContain("raise CAP_CHOWN");
    else expect(parse(raised.stdout)).toMatchObject({ CapInh: 0n });
  });

  test("loads the profile and sets no-new-privileges as asked", async () => {
    const show = "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status";
    expect(await sh(show)).toBe("NoNewPrivs:\t0\nSeccomp:\t2\n");
    expect(await sh(show, { process: { noNewPrivileges: true } })).toBe("NoNewPrivs:\t1\nSeccomp:\t2\n");
    expect(await sh(show, { linux: { seccomp: undefined } })).toBe("NoNewPrivs:\t0\nSeccomp:\t0\n");
    const user = { user: { uid: 1000, gid: 1000 } };
    expect(await sh(show, { process: user })).toBe("NoNewPrivs:\t0\nSeccomp:\t2\n");
    expect(await sh(show, { process: { ...user, noNewPrivileges: true } })).toBe(
      "NoNewPrivs:\t1\nSeccomp:\t2\n",
    );
  });

  test("refuses a profile that denies what starting needs, by the name of the call", async () => {
    const seccomp = readSeccompProfile({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["setgroups"], action: "SCMP_ACT_ERRNO" }],
    });
    const failure = await failureOf(["true"], { linux: { seccomp } });
    expect([failure.kind, failure.message.includes('"setgroups"')]).toEqual(["invalid", true]);
    // With no-new-privileges the filter comes after it.
    const { exit } = await runtime.run(["true"], { linux: { seccomp }, process: { noNewPrivileges: true } });
    expect(exit.end).toEqual({ code: 0 });
  });

  test("passes the flags of a profile, and refuses one that notifies", async () => {
    const logging = readSeccompProfile({
      defaultAction: "SCMP_ACT_ALLOW",
      flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"],
    });
    expect(await sh("grep Seccomp: /proc/self/status", { linux: { seccomp: logging } })).toBe(
      "Seccomp:\t2\n",
    );
    const notifying = readSeccompProfile({
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: "/run/x.sock",
      syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    });
    const failure = await failureOf(["true"], { linux: { seccomp: notifying } });
    expect([failure.kind, failure.message.includes("SCMP_ACT_NOTIFY")]).toEqual(["unsupported", true]);
  });

  test("sets limits, clamped to what this engine may give", async () => {
    const rlimits = [
      { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
      { type: "RLIMIT_NONSENSE", soft: 0, hard: 0 },
    ];
    await using container = await runtime.start(["sh", "-c", "ulimit -n; ulimit -Hn; ulimit -c"], {
      process: { rlimits },
    });
    expect((await container.finish()).stdout).toBe("100\n200\n0\n");
    expect(container.warnings).toEqual(['ignoring the unknown limit "RLIMIT_NONSENSE"']);
  });

  test("sets the out-of-memory score", async () => {
    expect(await sh("cat /proc/self/oom_score_adj", { process: { oomScoreAdj: 500 } })).toBe("500\n");
  });

  test("enters the working directory, making it when it is not there", async () => {
    const rootPath = runtime.makeRoot();
    expect(await sh("pwd; stat -c %a:%u .", { rootPath, process: { cwd: "/a/new/place" } })).toBe(
      "/a/new/place\n755:0\n",
    );
    symlinkSync("/etc", join(rootPath, "conf"));
    expect(await sh("/bin/pwd -P", { rootPath, process: { cwd: "/conf/../conf" } })).toBe("/etc\n");
    const failure = await failureOf(["true"], { rootPath, process: { cwd: "/bin/busybox" } });
    expect(failure.message).toContain('working directory "/bin/busybox"');
  });

  test.each(["/proc/self/fd/7", "/proc/self/fd/3", "/proc/self/cwd"])(
    "refuses the working directory %s",
    async (cwd) => {
      const failure = await failureOf(["sh", "-c", "pwd; ls"], { process: { cwd } });
      expect(failure.message).toMatch(/working directory.*(ELOOP|ENOENT|EEXIST|EPERM)/s);
    },
  );

  test("makes the root read-only", async () => {
    const out = await sh("touch /x 2>&1; touch /dev/shm/x && echo fine", {
      config: { root: { path: "/", readonly: true } },
    });
    expect(out).toBe("touch: /x: Read-only file system\nfine\n");
  });

  test("binds directories and files, read-only when asked, with what is mounted below", async () => {
    const source = runtime.makeDirectory("source");
    mkdirSync(join(source, "below"));
    writeFileSync(join(source, "file"), "of the host");
    chmodSync(source, 0o755);
    const tmpfs = spawnSync("mount", ["-t", "tmpfs", "tare-test", join(source, "below")]);
    expect(tmpfs.status).toBe(0);
    try {
      writeFileSync(join(source, "below/deep"), "deep");
      const bind = (destination: string, from: string, ...options: string[]) => ({
        destination,
        source: from,
        options,
      });
      const mounts = [
        bind("/rw", source, "rbind"),
        bind("/ro", source, "rbind", "rro"),
        bind("/shallow", source, "bind"),
        bind("/new/file", join(source, "file"), "bind", "ro"),
      ];
      const out = await sh(
        "cat /rw/below/deep; echo; cat /new/file; echo; touch /ro/x 2>&1; touch /ro/below/x 2>&1; echo x 2>&1 > /new/file; ls /shallow/below | wc -l; touch /rw/made",
        { mounts },
      );
      expect(out).toContain("deep\nof the host\n");
      expect(out).toContain(
        "touch: /ro/x: Read-only file system\ntouch: /ro/below/x: Read-only file system\n",
      );
      expect(out).toEndWith("0\n");
      expect(existsSync(join(source, "made"))).toBe(true);
      expect(readFileSync(join(source, "file"), "utf8")).toBe("of the host");
    } finally {
      spawnSync("umount", [join(source, "below")]);
    }
  });

  test("fails by name for a source that is not there", async () => {
    const failure = await failureOf(["true"], {
      mounts: [{ destination: "/data", type: "bind", source: "/proc/absent/source" }],
    });
    expect(failure.message).toContain('cannot bind "/proc/absent/source" to "/data"');
  });

  test("mounts a tmpfs with its options", async () => {
    const mounts = [
      { destination: "/scratch", type: "tmpfs", options: ["size=1m", "mode=1700", "noexec", "nosuid"] },
    ];
    const out = await sh(
      "stat -c %a /scratch; df -k /scratch | tail -1; grep ' /scratch ' /proc/self/mountinfo",
      {
        mounts,
      },
    );
    expect(out).toMatch(/^1700\ntmpfs +1024 /);
    expect(out).toMatch(/nosuid,noexec/);
  });

  test("names the call and the mount when an option is wrong", async () => {
    const failure = await failureOf(["true"], {
      mounts: [{ destination: "/scratch", type: "tmpfs", options: ["no-such-option=1"] }],
    });
    expect(failure.message).toMatch(
      /cannot start container .*: cannot mount tmpfs .*no-such-option.*fsconfig\(.*EINVAL/,
    );
  });

  test("makes the usual devices and links, and those asked for", async () => {
    const out = await sh(
      "cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty kmsg; ls -l stdin ptmx",
      {
        linux: { devices: [{ type: "c", path: "/dev/kmsg", major: 1, minor: 11, fileMode: 0o600 }] },
      },
    );
    expect(out).toContain(
      "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\nkmsg 1:b 600\n",
    );
    expect(out).toContain("stdin -> /proc/self/fd/0");
    expect(out).toContain("ptmx -> pts/ptmx");
  });

  test("gives a terminal with its size, controlling, as /dev/console, its master nowhere inside", async () => {
    const { stdout, exit } = await runtime.run(
      [
        "sh",
        "-c",
        "tty; stty size; stat -c %t:%T /dev/console /dev/pts/0; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /proc/self/fd; echo hi > /dev/tty; echo there > /dev/console; ps -o tty,pid",
      ],
      { process: { terminal: true, consoleSize: { height: 33, width: 121 } } },
    );
    expect(exit.end).toEqual({ code: 0 });
    expect(stdout).toContain("/dev/pts/0\r\n33 121\r\n");
    expect(stdout).toContain("88:0\r\n88:0\r\nall\r\n");
    expect(stdout).not.toContain("ptmx");
    expect(stdout).toContain("hi\r\nthere\r\n");
    expect(stdout).toContain("136,0");
  });

  test("says 127 for a program that is not there, 126 for one that cannot be executed", async () => {
    const rootPath = runtime.makeRoot();
    writeFileSync(join(rootPath, "bin/plain"), "no program", { mode: 0o755 });
    writeFileSync(join(rootPath, "bin/denied"), "#!/bin/sh\n", { mode: 0o644 });
    writeFileSync(join(rootPath, "bin/script"), "#!/no/interpreter\n", { mode: 0o755 });
    const codeOf = async (...args: string[]): Promise<unknown> =>
      (await failureOf(args, { rootPath })).details["exitCode"];
    expect(await codeOf("absent")).toBe(127);
    expect(await codeOf("/bin/absent")).toBe(127);
    expect(await codeOf("script")).toBe(127);
    expect(await codeOf("denied")).toBe(126);
    expect(await codeOf("plain")).toBe(126);
    expect(await codeOf("/etc")).toBe(126);
  });

  test("refuses a NUL in an argument instead of cutting it short", async () => {
    const failure = await failureOf(["echo", "a\0b"]);
    expect([failure.kind, failure.message.includes("NUL")]).toEqual(["invalid", true]);
  });

  test("gives up when its set-up takes too long, and leaves nothing", async () => {
    const failure = await failureOf(["true"], {
      setupDeadlineMs: 300,
      beforeFirstInstruction: () => new Promise((resolve) => setTimeout(resolve, 700)),
    });
    expect(failure.message).toContain("set-up deadline");
  });

  test("leaves nothing when the engine's part of the set-up fails", async () => {
    const failure = await failureOf(["true"], {
      beforeFirstInstruction: () => Promise.reject(new Failure("conflict", "cannot do my part")),
    });
    expect([failure.kind, failure.message.includes("cannot do my part")]).toEqual(["conflict", true]);
  });

  test("leaves nothing when the engine's part beside the set-up fails, and waits for that part when the set-up fails", async () => {
    const refused = await failureOf(["true"], {
      whileSettingUp: () => Promise.reject(new Failure("conflict", "cannot do my part")),
    });
    expect([refused.kind, refused.message.includes("cannot do my part")]).toEqual(["conflict", true]);
    const unconnected = await failureOf(["true"], {
      attachNetwork: () => Promise.reject(new Failure("exhausted", "cannot add an interface")),
    });
    expect([unconnected.kind, unconnected.message.includes("add an interface")]).toEqual(["exhausted", true]);
    let isDone = false;
    const failed = await failureOf(["true"], {
      process: { cwd: "/etc/passwd" },
      whileSettingUp: async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        isDone = true;
      },
    });
    expect([failed.message.includes("working directory"), isDone]).toEqual([true, true]);
  });

  test("has its interfaces before its kernel parameters are set, or its first instruction", async () => {
    for (const sysctl of [{}, { "net.ipv4.conf.lo.rp_filter": "2" }]) {
      const met: string[] = [];
      const { exit } = await runtime.run(["true"], {
        linux: { sysctl },
        whileSettingUp: async () => void met.push("beside"),
        attachNetwork: async (netns) => void met.push(readlinkSync(`/proc/self/fd/${netns}`)),
      });
      expect([exit.end, met.length]).toEqual([{ code: 0 }, 2]);
      expect(met.at(-1)).toMatch(/^net:/);
    }
  });

  test("leaves nothing when the keeper cannot be executed", async () => {
    const program = { path: "/proc/absent/keeper", [Symbol.dispose]: () => {} };
    const original = runtime.program;
    Object.assign(runtime, { program });
    try {
      expect((await failureOf(["true"])).kind).toBe("unavailable");
    } finally {
      Object.assign(runtime, { program: original });
    }
  });

  test("leaves nothing after twenty containers at once", async () => {
    await using _leaks = guard();
    const codes = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => (await runtime.run(["sh", "-c", `exit ${i}`])).exit.end),
    );
    expect(codes).toEqual(Array.from({ length: 20 }, (_, code) => ({ code })));
  });

  test("takes more mounts than there are small descriptor numbers", async () => {
    await using _leaks = guard();
    const source = runtime.makeDirectory("source");
    const mounts = Array.from({ length: 280 }, (_, i) => ({
      destination: `/many/${i}`,
      type: "bind",
      source,
      options: ["bind"],
    }));
    await using container = await runtime.start(["sh", "-c", "grep -c /many/ /proc/self/mountinfo; exit 4"], {
      mounts,
      log: true,
    });
    const { exit, stdout } = await container.finish();
    expect([stdout, exit.end]).toEqual(["280\n", { code: 4 }]);
    expect(readFileSync(join(container.runDirectory, "exit"), "utf8")).toMatch(/^code 4 \d+\n$/);
    expect(statSync(join(container.logDirectory, "log.0")).size).toBeGreaterThan(16);
  });
});

function capabilities(...names: string[]): Record<"bounding" | "effective" | "permitted", readonly string[]> {
  return { bounding: names, effective: names, permitted: names };
}

describe("execInContainer()", () => {
  test("joins the container's namespaces and cgroup", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sleep", "60"]);
    const { stdout, exit } = await runtime.exec(container, [
      "sh",
      "-c",
      "for n in pid mnt ipc uts net cgroup; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; hostname; ls /proc/self/fd | wc -l; exit 5",
    ]);
    expect(exit.end).toEqual({ code: 5 });
    const lines = stdout.trim().split("\n");
    const expected = ["pid", "mnt", "ipc", "uts", "net", "cgroup"].map((name) =>
      readlinkSync(`/proc/${container.kept.pid}/ns/${name}`),
    );
    expect(lines.slice(0, 6)).toEqual(expected);
    expect(lines.slice(6, -2).filter((line) => !line.endsWith(":/"))).toEqual([]);
    expect(lines.slice(-2)).toEqual(["box", "4"]);
  });

  test("has the rights that were asked for, not the container's", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const { stdout } = await runtime.exec(
      container,
      [
        "sh",
        "-c",
        "id -u; grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status; pwd; echo x > /dev/stdout",
      ],
      { process: { user: { uid: 1000, gid: 1000 }, cwd: "/tmp", noNewPrivileges: true } },
    );
    expect(stdout).toBe("1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n/tmp\nx\n");
  });

  test("gives a terminal of the container's own devpts", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    const { stdout } = await runtime.exec(container, ["sh", "-c", "tty; stty size"], {
      process: { terminal: true, consoleSize: { height: 10, width: 20 } },
    });
    expect(stdout).toBe("/dev/pts/0\r\n10 20\r\n");
  });

  test("says 127 and 126 as a start does, and refuses a missing working directory", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sleep", "60"]);
    const failed = (args: string[], process: { cwd?: string } = {}): Promise<Failure> =>
      runtime.exec(container, args, { process }).then(
        () => Promise.reject(new Error("it started")),
        (thrown: Failure) => thrown,
      );
    expect((await failed(["absent"])).details["exitCode"]).toBe(127);
    expect((await failed(["/etc"])).details["exitCode"]).toBe(126);
    expect((await failed(["true"], { cwd: "/absent" })).message).toContain('working directory "/absent"');
    expect((await failed(["true"], { cwd: "/proc/self/fd/6" })).message).toMatch(/ELOOP|ENOENT/);
  });

  test("is refused when the container has ended, also when its pid has another owner", async () => {
    const container = await runtime.start(["sleep", "60"]);
    const target = { pid: container.kept.pid, startTime: container.kept.startTime };
    const refused = (identity: typeof target): Promise<Failure> =>
      runtime.exec(container, ["true"], { target: identity }).then(
        () => Promise.reject(new Error("it started")),
        (thrown: Failure) => thrown,
      );
    expect((await refused({ ...target, startTime: target.startTime + 1n })).kind).toBe("conflict");
    await container[Symbol.asyncDispose]();
    expect((await refused(target)).kind).toBe("conflict");
  });

  test("is refused while the container is paused", async () => {
    await using container = await runtime.start(["sleep", "60"]);
    await container.cgroup.freeze();
    try {
      const failure = await runtime.exec(container, ["true"]).catch((thrown: Failure) => thrown);
      expect(failure).toMatchObject({ kind: "conflict" });
    } finally {
      container.cgroup.thaw();
    }
  });

  test("runs to its end or fails, whenever the container is killed meanwhile", async () => {
    await using _leaks = guard();
    for (let afterMs = 0; afterMs < 16; afterMs++) {
      await using container = await runtime.start(["sleep", "60"]);
      const outcome = runtime.exec(container, ["sleep", "61"]).then(
        ({ exit }) => exit.end,
        (thrown: Failure) => thrown.name,
      );
      await sleep(afterMs);
      container.kept.signal(9);
      const ended = await withDeadline(5_000, "see the exec end", () => outcome);
      if (ended !== "Failure") expect(ended).toEqual({ signal: 9 });
    }
  });

  test("ends with the container", async () => {
    await using _leaks = guard();
    await using container = await runtime.start(["sleep", "60"]);
    const running = runtime.exec(container, ["sh", "-c", "touch /tmp/up; sleep 60"]);
    await poll(() => (existsSync(join(runtime.rootPath, "tmp/up")) ? true : undefined), {
      timeoutMs: 5_000,
      what: "see the exec run",
    });
    container.kept.signal(9);
    expect((await running).exit.end).toEqual({ signal: 9 });
  });
});
