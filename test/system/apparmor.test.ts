import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { hasAppArmor } from "../../src/engine/host/app-armor.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const isOn = hasAppArmor();

/** On this kernel what it refuses; on one with AppArmor (`npm run vm -- apparmor`) what it does. */
describe.skipIf(!isRoot)("--security-opt", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const run = (...args: string[]) => tare.tare(["run", "--rm", ...args]);
  const current = ["busybox", "sh", "-c", "cat /proc/self/attr/apparmor/current 2>/dev/null || echo none"];
  const label = async (...flags: string[]) => (await run(...flags, ...current)).stdout.trim();

  test("apparmor: without a word the default profile, where the host has it", async () => {
    expect(await label()).toBe(isOn ? "tare-default (enforce)" : "none");
    await tare.must(["run", "-d", "--name", "shown", "busybox", "sleep", "1000"]);
    const inspected = await tare.must(["inspect", "--format", "{{.AppArmorProfile}}", "shown"]);
    expect(inspected).toBe(isOn ? "tare-default" : "");
    expect(await tare.must(["exec", "shown", ...current.slice(1)])).toBe(
      isOn ? "tare-default (enforce)" : "none",
    );
    expect(await tare.must(["exec", "--privileged", "shown", ...current.slice(1)])).toBe(
      isOn ? "unconfined" : "none",
    );
    await tare.must(["rm", "-f", "shown"]);
  });

  test("apparmor=unconfined and --privileged do without it, in both spellings", async () => {
    const free = isOn ? "unconfined" : "none";
    expect(await label("--security-opt", "apparmor=unconfined")).toBe(free);
    expect(await label("--security-opt", "apparmor:unconfined")).toBe(free);
    expect(await label("--privileged")).toBe(free);
  });

  test("a profile that is not there is refused with its name", async () => {
    const { status, stderr } = await run("--security-opt", "apparmor=no-such-profile", "busybox", "true");
    expect(status).not.toBe(0);
    expect(stderr).toContain("no-such-profile");
    expect(stderr).toContain(isOn ? "apply the AppArmor profile" : "AppArmor is not enabled on this host");
    expect((await run("--security-opt", "apparmor=two words", "busybox", "true")).stderr).toContain(
      "invalid AppArmor profile name",
    );
  });

  test("a named profile, and the default one, hold the program and its init to what they say", async () => {
    if (!isOn) return expect(await label("--init")).toBe("none");
    const text =
      "profile tare-test-quiet flags=(attach_disconnected) { file, capability, deny /forbidden w, }";
    const loaded = spawnSync("/sbin/apparmor_parser", ["--replace", "--skip-cache"], {
      input: text,
      encoding: "utf8",
    });
    expect(loaded.stderr).toBe("");
    const quiet = ["--init", "--security-opt", "apparmor=tare-test-quiet"];
    expect(await label(...quiet)).toBe("tare-test-quiet (enforce)");
    const { stderr } = await run(...quiet, "busybox", "sh", "-c", "echo x > /forbidden");
    expect(stderr).toContain("Permission denied");
    const mount = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"];
    const script = ["busybox", "sh", "-c", "mkdir -p /m && mount -t tmpfs none /m"];
    expect((await run(...mount, ...script)).stderr).toContain("ermission denied");
    expect((await run(...mount, "--security-opt", "apparmor=unconfined", ...script)).status).toBe(0);
  });

  test("label=disable changes nothing; nor do other labels on a host without SELinux, which is said", async () => {
    expect(
      (await run("--security-opt", "label=disable", "--security-opt", "label:disable", "busybox", "true"))
        .status,
    ).toBe(0);
    const labelled = await run("--security-opt", "label=user:x", "busybox", "true");
    const hasSelinux = existsSync("/sys/fs/selinux/enforce");
    expect([labelled.status, labelled.stderr]).toEqual(
      hasSelinux
        ? [125, expect.stringContaining("not supported yet: SELinux labels")]
        : [0, expect.stringContaining("WARNING: this host has no SELinux: label=user:x changes nothing")],
    );
    const wrong = await run("--security-opt", "label=nonsense", "busybox", "true");
    expect([wrong.status, wrong.stderr]).toEqual([125, expect.stringContaining("invalid SELinux label")]);
  });

  test("no-new-privileges, systempaths and writable-cgroups in every spelling", async () => {
    const nnp = ["busybox", "grep", "NoNewPrivs", "/proc/self/status"];
    for (const [option, value] of [
      ["no-new-privileges", "1"],
      ["no-new-privileges=true", "1"],
      ["no-new-privileges:true", "1"],
      ["no-new-privileges=false", "0"],
    ] as const) {
      expect((await run("--security-opt", option, ...nnp)).stdout).toBe(`NoNewPrivs:\t${value}\n`);
    }
    const kept = ["busybox", "sh", "-c", "grep -c ' /proc/sys ' /proc/mounts"];
    expect((await run(...kept)).stdout).toBe("1\n");
    expect((await run("--security-opt", "systempaths=unconfined", ...kept)).stdout).toBe("0\n");
    const sub = [
      "busybox",
      "sh",
      "-c",
      "d=$(ls -d /sys/fs/cgroup/pids 2>/dev/null || echo /sys/fs/cgroup); mkdir $d/inner && rmdir $d/inner && echo made",
    ];
    expect((await run(...sub)).stderr).toContain("Read-only file system");
    expect((await run("--security-opt", "writable-cgroups=false", ...sub)).stderr).toContain(
      "Read-only file system",
    );
    expect((await run("--security-opt", "writable-cgroups=true", ...sub)).stdout).toBe("made\n");
    expect(
      (await run("--cgroupns", "host", "--security-opt", "writable-cgroups=true", ...sub)).stderr,
    ).toContain("writable cgroups need a cgroup namespace of the container's own");
  });
});
