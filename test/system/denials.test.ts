import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasAppArmor } from "../../src/engine/host/app-armor.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll } from "../support/patience.ts";
import { type Finished, Installation, isRoot } from "../support/tare.ts";

/**
 * Makes denied calls as fast as it can: `flood N` calls swapon, which the default profile refuses, with N different
 * flags and paths, and N numbers that are no calls. Says how many gave another error than they should.
 */
const floodSource = `
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 0, wrong = 0;
	for (long i = 0; i < count; i++) {
		char path[32];
		snprintf(path, sizeof path, "/swap%ld", i);
		wrong += syscall(SYS_swapon, path, i) != -1 || errno != EPERM;
		wrong += syscall(100000 + i) != -1 || errno != ENOSYS;
		wrong += syscall(SYS_swapon, 1 /* no address */, 0) != -1 || errno != EPERM;
		if (i % 100 == 0) printf("%ld\\n", i), fflush(stdout);
	}
	printf("wrong %ld\\n", wrong);
	return wrong != 0;
}
`;

interface Denial {
  readonly Call: string;
  readonly Text?: string;
  readonly Error?: string;
  readonly By: string;
  readonly Advice: string;
  readonly Count: number;
  readonly ExecID?: string;
}

describe.skipIf(!isRoot)("denied calls", () => {
  let tare: Installation;
  let shared: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    shared = join(tare.directory, "shared");
    mkdirSync(shared);
    writeFileSync(join(shared, "flood.c"), floodSource);
    execFileSync("cc", ["-O1", "-static", "-o", join(shared, "flood"), join(shared, "flood.c")]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const explain = ["--security-opt", "explain-denials"];
  const sh = (script: string, ...flags: string[]): Promise<Finished> =>
    tare.tare(["run", ...flags, "busybox", "sh", "-c", script]);
  const denialsOf = async (name: string): Promise<readonly Denial[]> =>
    JSON.parse(await tare.must(["inspect", "--format", "{{json .Tare.Denials}}", name]));
  const deniedEvents = async (name: string): Promise<readonly string[]> =>
    (
      await tare.must([
        "events",
        "--since=0",
        "--until=0s",
        "--filter",
        `container=${name}`,
        "--filter",
        "event=denied",
        "--format",
        "{{.Actor.Attributes.call}} {{.Actor.Attributes.text}}",
      ])
    )
      .split("\n")
      .filter((line) => line !== "");

  /** AppArmor's default profile refuses mounts as well. */
  const unconfined = hasAppArmor() ? " --security-opt apparmor=unconfined" : "";

  test("run says last what was denied, by whom, and what would allow it", async () => {
    const { status, stderr } = await sh(
      "mount -t tmpfs none /mnt; mount -t tmpfs none /mnt; hostname x; exit 7",
      "--rm",
      ...explain,
    );
    expect(status).toBe(7);
    expect(stderr.trimEnd().split("\n").slice(-2)).toEqual([
      `denied: mount("none", …) by the default profile; allow with --cap-add SYS_ADMIN${unconfined}`,
      "denied: sethostname(…) by the default profile; allow with --cap-add SYS_ADMIN",
    ]);
    // Without the option the same run ends in the program's own words.
    const plain = await sh("mount -t tmpfs none /mnt; exit 7", "--rm");
    expect(plain).toMatchObject({ status: 7 });
    expect(plain.stderr).not.toContain("denied:");
  });

  test("what it advises does allow it", async () => {
    const script = "mount -t tmpfs none /tmp && umount /tmp";
    const denied = await sh(script, "--rm", ...explain);
    expect(denied.status).not.toBe(0);
    const advice = /^denied: mount.*; allow with (.*)$/m.exec(denied.stderr)?.[1] ?? "";
    const { status, stderr } = await sh(script, "--rm", ...advice.split(" "), ...explain);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("a call that the kernel refuses for want of a capability is told, and goes on to the kernel", async () => {
    const { stderr } = await sh("mknod /tmp/b b 1 1", "--rm", "--cap-drop", "MKNOD", ...explain);
    expect(stderr).toContain(
      'denied: mknodat("/tmp/b", …) by the kernel (it needs CAP_MKNOD); allow with --cap-add MKNOD',
    );
    const allowed = await sh("mknod /tmp/p p && test -p /tmp/p", "--rm", "--cap-drop", "MKNOD", ...explain);
    expect([allowed.status, allowed.stderr]).toEqual([0, ""]);
  });

  test("the program does not get hold of what its calls are answered by", async () => {
    const look = "ls -l /proc/self/fd /proc/1/fd; cat /proc/self/status";
    for (const flags of [[], ["--security-opt", "no-new-privileges"], ["--init"]]) {
      const { status, stdout } = await sh(look, "--rm", ...flags, ...explain);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^Seccomp:\t2$/m);
      expect(stdout).toContain("pipe:");
      expect(stdout).not.toContain("seccomp notify");
    }
  });

  test("it goes together with a profile of one's own, whose errors are kept", async () => {
    const profile = join(shared, "profile.json");
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122 }],
      }),
    );
    const both = ["--security-opt", `seccomp=${profile}`, ...explain];
    const { stderr } = await sh("mkdir /new; echo 3", "--rm", ...both);
    expect(stderr).toMatch(/mkdir: .*quota exceeded/i);
    expect(stderr).toMatch(
      /denied: mkdir(at)?\("\/new", …\) by the seccomp profile; allow with a rule for it/,
    );
  });

  test("inspect counts equal denials as one, and events tell each kind once", async () => {
    await sh(
      "for i in 1 2 3 4 5; do mount -t tmpfs none /mnt; done; chroot / true",
      "--name",
      "counted",
      ...explain,
    );
    const denials = await denialsOf("counted");
    expect(denials).toMatchObject([
      {
        Call: "mount",
        Text: "none",
        Error: "EPERM",
        By: "the default profile",
        Advice: `--cap-add SYS_ADMIN${unconfined}`,
        Count: 5,
      },
    ]);
    expect(await deniedEvents("counted")).toEqual(["mount none"]);
    // A new run begins anew.
    await tare.tare(["start", "-a", "counted"]);
    expect((await denialsOf("counted")).map(({ Count }) => Count)).toEqual([5]);
    expect(await deniedEvents("counted")).toEqual(["mount none", "mount none"]);
  });

  test("an exec is covered, and what it leaves behind keeps getting answers after its end", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "host",
      ...explain,
      "-v",
      `${shared}:/shared`,
      "busybox",
      "sleep",
      "1000",
    ]);
    const inside = await tare.tare(["exec", "host", "mount", "-t", "tmpfs", "first", "/mnt"]);
    expect(inside.stderr).toContain("permission denied");
    const left =
      "while [ ! -e /shared/go ]; do sleep 0.05; done; mount -t tmpfs second /mnt 2>/shared/said; mv /shared/said /shared/late";
    await tare.must(["exec", "host", "sh", "-c", `(${left}) >/dev/null 2>&1 & exit 0`]);
    writeFileSync(join(shared, "go"), "");
    await poll(() => (existsSync(join(shared, "late")) ? true : undefined), {
      timeoutMs: 10_000,
      what: "see the process that was left make its call",
    });
    // Refused as the profile says, not as unknown.
    expect(readFileSync(join(shared, "late"), "utf8")).toContain("permission denied");
    const denials = await denialsOf("host");
    expect(denials.map(({ Call, Text }) => `${Call} ${Text}`)).toEqual(["mount first", "mount second"]);
    expect(new Set(denials.map(({ ExecID }) => ExecID)).size).toBe(2);
    await tare.must(["rm", "-f", "host"]);
    rmSync(join(shared, "go"));
  });

  test("a denied call returns while the daemon is dead, and the next daemon knows of it", async () => {
    const script = `while [ ! -e /shared/dead ]; do sleep 0.05; done
      mount -t tmpfs orphan /mnt 2>/shared/said; mv /shared/said /shared/answer; sleep 1000`;
    await tare.must([
      "run",
      "-d",
      "--name",
      "orphan",
      ...explain,
      "-v",
      `${shared}:/shared`,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    const daemon = tare.daemonPid() as number;
    process.kill(daemon, "SIGKILL");
    await poll(() => (tare.daemonPid() === undefined ? true : undefined), {
      timeoutMs: 5_000,
      what: "see the daemon end",
    });
    writeFileSync(join(shared, "dead"), "");
    await poll(() => (existsSync(join(shared, "answer")) ? true : undefined), {
      timeoutMs: 10_000,
      what: "get the answer without a daemon",
    });
    expect(readFileSync(join(shared, "answer"), "utf8")).toContain("permission denied");
    expect(tare.daemonPid()).toBeUndefined();
    expect(await denialsOf("orphan")).toMatchObject([{ Call: "mount", Text: "orphan", Count: 1 }]);
    const told = await poll(
      async () => {
        const lines = await deniedEvents("orphan");
        return lines.length > 0 ? lines : undefined;
      },
      { timeoutMs: 5_000, what: "hear of it from the new daemon" },
    );
    expect(told).toEqual(["mount orphan"]);
    await tare.must(["rm", "-f", "orphan"]);
  });

  test("a flood of different denials leaves the output alone, and a bounded record", async () => {
    const count = 5_000;
    const { status, stdout, stderr } = await tare.tare([
      "run",
      "--name",
      "flood",
      ...explain,
      "-v",
      `${shared}:/shared`,
      "busybox",
      "/shared/flood",
      String(count),
    ]);
    expect(stdout.split("\n")).toHaveLength(count / 100 + 2);
    expect([status, stdout.trimEnd().split("\n").at(-1)]).toEqual([0, "wrong 0"]);
    expect(stderr).toContain('denied: swapon("/swap0", …)');
    expect(stderr).toMatch(/^and \d+ more \(tare events, tare inspect\)$/m);
    const denials = await denialsOf("flood");
    const swapons = denials.filter(({ Call }) => Call === "swapon");
    // What found no room by itself is counted by its number.
    expect(swapons.reduce((sum, { Count }) => sum + Count, 0)).toBe(2 * count);
    expect(denials.length).toBeLessThan(512);
    const all = denials.reduce((sum, { Count }) => sum + Count, 0);
    const rest = await tare.must(["inspect", "--format", "{{.Tare.UnrecordedCalls}}", "flood"]);
    expect(all + Number(rest)).toBe(3 * count);
    const directory = join(tare.dataRoot, "containers");
    const [id = ""] = readdirSync(directory).filter((name) =>
      existsSync(join(directory, name, "watched/run")),
    );
    expect(statSync(join(directory, id, "watched/run")).size).toBeLessThanOrEqual(128 * 1024);
    expect((await deniedEvents("flood")).length).toBeLessThanOrEqual(32);
    await tare.must(["rm", "-f", "flood"]);
  });
});

