import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  chmodSync,
  existsSync,
} from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

/** Host ids that no automatic choice gives (below the pool). */
const base = 1_500_000;

describe.skipIf(!isRoot)("user namespaces", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const run = (...args: string[]) => tare.must(["run", "--rm", ...args]);
  const upperOf = async (name: string): Promise<string> =>
    await tare.must(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", name]);

  test("--userns private:ID maps as asked: root inside, nobody's number on the host", async () => {
    const script = "cat /proc/self/uid_map /proc/self/gid_map; id; cat /proc/self/setgroups";
    const words = (await run("--userns", `private:${base}:1000`, "busybox", "sh", "-c", script))
      .trim()
      .split(/\s+/);
    expect(words.slice(0, 6)).toEqual(["0", String(base), "1000", "0", String(base), "1000"]);
    expect(words.slice(6).join(" ")).toBe("uid=0(root) gid=0(root) groups=0(root) allow");
  });

  test("--uidmap and --gidmap map each kind by its own ranges", async () => {
    const maps = ["--uidmap", `0:${base}:1`, "--uidmap", `5:${base + 50}:2`, "--gidmap", `0:${base + 7}:9`];
    const text = await run(...maps, "busybox", "cat", "/proc/self/uid_map", "/proc/self/gid_map");
    expect(text.split("\n").map((line) => line.trim().replace(/\s+/g, " "))).toEqual([
      `0 ${base} 1`,
      `5 ${base + 50} 2`,
      `0 ${base + 7} 9`,
    ]);
  });

  test("two containers have different ids, which are free again when a container is removed", async () => {
    await tare.must(["run", "-d", "--name", "one", "--userns", "private", "busybox", "sleep", "1000"]);
    await tare.must(["create", "--name", "two", "--userns", "private", "busybox", "sleep", "1000"]);
    await tare.must(["start", "two"]);
    const firstOf = async (name: string): Promise<number> =>
      Number((await tare.must(["exec", name, "cat", "/proc/1/uid_map"])).trim().split(/\s+/)[1]);
    const [one, two] = [await firstOf("one"), await firstOf("two")];
    expect(Math.abs(one - two)).toBeGreaterThanOrEqual(65_536);
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "one"]);
    expect(readFileSync(`/proc/${pid}/status`, "latin1")).toContain(`Uid:\t${one}\t${one}\t${one}\t${one}`);
    const refused = await tare.tare(["run", "--rm", "--userns", `private:${one + 5}:1`, "busybox", "true"]);
    expect(refused.status).toBe(125);
    expect(refused.stderr).toContain('container "one" has some of them');
    await tare.must(["rm", "-f", "one", "two"]);
    expect(await run("--userns", `private:${one + 5}:1`, "busybox", "id", "-u")).toBe("0");
  });

  test("files: container ids inside, shifted on the disk; the image's own are not copied", async () => {
    const script =
      "mkdir /made; echo x > /made/file; chown 33:44 /made/file; mkfifo /made/pipe; ln -s a /made/link; sleep 1000";
    const maps = ["--userns", `private:${base}`];
    await tare.must(["run", "-d", "--name", "files", ...maps, "busybox", "sh", "-c", script]);
    const listing = (...paths: string[]) => tare.must(["exec", "files", "stat", "-c", "%u:%g %n", ...paths]);
    await tare.must(["exec", "files", "sh", "-c", "until [ -L /made/link ]; do sleep 0.01; done"]);
    expect(await listing("/", "/bin", "/bin/busybox", "/dev/null", "/etc/hosts", "/etc/resolv.conf")).toBe(
      "0:0 /\n0:0 /bin\n0:0 /bin/busybox\n0:0 /dev/null\n0:0 /etc/hosts\n0:0 /etc/resolv.conf",
    );
    expect(await listing("/made", "/made/file", "/made/pipe", "/made/link")).toBe(
      "0:0 /made\n33:44 /made/file\n0:0 /made/pipe\n0:0 /made/link",
    );
    const upper = await upperOf("files");
    const ownerOf = (path: string): string => {
      const { uid, gid } = lstatSync(join(upper, path));
      return `${uid - base}:${gid - base}`;
    };
    expect(["", "made", "made/file", "made/pipe", "made/link"].map(ownerOf)).toEqual([
      "0:0",
      "0:0",
      "33:44",
      "0:0",
      "0:0",
    ]);
    expect(existsSync(join(upper, "bin"))).toBe(false);
  });

  test("diff shows what was changed, and not every file for its owner", async () => {
    expect((await tare.must(["diff", "files"])).split("\n")).toEqual([
      "A /made",
      "A /made/file",
      "A /made/link",
      "A /made/pipe",
    ]);
  });

  test("cp gives and takes the container's numbers, running and stopped", async () => {
    const local = join(tare.directory, "copied");
    mkdirSync(local);
    writeFileSync(join(local, "in"), "in");
    for (const state of ["running", "stopped"]) {
      const listed = spawnSync("tar", ["tvn"], {
        input: await tare.must(["cp", "files:/made", "-"]),
      }).stdout.toString();
      expect(listed).toMatch(/33\/44 .* made\/file/);
      expect(listed).toMatch(/0\/0 .* made\/$/m);
      await tare.must(["cp", join(local, "in"), `files:/made/${state}`]);
      const stat = lstatSync(join(await upperOf("files"), "made", state));
      expect([stat.uid, stat.gid]).toEqual([base, base]);
      if (state === "running") await tare.must(["stop", "-t", "0", "files"]);
    }
    const archive = join(tare.directory, "exported.tar");
    await tare.must(["export", "-o", archive, "files"]);
    const exported = spawnSync("tar", ["tvnf", archive]).stdout.toString();
    expect(exported).toMatch(/33\/44 .* made\/file/);
    expect(exported).toMatch(/0\/0 .* bin\/busybox/);
    expect(exported).not.toContain(String(base));
  });

  test("an owner that the container has no number for is refused in a sentence", async () => {
    const path = join(tare.directory, "foreign");
    mkdirSync(path);
    writeFileSync(join(path, "odd"), "");
    spawnSync("chown", ["70000:70000", join(path, "odd")]);
    const refused = await tare.tare(["cp", join(path, "odd"), "files:/made/"]);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain(
      "it belongs to 70000:70000, which the container's user namespace has no id for",
    );
  });

  test("commit gives an image with the container's numbers, which runs without a user namespace", async () => {
    await tare.must(["commit", "files", "committed"]);
    const stat = ["stat", "-c", "%u:%g %n", "/made", "/made/file", "/made/link"];
    const wanted = "0:0 /made\n33:44 /made/file\n0:0 /made/link";
    expect(await run("committed", ...stat)).toBe(wanted);
    expect(await run("--userns", "private", "committed", ...stat)).toBe(wanted);
    await tare.must(["rm", "-f", "files"]);
  });

  test("exec is in the namespace, as root or as another user, with and without a terminal", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "execs",
      "--userns",
      `private:${base}:1000`,
      "busybox",
      "sleep",
      "1000",
    ]);
    const exec = (...args: string[]) => tare.must(["exec", ...args]);
    expect(
      await exec("execs", "sh", "-c", "id -u; cat /proc/self/uid_map | tr -s ' '; > /made; stat -c %u /made"),
    ).toBe(`0\n 0 ${base} 1000\n0`);
    expect(await exec("-u", "5:6", "execs", "sh", "-c", "id; echo out > /dev/stdout; echo $?")).toBe(
      "uid=5 gid=6 groups=6\nout\n0",
    );
    expect(await exec("-i", "-u", "5", "execs", "cat", "/dev/stdin")).toBe("");
    const refused = await tare.tare(["exec", "-u", "1000", "execs", "id"]);
    expect(refused.status).toBe(126);
    expect(refused.stderr).toContain(
      "cannot run as user 1000: the container's user namespace has no such id",
    );
    const user = await tare.tare([
      "run",
      "--rm",
      "--userns",
      `private:${base + 5000}:10`,
      "--user",
      "0:10",
      "busybox",
      "id",
    ]);
    expect(user.stderr).toContain("cannot run as group 10: the container's user namespace has no such id");
    await tare.must(["rm", "-f", "execs"]);
  });

  test("limits and the out-of-memory score are as asked, masks and read-only paths stay", async () => {
    const flags = ["--ulimit", "nofile=2000:3000", "--oom-score-adj", "500", "--user", "7:8"];
    const script = [
      "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj",
      "cat /proc/kcore | wc -c; ls /proc/acpi /sys/firmware 2>/dev/null | grep -vc ':$'",
      "echo 1 > /proc/sys/kernel/sysrq; grep -c ' /proc/sys proc ro' /proc/mounts",
    ].join("; ");
    const { stdout } = await tare.tare([
      "run",
      "--rm",
      "--userns",
      "private",
      ...flags,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, 4)).toEqual(["2000", "3000", "500", "0"]);
    expect(lines.at(-1)).toBe("1");
  });

  test("rights end at the namespace: no mknod, no host file, no host process, no host name", async () => {
    const secret = join(tare.directory, "secret");
    mkdirSync(secret);
    writeFileSync(join(secret, "key"), "key");
    chmodSync(join(secret, "key"), 0o600);
    const script = [
      "mknod /x c 1 3 2>&1; cat /secret/key 2>&1; (echo y > /secret/new) 2>&1; chown 0:0 /secret/key 2>&1",
      "kill -9 $HOSTPID 2>&1; cp /bin/busybox /secret/b 2>&1",
      "cp /bin/busybox /tmp/b; chmod u+s /tmp/b; stat -c %a /tmp/b",
    ].join("; ");
    const victim = Bun.spawn(["sleep", "1000"]);
    try {
      const options = [
        "--cap-add",
        "ALL",
        "--pid",
        "host",
        "-e",
        `HOSTPID=${victim.pid}`,
        "-v",
        `${secret}:/secret`,
      ];
      const said = await run("--userns", `private:${base}`, ...options, "busybox", "sh", "-c", script);
      expect(said.split("\n")).toEqual([
        "mknod: /x: Operation not permitted",
        "cat: can't open '/secret/key': Permission denied",
        expect.stringContaining("Permission denied"),
        "chown: /secret/key: Operation not permitted",
        expect.stringContaining("Operation not permitted"),
        expect.stringContaining("Permission denied"),
        "4755",
      ]);
      expect(isGone(victim.pid)).toBe(false);
      expect(readdirSync(secret)).toEqual(["key"]);
    } finally {
      victim.kill("SIGKILL");
    }
  });

  test("with namespaces of the host it starts, and /proc and /sys are the host's, not writable", async () => {
    for (const [flag, file] of [
      ["--network", "net"],
      ["--pid", "pid"],
      ["--ipc", "ipc"],
      ["--uts", "uts"],
      ["--cgroupns", "cgroup"],
    ] as const) {
      const script = `readlink /proc/self/ns/${file}; mount -o remount,rw /sys 2>/dev/null && echo writable; ls /sys /proc/1 > /dev/null && echo seen`;
      const said = await run("--userns", "private", flag, "host", "busybox", "sh", "-c", script);
      const host = spawnSync("readlink", [`/proc/self/ns/${file}`])
        .stdout.toString()
        .trim();
      expect({ flag, said }).toEqual({ flag, said: `${host}\nseen` });
    }
  });

  test("--userns container:NAME joins, alone or with its other namespaces; a mismatch is refused", async () => {
    await tare.must(["run", "-d", "--name", "owner", "--userns", "private", "busybox", "sleep", "1000"]);
    const both = "readlink /proc/self/ns/user; readlink /proc/self/ns/pid";
    const owner = await tare.must(["exec", "owner", "sh", "-c", both]);
    const [user = "", pid = ""] = owner.split("\n");
    const script =
      "readlink /proc/self/ns/user; readlink /proc/self/ns/pid; touch /x && stat -c %u /x; ls /sys | wc -l";
    const alone = (await run("--userns", "container:owner", "busybox", "sh", "-c", script)).split("\n");
    expect(alone[0]).toBe(user);
    expect(alone[1]).not.toBe(pid);
    expect(alone[2]).toBe("0");
    const joins = ["--userns", "container:owner", "--pid", "container:owner", "--network", "container:owner"];
    const joined = (await run(...joins, "--ulimit", "nofile=100:200", "busybox", "sh", "-c", script)).split(
      "\n",
    );
    expect(joined.slice(0, 3)).toEqual([user, pid, "0"]);
    expect(joined[3]).toBe(alone[3] as string);
    for (const type of ["pid", "network"]) {
      const refused = await tare.tare([
        "run",
        "--rm",
        "--userns",
        "private",
        `--${type}`,
        "container:owner",
        "busybox",
        "true",
      ]);
      expect(refused.stderr).toContain(
        `the ${type} namespace of container "owner" belongs to another user namespace: share that too (--userns container:owner)`,
      );
    }
    await tare.must(["rm", "-f", "owner"]);
    await tare.must(["create", "--name", "plain", "busybox", "true"]);
    const none = await tare.tare(["run", "--rm", "--userns", "container:plain", "busybox", "true"]);
    expect(none.stderr).toContain(
      'cannot share the user namespace of container "plain": it has none of its own',
    );
    await tare.must(["rm", "plain"]);
  });

  test("a failed start in a joined namespace leaves nothing", async () => {
    await tare.must(["run", "-d", "--name", "owner", "--userns", "private", "busybox", "sleep", "1000"]);
    const { status, stderr } = await tare.tare([
      "run",
      "--rm",
      "--userns",
      "container:owner",
      "busybox",
      "nosuch",
    ]);
    expect(status).toBe(127);
    expect(stderr).toContain("nosuch");
    await tare.must(["rm", "-f", "owner"]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("it goes on over kill -9 of the daemon and a restart, with the same ids, and leaves nothing", async () => {
    await tare.must(["run", "-d", "--name", "goes-on", "--userns", "private", "busybox", "sleep", "1000"]);
    const map = () => tare.must(["exec", "goes-on", "cat", "/proc/1/uid_map"]);
    const before = await map();
    const daemon = tare.daemonPid() as number;
    process.kill(daemon, "SIGKILL");
    while (!isGone(daemon)) await Bun.sleep(5);
    mkdirSync(join(tare.runRoot, "helper-userns-killed"));
    expect(await map()).toBe(before);
    await tare.must(["exec", "goes-on", "touch", "/kept"]);
    await tare.must(["restart", "-t", "0", "goes-on"]);
    expect(await map()).toBe(before);
    expect(await tare.must(["exec", "goes-on", "stat", "-c", "%u", "/kept"])).toBe("0");
    await tare.must(["rm", "-f", "goes-on"]);
    await tare.must(["system", "settle"]);
    expect(readdirSync(join(tare.runRoot)).filter((name) => name.startsWith("helper-"))).toEqual([]);
  });

  test("tare namespaces shows it, inspect what was asked for, top the host's numbers", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "shown",
      "--userns",
      `private:${base}`,
      "busybox",
      "sleep",
      "1000",
    ]);
    const row = await tare.must(["namespaces", "--format", "{{.Name}} {{.user}}"]);
    expect(row).toMatch(/^shown \d+$/m);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.UsernsMode}}", "shown"])).toBe(`private:${base}`);
    const map = `0:${base}:65536`;
    expect(await tare.must(["inspect", "-f", "{{json .Tare.UidMap}} {{json .Tare.GidMap}}", "shown"])).toBe(
      `["${map}"] ["${map}"]`,
    );
    expect(await tare.must(["top", "shown", "-o", "uid,comm"])).toMatch(new RegExp(`${base}\\s+sleep`));
    await tare.must(["rm", "-f", "shown"]);
  });

  test.each([
    [["--userns", "nonsense"], 'invalid USER mode: invalid user namespace mode "nonsense"'],
    [["--userns", "private:0:0"], "a range has at least one id"],
    [["--userns", "host", "--uidmap", "0:1:1"], '"host" cannot be used with --uidmap'],
    [
      ["--userns", "private", "--privileged"],
      "privileged mode is incompatible with user namespaces.  You must run",
    ],
    [["--uidmap", "0:5:10", "--uidmap", "3:100:1"], "overlap"],
  ])("%j is refused in a sentence", async (flags, sentence) => {
    const { status, stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "true"]);
    expect(status).toBe(125);
    expect(stderr).toContain(sentence);
  });
});
