import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("systemd mode", () => {
  let tare: Installation;
  const sh = (script: string, ...flags: string[]) =>
    tare.must(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const sizes =
    "for p in /run /run/lock /tmp /var/log/journal; do awk -v p=$p '$2==p {print p, $3}' /proc/self/mounts; df -k $p | tail -1 | awk '{print $2}'; done";

  test("mounts tmpfs of the size that was asked for, of 64 MiB without one", async () => {
    const shown = (kib: string): string =>
      ["/run", "/run/lock", "/tmp", "/var/log/journal"].map((path) => `${path} tmpfs\n${kib}`).join("\n");
    expect(await sh(sizes, "--systemd", "always", "--shm-size-systemd", "1m")).toBe(shown("1024"));
    expect(await sh(sizes, "--systemd", "always")).toBe(shown("65536"));
    expect(
      await sh(
        "df -k /run | tail -1 | awk '{print $2 > 1000000}'; touch /run/x && echo written",
        "--systemd",
        "always",
        "--shm-size-systemd",
        "0",
        "--read-only",
      ),
    ).toMatch(/written$/);
    expect(await sh("cat /proc/self/mounts", "--shm-size-systemd", "1m")).not.toContain(" /run ");
    expect(await sh("cat /proc/self/mounts")).not.toContain(" /run ");
    const mounts = await sh(
      "grep -c ' /run ' /proc/self/mounts; stat -f -c %b /run",
      "--systemd",
      "always",
      "--tmpfs",
      "/run:size=4k",
    );
    expect(mounts).toBe("1\n1");
  });

  test("is on by itself for an init, and what that is told", async () => {
    await tare.must(["run", "--name", "made", "busybox", "sh", "-c", "ln -s /bin/busybox /bin/systemd"]);
    await tare.must(["commit", "-c", 'ENTRYPOINT ["/bin/systemd"]', "made", "with-systemd"]);
    await tare.must(["rm", "made"]);
    await tare.must(["create", "--name", "init", "--systemd", "true", "with-systemd"]);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.Systemd}}", "init"])).toBe("true");
    await tare.must(["rm", "init"]);
    const id = await tare.must(["run", "-d", "--systemd", "always", "busybox", "sleep", "1000"]);
    expect(
      await tare.must(["exec", id, "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ | grep ^container"]),
    ).toBe(`container=tare\ncontainer_uuid=${id.slice(0, 32)}`);
    await tare.must(["rm", "-f", id]);
    const trap = "trap 'exit 42' 37; touch /run/ready; while :; do sleep 0.05; done";
    const stopped = await tare.must([
      "run",
      "-d",
      "--systemd",
      "always",
      "--shm-size-systemd",
      "2m",
      "busybox",
      "sh",
      "-c",
      trap,
    ]);
    await tare.must(["exec", stopped, "sh", "-c", "until [ -e /run/ready ]; do sleep 0.05; done"]);
    await tare.must(["stop", stopped]);
    expect(await tare.must(["inspect", "-f", "{{.State.ExitCode}}", stopped])).toBe("42");
    await tare.must(["rm", stopped]);
  });

  test("lets it make cgroups where systemd does, and change no limit of v1", async () => {
    const script = `for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -e $d/cgroup.procs ] || continue
      if mkdir $d/below 2>/dev/null; then echo "$(basename $d) writable"; rmdir $d/below; else echo "$(basename $d) not"; fi; done`;
    const lines = (await sh(script, "--systemd", "always")).split("\n");
    const writable = lines.filter((line) => line.endsWith(" writable")).map((line) => line.split(" ")[0]);
    expect(writable.length).toBeGreaterThan(0);
    for (const name of writable) expect(["cgroup", "systemd", "unified"]).toContain(name as string);
    expect((await sh(script)).split("\n").filter((line) => line.endsWith(" writable"))).toEqual([]);
  });

  test("words that are none are refused", async () => {
    const { status, stderr } = await tare.tare(["run", "--systemd", "maybe", "busybox", "true"]);
    expect([status, stderr]).toEqual([125, expect.stringContaining("must be true, false or always")]);
  });
});