describe.skipIf(!isRoot)("run --record-profile", () => {
  let tare: Installation;
  let profile: string;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    profile = join(tare.directory, "profile.json");
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("writes a profile under which the same runs, and nothing else", async () => {
    const script = "echo hi | cat; ls / > /dev/null; exit 3";
    const recorded = await tare.tare([
      "run",
      "--rm",
      "--record-profile",
      profile,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    expect(recorded).toMatchObject({ status: 3, stdout: "hi\n", stderr: "" });
    const { defaultAction, syscalls } = JSON.parse(readFileSync(profile, "utf8"));
    expect(defaultAction).toBe("SCMP_ACT_ERRNO");
    const names: string[] = syscalls[0].names;
    expect(names).toEqual([...names].sort());
    for (const name of ["execve", "write", "capset", "exit_group"]) expect(names).toContain(name);
    for (const name of ["mkdir", "mkdirat", "socket", "mount"]) expect(names).not.toContain(name);
    expect(await tare.must(["ps", "-aq"])).toBe("");
    expect(readdirSync(tare.directory).filter((name) => name.startsWith("profile.json"))).toHaveLength(1);

    const under = (...args: string[]): Promise<Finished> =>
      tare.tare(["run", "--rm", "--security-opt", `seccomp=${profile}`, "busybox", ...args]);
    expect(await under("sh", "-c", script)).toMatchObject({ status: 3, stdout: "hi\n", stderr: "" });
    const other = await under("sh", "-c", "mkdir /new");
    expect(other.status).not.toBe(0);
    expect(other.stderr).toContain("mkdir");
    // It goes together with the explanation.
    const explained = await tare.tare(
      ["run", "--rm", "--security-opt", `seccomp=${profile}`, "--security-opt", "explain-denials"].concat(
        "busybox",
        "sh",
        "-c",
        "mkdir /new",
      ),
    );
    expect(explained.stderr).toMatch(/denied: mkdir(at)?\("\/new", …\) by the seccomp profile/);
  });

  test("records what was refused as it was refused, and with no-new-privileges a smaller profile", async () => {
    const { stdout } = await tare.tare([
      "run",
      "--rm",
      "--security-opt",
      "no-new-privileges",
      "--record-profile",
      profile,
      "busybox",
      "sh",
      "-c",
      "mount -t tmpfs none /mnt 2>/dev/null; echo $?",
    ]);
    expect(stdout).not.toBe("0\n");
    const { syscalls } = JSON.parse(readFileSync(profile, "utf8")) as {
      syscalls: { names: string[]; action: string; errnoRet?: number }[];
    };
    expect(syscalls.find(({ names }) => names.includes("mount"))).toMatchObject({
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1,
    });
    expect(syscalls.flatMap(({ names }) => names)).not.toContain("capset");
  });

  test("a file that can't be written, or -d, is refused before anything is made", async () => {
    const detached = await tare.tare(["run", "-d", "--record-profile", profile, "busybox", "true"]);
    expect([detached.status, detached.stderr]).toMatchObject([
      125,
      expect.stringContaining("Conflicting options: --record-profile and -d"),
    ]);
    const nowhere = await tare.tare(["run", "--record-profile", "/nowhere/p.json", "busybox", "true"]);
    expect([nowhere.status, nowhere.stderr]).toMatchObject([
      125,
      expect.stringContaining("cannot write the profile to /nowhere/p.json"),
    ]);
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });
});
