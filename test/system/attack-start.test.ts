import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attackerProgram, startRace } from "../support/attacker.ts";
import { busyboxRootfsTar, type Contents, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";

const SECRET = "the host's own";

/** By images, volumes and exchanged names, against what the engine does while a container is made. */
describe.skipIf(!isRoot)("attacks on a start", () => {
  let tare: Installation;
  let canary: string;

  beforeAll(async () => {
    tare = new Installation();
    canary = join(tare.directory, "canary");
    mkdirSync(canary, { mode: 0o700 });
    writeFileSync(join(canary, "file"), SECRET);
    await loadImage("attacker", [["attacker", readFileSync(attackerProgram())]]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  /** An image of busybox and one layer more. */
  const loadImage = async (
    name: string,
    members: readonly (readonly [string, Contents])[],
    config: Readonly<Record<string, unknown>> = {},
  ): Promise<void> => {
    const base = readFileSync(busyboxRootfsTar());
    const image = { layers: [base, tarOf(members)], names: [`${name}:latest`], config };
    const archive = join(tare.directory, `${name}.tar`);
    writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
    await tare.must(["load", "-i", archive]);
    rmSync(archive);
  };

  const isUntouched = (): void => {
    expect(readdirSync(canary)).toEqual(["file"]);
    expect(readFileSync(join(canary, "file"), "utf8")).toBe(SECRET);
    expect(statSync(canary).mode & 0o777).toBe(0o700);
  };

  /** Mounts of this machine that one of ours could be; what others mount meanwhile is theirs. */
  const ownMounts = (): readonly string[] =>
    mountTable()
      .split("\n")
      .filter((line) => line.includes(tare.directory));

  test("a directory of a volume that becomes a link to the host and back, while mounts are made below it, leads nowhere", async () => {
    const volume = join(tare.directory, "volume");
    const other = join(tare.directory, "other");
    mkdirSync(join(volume, "dir"), { recursive: true });
    mkdirSync(other);
    writeFileSync(join(other, "inner"), "inner");
    const script = `ln -s ${canary} /v/absolute; ln -s ../../../../../../../../..${canary} /v/relative; mv /v/absolute /v/link; exec /attacker swap /v/dir /v/link`;
    await tare.must(["run", "-d", "--name", "swapper", "-v", `${volume}:/v`, "attacker", "sh", "-c", script]);
    while (!(await tare.must(["logs", "swapper"])).includes("ready"));
    let started = 0;
    let refused = 0;
    const isRacing = startRace(() => started > 0);
    while (isRacing()) {
      const { status, stdout, stderr } = await tare.tare([
        "run",
        "--rm",
        "-v",
        `${volume}:/v`,
        "-v",
        `${other}:/v/dir/new/mount`,
        "--tmpfs",
        "/v/dir/tmpfs",
        "-w",
        "/v/dir/work",
        "attacker",
        "sh",
        "-c",
        `cat ${canary}/file /v/dir/file 2>/dev/null; true`,
      ]);
      expect(stdout).not.toContain(SECRET);
      if (status === 0) started++;
      else {
        refused++;
        expect(stderr).toMatch(/^tare: cannot start container /);
        expect(stderr.trimEnd()).not.toContain("\n    at ");
      }
      isUntouched();
      expect(ownMounts()).toEqual([]);
    }
    expect(started + refused).toBeGreaterThan(0);
    expect(started).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "swapper"]);
    isUntouched();
  }, 600_000);

  const hostile: readonly (readonly [string, readonly string[]])[] = [
    ["/proc", ["proc"]],
    ["/sys", ["sys"]],
    ["/dev", ["dev"]],
    ["/etc", ["etc"]],
    ["/dev/pts", ["dev/", "dev/pts"]],
    ["/dev/shm", ["dev/", "dev/shm"]],
    ["/dev/console", ["dev/", "dev/console"]],
    ["/dev/null", ["dev/", "dev/null"]],
    ["/sys/fs/cgroup", ["sys/", "sys/fs/", "sys/fs/cgroup"]],
    ["/etc/hosts", ["etc/", "etc/hosts"]],
    ["/etc/resolv.conf", ["etc/", "etc/resolv.conf"]],
    ["/etc/passwd", ["etc/", "etc/passwd"]],
    ["/var", ["var"]],
  ];
  const targets = (): Readonly<Record<string, string>> => ({
    "an absolute path of the host": canary,
    "a path that goes up": `../../../../../../../..${canary}`,
    "a link of /proc": "/proc/self/root",
  });

  for (const [path, members] of hostile) {
    for (const kind of Object.keys(targets())) {
      test(`an image whose ${path} is a link to ${kind} gets no file of the host`, async () => {
        // Without busybox's own directories a link can stand in their place.
        const base: [string, Contents][] = [
          ["bin/", ""],
          ["bin/busybox", readFileSync(attackerBusybox())],
          ["bin/sh", { link: "busybox" }],
          ["bin/cat", { link: "busybox" }],
          ["bin/true", { link: "busybox" }],
        ];
        const links: [string, Contents][] = members.map((member) => [
          member,
          member.endsWith("/") ? "" : { link: targets()[kind] ?? "" },
        ]);
        const archive = join(tare.directory, "hostile.tar");
        writeFileSync(
          archive,
          tarOf(dockerArchiveMembers([{ layers: [tarOf([...base, ...links])], names: ["hostile:latest"] }])),
        );
        await tare.must(["load", "-i", archive]);
        for (const flags of [
          [],
          ["-t"],
          ["-v", "/var/cache-of-mine"],
          ["--tmpfs", "/var/scratch"],
          ["-u", "root"],
        ]) {
          const { status, stdout, stderr } = await tare.tare([
            "run",
            "--rm",
            ...flags,
            "hostile",
            "sh",
            "-c",
            `cat ${path}/file ${canary}/file /proc/self/root${canary}/file; (: > ${path}/planted); true`,
          ]);
          expect(stdout + stderr).not.toContain(SECRET);
          if (status !== 0) expect(stderr).toMatch(/^tare: /m);
          // Nothing may stand in for these: the kernel's own would be mounted elsewhere, and masked elsewhere.
          if (["/proc", "/sys", "/dev"].includes(path) && !flags.includes("-u")) {
            expect([status, stderr]).toEqual([125, expect.stringContaining(`mount at "${path}`)]);
          }
          isUntouched();
          expect(ownMounts()).toEqual([]);
        }
        await tare.must(["rmi", "hostile"]);
      });
    }
  }

  const attackerBusybox = (): string => {
    const path = join(tare.directory, "busybox");
    if (!existsSync(path)) {
      const tar = busyboxRootfsTar();
      Bun.spawnSync(["tar", "-xf", tar, "-C", tare.directory, "--strip-components=2", "./bin/busybox"]);
    }
    return path;
  };

  test("a working directory below /proc leads to no descriptor and no directory of the host", async () => {
    const places = [
      ...Array.from({ length: 40 }, (_, fd) => `/proc/self/fd/${fd}`),
      "/proc/self/cwd/../../../../..",
      "/proc/self/root",
      "/proc/1/cwd",
      "/proc/thread-self/fd/7/../../..",
    ];
    await tare.must(["run", "-d", "--name", "peer", "attacker", "sleep", "1000"]);
    for (const place of places) {
      for (const command of [
        ["run", "--rm", "-w", place, "attacker"],
        ["exec", "-w", place, "peer"],
      ]) {
        const look = `cat .${canary}/file ../../../../..${canary}/file 2>/dev/null; ls -d .${canary} 2>/dev/null`;
        const { status, stdout } = await tare.tare([...command, "sh", "-c", look]);
        expect([command, stdout]).toEqual([command, ""]);
        expect(status).not.toBe(0);
      }
    }
    await tare.must(["rm", "-f", "peer"]);
  }, 120_000);

  test("nothing covers /proc or /sys, whoever asks for it: it would take the masks away", async () => {
    const places = ["/proc", "/proc/", "/x/../proc", "/proc/sys", "/proc/self/attr", "/proc/1", "/sys"];
    for (const place of places) {
      for (const flags of [
        ["-v", `covers:${place}`],
        ["-v", `${canary}:${place}`],
        ["--tmpfs", place],
        ["--mount", `type=volume,src=covers,dst=${place}`],
      ]) {
        const { status, stdout, stderr } = await tare.tare(["run", "--rm", ...flags, "attacker", "true"]);
        expect([flags, status, stdout]).toEqual([flags, 125, ""]);
        expect(stderr).toMatch(/is inside \/proc|cannot be covered/);
      }
    }
    for (const place of ["/proc", "/sys"]) {
      await loadImage("covering", [], { Volumes: { [place]: {} } });
      expect((await tare.tare(["run", "--rm", "covering", "true"])).status).toBe(125);
      await tare.must(["rmi", "-f", "covering"]);
    }
    expect(await tare.must(["volume", "ls", "-q"])).toBe("");
  }, 300_000);

  test("what masks a path is the host's null device, whatever the image has at /dev/null", async () => {
    for (const [name, contents] of [
      ["linked", { link: "/proc/sysrq-trigger" }],
      ["filled", "not a device"],
    ] as const) {
      await loadImage(name, [
        ["dev/", ""],
        ["dev/null", contents],
      ]);
      const out = await tare.must([
        "run",
        "--rm",
        name,
        "sh",
        "-c",
        "stat -c '%F %t:%T' /proc/interrupts; cat /proc/interrupts | wc -c; (echo b > /proc/sysrq-trigger) 2>/dev/null && echo GOT; true",
      ]);
      expect(out).not.toContain("GOT");
      expect(out).toBe("character special file 1:3\n0");
      await tare.must(["rmi", name]);
    }
  });

  test("a volume at /dev that another container rearranges gives a start nothing of the host, nor holds it up", async () => {
    const hostile = `cd /v; for n in 1 2 3; do mkdir -p pts shm mqueue; done
      while :; do
        for name in console null pts shm mqueue ptmx fd stdin; do
          rm -rf $name; ln -s ${canary}/file $name; rm -f $name; ln -s /proc/sysrq-trigger $name; rm -f $name
          ln -s ../../../../../..${canary} $name; rm -f $name; mkfifo $name; rm -f $name; mkdir $name
        done; : > ready
      done`;
    await tare.must(["run", "-d", "--name", "racer", "-v", "dev:/v", "attacker", "sh", "-c", hostile]);
    await tare.must(["exec", "racer", "sh", "-c", "until [ -e /v/ready ]; do sleep 0.01; done"]);
    let started = 0;
    let refused = 0;
    const look = `head -qc 65536 /dev/* /dev/*/file ${canary}/file 2>/dev/null < /proc/self/exe; stat -c '%F %t:%T' /proc/interrupts; cat /proc/interrupts | wc -c`;
    const isRacing = startRace(() => started + refused > 0);
    while (isRacing()) {
      for (const flags of [[], ["-t"]]) {
        const { status, stdout, stderr } = await tare.tare(
          // Under an init: the first process of a container would not die of the signal of `timeout` while a
          // FIFO that the racer made holds `head`.
          ["run", "--rm", "--init", ...flags, "-v", "dev:/dev", "attacker", "timeout", "2", "sh", "-c", look],
          { timeoutMs: 20_000 },
        );
        expect(status).not.toBe(null);
        expect(stdout + stderr).not.toContain(SECRET);
        if (status === 125) {
          expect(stderr).toMatch(/^tare: cannot start container /);
          refused++;
        }
        if (/^character special|^regular|^directory|^symbolic/m.test(stdout)) {
          expect(stdout).toMatch(/character special file 1:3\r?\n0/);
          started++;
        }
        isUntouched();
        expect(ownMounts()).toEqual([]);
      }
    }
    expect(started + refused).toBeGreaterThan(0);
    await tare.must(["rm", "-f", "racer"]);
    await tare.must(["volume", "rm", "dev"]);
  }, 600_000);

  test("a volume that the image declares behind a link stays inside, with its content", async () => {
    for (const target of [canary, `../../../../../..${canary}`]) {
      await loadImage("declares", [["data", { link: target }]], {
        Volumes: { "/data": {}, "/data/below": {} },
      });
      const { stdout, stderr } = await tare.tare([
        "run",
        "--rm",
        "declares",
        "sh",
        "-c",
        "cat /data/file; (: > /data/planted); ls -a /data",
      ]);
      expect(stdout + stderr).not.toContain(SECRET);
      isUntouched();
      await tare.must(["rmi", "declares"]);
    }
  });

  test("the host's cgroups cannot be written, mounted or asked to run a program", async () => {
    const script = `for f in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs -o -name notify_on_release -o -name tasks 2>/dev/null); do (echo 1 > $f) 2>/dev/null && echo "GOT $f"; done
      mkdir /sys/fs/cgroup/new 2>/dev/null && echo "GOT a cgroup"
      for d in /sys/fs/cgroup/*; do mkdir $d/new 2>/dev/null && echo "GOT $d/new"; done
      mkdir /m
      for t in "cgroup -o rdma" "cgroup -o memory" "cgroup -o devices" cgroup2; do mount -t $t none /m 2>/dev/null && echo "GOT a mount of $t"; done
      mount -o remount,rw /sys/fs/cgroup 2>/dev/null && echo "GOT a remount"
      unshare -Urm sh -c 'mount -t cgroup2 none /m && echo "GOT by unshare"' 2>/dev/null
      unshare -UrC sh -c 'echo "GOT a user namespace"' 2>/dev/null
      cat /proc/self/cgroup | grep -v ':/$' | sed 's/^/GOT to see /'; echo done`;
    for (const flags of [[], ["--cap-add", "NET_ADMIN"], ["-u", "1000"], ["--read-only"]])
      expect([flags, await tare.must(["run", "--rm", ...flags, "attacker", "sh", "-c", script])]).toEqual([
        flags,
        "done",
      ]);
    // Also a program that enters, whatever the container's first one did before.
    await tare.must(["run", "-d", "--name", "peer", "attacker", "sleep", "1000"]);
    expect(await tare.must(["exec", "peer", "sh", "-c", script])).toBe("done");
    await tare.must(["rm", "-f", "peer"]);
  });

  test("/proc cannot be used to reach the host: no sysctl, no trigger, no core pattern, no masked path", async () => {
    const script = `for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/vm/panic_on_oom /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/sys/kernel/hostname /sys/kernel/uevent_helper /sys/power/state /proc/bus/pci; do
        [ -e $f ] && (echo x > $f) 2>/dev/null && echo "GOT $f"; done
      for f in /proc/kcore /proc/keys /proc/timer_list; do [ -e $f ] && [ "$(head -c 1 $f | wc -c)" != 0 ] && echo "GOT $f"; done
      umount /proc/kcore 2>/dev/null && echo GOT; mount -t proc none /proc 2>/dev/null && echo "GOT a new proc"
      umount -l /proc/sys 2>/dev/null && echo GOT; mount --bind / /mnt 2>/dev/null && echo GOT; mknod /k b 8 0 2>/dev/null && cat /k 2>/dev/null && echo "GOT a disk"; echo done`;
    for (const flags of [[], ["-u", "1000"], ["--cap-add", "NET_ADMIN"]])
      expect([flags, await tare.must(["run", "--rm", ...flags, "attacker", "sh", "-c", script])]).toEqual([
        flags,
        "done",
      ]);
  });
});
