import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("flags that podman has", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const sh = (script: string, ...flags: string[]) =>
    tare.must(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
  const refused = async (...flags: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "true"]);
    expect([flags, status]).toEqual([flags, 125]);
    return stderr;
  };
  const status = (name: string) =>
    tare.must(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name]);
  const killDaemon = async (): Promise<void> => {
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    while (tare.daemonPid() !== undefined) await sleep(10);
  };

  test("--timeout kills a run that goes on for longer, also a paused one, and after the daemon was killed", async () => {
    expect((await tare.tare(["run", "--rm", "--timeout", "1", "busybox", "sleep", "1000"])).status).toBe(137);
    expect(await sh("echo in time", "--timeout", "1000")).toBe("in time");
    const [soon, longer] = [1 + slowness, 2 + 2 * slowness];
    for (const [name, seconds] of [
      ["paused", soon],
      ["orphaned", longer],
    ] as const)
      await tare.must(["run", "-d", "--name", name, "--timeout", `${seconds}`, "busybox", "sleep", "1000"]);
    await tare.must(["pause", "paused"]);
    expect(await tare.must(["wait", "paused"])).toBe("137");
    expect(await status("orphaned")).toBe("running 0");
    await killDaemon();
    expect(await tare.must(["wait", "orphaned"])).toBe("137");
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.TimeoutSeconds}}", "orphaned"])).toBe(
      `${longer}`,
    );
    await tare.must(["rm", "paused", "orphaned"]);
    expect(await refused("--timeout", "-1")).toContain("--timeout: must not be negative");
  });

  test("--timeout counts each run of a container that its policy starts again", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "again",
      "--restart",
      "on-failure:1",
      "--timeout",
      "1",
      "busybox",
      "sleep",
      "9",
    ]);
    // As with dockerd, waiting ends with a run that its policy follows up.
    expect(await tare.must(["wait", "again"])).toBe("137");
    const state = (): Promise<string> =>
      tare.must(["inspect", "-f", "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "again"]);
    const ended = async (): Promise<true | undefined> =>
      (await state()) === "1 exited 137" ? true : undefined;
    await poll(ended, { timeoutMs: 30_000, everyMs: 100, what: "the end of the second run" });
    await tare.must(["rm", "again"]);
  });

  test("--requires starts others before it, and what they require; it says which is gone", async () => {
    await tare.must(["create", "--name", "first", "busybox", "sleep", "1000"]);
    await tare.must(["create", "--name", "second", "--requires", "first", "busybox", "sleep", "1000"]);
    await tare.must(["create", "--name", "third", "--requires", "first,second", "busybox", "sleep", "1000"]);
    await tare.must(["rename", "first", "renamed"]);
    await tare.must(["start", "third"]);
    expect(await status("renamed")).toBe("running 0");
    expect(await status("second")).toBe("running 0");
    await tare.must(["pause", "renamed"]);
    await tare.must(["stop", "-t", "0", "second"]);
    const paused = await tare.tare(["start", "second"]);
    expect([paused.status, paused.stderr]).toEqual([
      1,
      expect.stringContaining('requires container "renamed", which is paused'),
    ]);
    await tare.must(["rm", "-f", "renamed"]);
    const gone = await tare.tare(["start", "second"]);
    expect([gone.status, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/requires container [0-9a-f]{12}, which was removed/),
    ]);
    expect(await refused("--requires", "nobody")).toBe("tare: No such container: nobody\n");
    await tare.must(["rm", "-f", "second", "third"]);
  });

  test("two starts at once of what requires the same both succeed", async () => {
    await tare.must(["create", "--name", "shared", "busybox", "sleep", "1000"]);
    const names = ["one", "two", "three"];
    for (const name of names)
      await tare.must(["create", "--name", name, "--requires", "shared", "busybox", "true"]);
    const started = await Promise.all(names.map((name) => tare.tare(["start", name])));
    expect(started.map(({ stderr }) => stderr)).toEqual(["", "", ""]);
    await tare.must(["rm", "-f", "shared", ...names]);
  });

  test("--env-merge takes the image's variables into its own", async () => {
    expect(
      await sh(
        'echo "$PATH|$B"',
        "-e",
        "A=1",
        "--env-merge",
        "PATH=${PATH}:/more",
        "--env-merge",
        "B=$A-${NONE}x",
      ),
    ).toBe("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/more|1-x");
    expect(await refused("--env-merge", "A")).toContain("want NAME=VALUE");
  });

  test("--passwd-entry, --group-entry and --hostuser add to the image's files, and to no layer", async () => {
    const flags = [
      "--passwd-entry",
      "web:x:$UID:$GID::/srv:/bin/sh",
      "--group-entry",
      "webs:x:$GID:",
      "-u",
      "77:88",
    ];
    await tare.must(["run", "-d", "--name", "who", ...flags, "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "who", "sh", "-c", "id; echo $HOME"])).toBe(
      "uid=77(web) gid=88(webs) groups=88(webs)\n/srv",
    );
    expect(await tare.must(["exec", "-u", "0", "who", "head", "-n", "1", "/etc/passwd"])).toStartWith(
      "root:",
    );
    expect(await tare.must(["diff", "who"])).not.toContain("passwd");
    await tare.must(["rm", "-f", "who"]);
    // The same with ids that are shifted.
    expect(
      await sh(
        "id; stat -c %u /etc/passwd",
        "--userns",
        "private",
        "--passwd-entry",
        "web:x:$UID:$GID::/:/bin/sh",
        "-u",
        "77",
      ),
    ).toBe("uid=77(web) gid=0(root) groups=0(root)\n0");
    expect(await sh("id -u", "--hostuser", "daemon", "-u", "daemon")).toBe("1");
    expect(await refused("--hostuser", "nobody-has-this")).toContain(
      'cannot find user "nobody-has-this" on the host',
    );
    expect(await refused("--passwd-entry", "a:b", "-u", "5")).toContain("want 7 fields");
  });

  test("--chrootdirs has the container's own files below a directory, too", async () => {
    const look = "cat /jail/etc/hostname; ls /jail/etc";
    expect(await sh(look, "-h", "outside", "--chrootdirs", "/jail,/other")).toBe(
      "outside\nhostname\nhosts\nresolv.conf",
    );
    expect(await refused("--chrootdirs", "jail")).toContain("it must be an absolute path");
  });

  test("--image-volume says what becomes of the image's volumes", async () => {
    const id = await tare.must(["create", "busybox", "true"]);
    await tare.must(["commit", "-c", "VOLUME /data", id, "with-volume"]);
    await tare.must(["rm", id]);
    const kind = (...flags: string[]) =>
      tare.must([
        "run",
        "--rm",
        ...flags,
        "with-volume",
        "sh",
        "-c",
        "grep ' /data ' /proc/mounts | cut -d' ' -f3; touch /data/x 2>/dev/null || true",
      ]);
    expect(await kind("--image-volume", "tmpfs", "-u", "5")).toBe("tmpfs");
    expect(await kind("--image-volume", "ignore")).toBe("");
    // A volume lies in the data root: on the same file system.
    const own = execFileSync("stat", ["-f", "-c", "%T", tare.dataRoot], { encoding: "utf8" }).trim();
    expect((await kind("--image-volume", "anonymous")) === "tmpfs").toBe(own === "tmpfs");
    expect(await tare.must(["volume", "ls", "-q"])).toBe("");
    expect(await refused("--image-volume", "else")).toContain(
      "must be anonymous, bind (the same), tmpfs or ignore",
    );
  });

  test("--seccomp-policy image takes the profile of the image's label, and the caller's own before it", async () => {
    const profile = join(tare.directory, "profile.json");
    await tare.must(["run", "--rm", "--record-profile", profile, "busybox", "echo", "hi"]);
    const label = JSON.stringify(readFileSync(profile, "utf8"));
    const id = await tare.must(["create", "busybox", "true"]);
    await tare.must(["commit", "-c", `LABEL io.containers.seccomp.profile=${label}`, id, "labelled"]);
    await tare.must(["rm", id]);
    const run = (...flags: string[]) => tare.tare(["run", "--rm", ...flags, "labelled", "mkdir", "/made"]);
    expect((await run()).status).toBe(0);
    expect((await run("--seccomp-policy", "default")).status).toBe(0);
    expect((await run("--seccomp-policy", "image")).status).not.toBe(0);
    expect((await run("--seccomp-policy", "image", "--security-opt", "seccomp=builtin")).status).toBe(0);
    expect((await tare.tare(["run", "--rm", "--seccomp-policy", "image", "busybox", "true"])).status).toBe(0);
  });

  test("--sdnotify container lets the program tell systemd", async () => {
    const directory = join(tare.directory, "notify");
    mkdirSync(directory);
    const path = join(directory, "socket");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    const args = [
      "run",
      "--rm",
      "--sdnotify",
      "container",
      "busybox",
      "sh",
      "-c",
      "stat -c %F $NOTIFY_SOCKET",
    ];
    expect(await tare.must(args, { env: { NOTIFY_SOCKET: path } })).toBe("socket");
    server.close();
    const gone = join(directory, "gone");
    expect((await tare.tare(args, { env: { NOTIFY_SOCKET: gone } })).stderr).toContain(
      `bind source path does not exist: ${gone}`,
    );
    expect(existsSync(gone)).toBe(false);
    const { stderr } = await tare.tare(args, { env: { NOTIFY_SOCKET: "@abstract" } });
    expect(stderr).toContain('--sdnotify: cannot bind the socket "@abstract": it has no path');
  });

  test("--retry tries a pull again that could not reach its registry", async () => {
    const { status: code, stderr } = await tare.tare(
      "run --rm --retry 2 --retry-delay 10ms --pull always 127.0.0.1:1/x true".split(" "),
    );
    expect(code).toBe(125);
    expect(stderr.match(/connection refused: trying again\n/g)).toHaveLength(2);
    expect(stderr).toMatch(/tare: cannot pull [^\n]*connection refused\n$/);
  });

  test("what can't be here is refused, with what to do", async () => {
    for (const [flags, sentence] of [
      [["--rdt-class", "../c"], "it must be the name of a directory in /sys/fs/resctrl"],
      [
        ["--rdt-class", "no-such-class"],
        existsSync("/sys/fs/resctrl/tasks")
          ? "there is none; make it: mkdir /sys/fs/resctrl/no-such-class"
          : "it needs a processor with RDT, a kernel with CONFIG_X86_CPU_RESCTRL, and: mount -t resctrl resctrl /sys/fs/resctrl",
      ],
      [["--cgroups", "else"], "must be enabled, disabled, no-conmon or split"],
      [["--userns", "keep-id"], "it is for engines without root, and this one runs as root"],
      [["--userns", "nomap"], "it is for engines without root"],
      [["--subuidname", "nobody-has-this"], 'cannot find ids of "nobody-has-this" in /etc/subuid'],
      [
        ["--platform", "linux/arm64", "--arch", "arm64"],
        "--platform cannot be used with --os, --arch or --variant",
      ],
      [["--arch", "mips"], 'cannot use platform "linux/mips"'],
    ] as const) {
      expect(await refused(...flags)).toContain(sentence);
    }
    expect(await sh("echo fine", "--cgroups", "no-conmon", "--os", "linux")).toBe("fine");
  });
});
