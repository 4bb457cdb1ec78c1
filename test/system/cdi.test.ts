import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askApi } from "../support/ask-api.ts";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { Installation, isRoot } from "../support/tare.ts";

type Edits = Readonly<Record<string, unknown>>;

const docker = findDockerCli();
const composeProgram = Bun.which("docker-compose");

describe.skipIf(!isRoot)("CDI devices", () => {
  let tare: Installation;
  let host: string;
  let first: string;
  let second: string;

  beforeAll(async () => {
    tare = new Installation();
    host = join(tare.directory, "host");
    first = join(tare.directory, "cdi-first");
    second = join(tare.directory, "cdi-second");
    for (const directory of [host, first, second]) mkdirSync(directory);
    writeFileSync(join(host, "library"), "a library\n");
    writeSpec("vendor", "vendor.com/device", {
      edits: { env: ["OF_SPEC=spec", "WHO=spec"] },
      devices: {
        foo: {
          env: ["WHO=device"],
          deviceNodes: [
            { path: "/dev/foo", hostPath: "/dev/null" },
            {
              path: "/dev/deep/fuse",
              hostPath: "/dev/fuse",
              permissions: "r",
              uid: 7,
              gid: 8,
              fileMode: 0o640,
            },
            { path: "/dev/numbered", type: "c", major: 10, minor: 229, permissions: "w" },
          ],
          mounts: [
            {
              hostPath: join(host, "library"),
              containerPath: "/usr/lib/vendor/library",
              options: ["ro", "nosuid", "nodev", "rbind", "rprivate"],
            },
            {
              hostPath: "tmpfs",
              containerPath: "/scratch",
              type: "tmpfs",
              options: ["size=64k", "mode=0700"],
            },
          ],
          additionalGids: [4321],
        },
        other: { env: ["OTHER=yes"] },
      },
    });
    const file = join(tare.directory, "daemon.json");
    writeFileSync(file, JSON.stringify({ "cdi-spec-dirs": [first, second] }));
    await tare.must(["--config-file", file, "load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const specOf = (
    kind: string,
    {
      edits = {},
      devices,
      annotations,
    }: {
      readonly edits?: Edits;
      readonly devices: Readonly<Record<string, Edits>>;
      readonly annotations?: Readonly<Record<string, string>>;
    },
  ): string =>
    JSON.stringify({
      cdiVersion: "0.8.0",
      kind,
      containerEdits: edits,
      annotations,
      devices: Object.entries(devices).map(([name, containerEdits]) => ({ name, containerEdits })),
    });
  const writeSpec = (name: string, ...spec: Parameters<typeof specOf>): void =>
    writeFileSync(join(first, `${name}.json`), specOf(...spec));
  const removeSpec = (name: string): void => rmSync(join(first, `${name}.json`));

  /** Runs a shell script; what it printed, or why it did not run. */
  const sh = async (script: string, ...flags: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);
    return `${stdout}${stderr}`.trim();
  };
  const foo = ["--device", "vendor.com/device=foo"];

  test("a device has its nodes, variables, mounts and groups", async () => {
    expect(await sh("stat -c %n,%F,%t:%T,%a,%u:%g /dev/foo /dev/deep/fuse /dev/numbered", ...foo)).toBe(
      [
        "/dev/foo,character special file,1:3,666,0:0",
        "/dev/deep/fuse,character special file,a:e5,640,7:8",
        "/dev/numbered,character special file,a:e5,666,0:0",
      ].join("\n"),
    );
    expect(await sh("echo $OF_SPEC $WHO", ...foo, "-e", "WHO=caller")).toBe("spec device");
    expect(await sh("cat /usr/lib/vendor/library; echo x 2>&1 >/usr/lib/vendor/library", ...foo)).toBe(
      "a library\nsh: can't create /usr/lib/vendor/library: Read-only file system",
    );
    expect(await sh("stat -c %a /scratch; grep -c ' /scratch tmpfs .*size=64k' /proc/mounts", ...foo)).toBe(
      "700\n1",
    );
    expect(await sh("id -G", ...foo)).toContain("4321");
    expect(await sh("echo $OTHER $OF_SPEC; ls /dev/foo", "--device", "vendor.com/device=other")).toContain(
      "yes spec\nls: /dev/foo: No such file",
    );
  });

  test("RUN --device gives a step of a build devices that the command line allows", async () => {
    writeSpec("free", "free.com/device", {
      devices: { a: { env: ["FREE=yes"] } },
      annotations: { "org.mobyproject.buildkit.device.autoallow": "true" },
    });
    const build = async (line: string, ...flags: readonly string[]): Promise<readonly [boolean, string]> => {
      const context = join(tare.directory, "context");
      mkdirSync(context, { recursive: true });
      writeFileSync(join(context, "Dockerfile"), `FROM busybox\n${line}\n`);
      const { status, stderr } = await tare.tare(["build", "--progress", "plain", ...flags, context]);
      return [status === 0, stderr];
    };
    const uses =
      "RUN --device=vendor.com/device=foo stat -c %t:%T /dev/foo && cat /usr/lib/vendor/library && echo $WHO";
    const [isBuilt, shown] = await build(uses, "--allow", "device");
    expect([isBuilt, shown]).toEqual([true, expect.stringMatching(/1:3\n.*a library\n.*device\n/)]);
    expect(await build(uses, "--allow", "device=vendor.com/device", "--no-cache")).toEqual([
      true,
      expect.stringContaining("a library"),
    ]);
    expect(await build(uses)).toEqual([
      false,
      expect.stringContaining(
        "device vendor.com/device=foo is requested by the build but not allowed: allow it with --allow device",
      ),
    ]);
    expect(await build("RUN --device=free.com/device echo of $FREE")).toEqual([
      true,
      expect.stringContaining("of yes"),
    ]);
    expect(await build("RUN --device=none.com/device echo without")).toEqual([
      true,
      expect.stringContaining("without"),
    ]);
    expect(await build("RUN --device=none.com/device=a,required true", "--allow", "device")).toEqual([
      false,
      expect.stringMatching(
        /Dockerfile:2\n(?:.*\n)*.*required device "none.com\/device=a" is not registered/,
      ),
    ]);
    removeSpec("free");
  });

  test("the device cgroup allows what the specification says, and no more", async () => {
    const opens = (how: string, path: string): string => `(exec 3${how}${path}) 2>&1 && echo opened`;
    expect(await sh(`${opens("<", "/dev/deep/fuse")}; ${opens(">", "/dev/foo")}`, ...foo)).toBe(
      "opened\nopened",
    );
    const makes = "mkdir -p /tmp; mknod /tmp/node c 10 229;";
    expect(await sh(`${makes} ${opens("<", "/tmp/node")}`)).toContain("Operation not permitted");
    writeSpec("narrow", "narrow.com/device", {
      devices: { a: { deviceNodes: [{ path: "/dev/only-read", hostPath: "/dev/fuse", permissions: "r" }] } },
    });
    const narrow = ["--device", "narrow.com/device=a"];
    expect(await sh(opens("<", "/dev/only-read"), ...narrow)).toBe("opened");
    expect(await sh(opens(">", "/dev/only-read"), ...narrow)).toContain("Operation not permitted");
    removeSpec("narrow");
  });

  test("nodes without an owner belong to the container's user", async () => {
    expect(await sh("stat -c %u:%g /dev/foo /dev/deep/fuse", ...foo, "-u", "1000:1001")).toBe(
      "1000:1001\n7:8",
    );
  });

  test("a container with a user namespace has them, too", async () => {
    const script =
      "stat -c %t:%T,%u:%g /dev/foo /dev/deep/fuse; cat /usr/lib/vendor/library; echo x >/dev/foo";
    expect(await sh(script, ...foo, "--userns", "private")).toBe("1:3,0:0\na:e5,7:8\na library");
  });

  test("a container keeps the request and finds the devices at each start", async () => {
    writeSpec("changing", "changing.com/device", { devices: { a: { env: ["VALUE=one"] } } });
    const device = "changing.com/device=a";
    await tare.must([
      "create",
      "--name",
      "changing",
      "--device",
      device,
      "busybox",
      "sh",
      "-c",
      "echo $VALUE",
    ]);
    expect(await tare.must(["start", "-a", "changing"])).toBe("one");
    writeSpec("changing", "changing.com/device", { devices: { a: { env: ["VALUE=another"] } } });
    expect(await tare.must(["start", "-a", "changing"])).toBe("another");
    expect(
      JSON.parse(await tare.must(["inspect", "-f", "{{json .HostConfig.DeviceRequests}}", "changing"])),
    ).toEqual([{ Driver: "cdi", Count: 0, DeviceIDs: [device], Capabilities: null, Options: null }]);
    removeSpec("changing");
    const unresolvable = `CDI device injection failed: unresolvable CDI devices ${device}`;
    expect(await tare.refused(["start", "changing"])).toContain(unresolvable);
    expect(await tare.must(["inspect", "-f", "{{.State.Status}} {{.State.Error}}", "changing"])).toBe(
      `exited ${unresolvable}`,
    );
    await tare.must(["rm", "changing"]);
  });

  test("a restart policy reports a specification that is gone", async () => {
    writeSpec("leaving", "leaving.com/device", { devices: { a: { env: ["VALUE=one"] } } });
    const flags = ["--name", "leaving", "--restart", "always", "--device", "leaving.com/device=a"];
    await tare.must(["run", "-d", ...flags, "busybox", "sleep", "1000"]);
    removeSpec("leaving");
    await tare.must(["exec", "leaving", "kill", "-9", "-1"]).catch(() => {});
    await tare.must(["kill", "leaving"]).catch(() => {});
    const wanted = "unresolvable CDI devices leaving.com/device=a";
    await tare.tare(["restart", "-t", "0", "leaving"]);
    const error = await poll(
      async () => {
        const said = await tare.must(["inspect", "-f", "{{.State.Running}} {{.State.Error}}", "leaving"]);
        return said.includes(wanted) ? said : undefined;
      },
      { timeoutMs: 20_000, what: "the failed restart" },
    );
    expect(error).toBe(`false CDI device injection failed: ${wanted}`);
    await tare.must(["rm", "-f", "leaving"]);
  });

  test("a device that is in no specification is dockerd's error at the start, and leaves nothing", async () => {
    const unknown = ["--device", "vendor.com/device=nope", "--device", "none.com/device=a"];
    await tare.must(["create", "--name", "unknown", ...unknown, "busybox", "true"]);
    expect(await tare.refused(["start", "unknown"])).toContain(
      "CDI device injection failed: unresolvable CDI devices vendor.com/device=nope, none.com/device=a",
    );
    await tare.must(["rm", "unknown"]);
    const { status, stderr } = await tare.tare(["run", "--rm", ...unknown, "busybox", "true"]);
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: expect.stringContaining("unresolvable CDI devices"),
    });
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("--gpus is a CDI device of nvidia.com/gpu, or of amd.com/gpu where only that is", async () => {
    const none = 'could not select device driver "" with capabilities: [[gpu]]';
    expect(await sh("true", "--gpus", "all")).toContain(none);
    const gpus = (): Readonly<Record<string, Edits>> => ({
      all: { env: ["GPUS=all"] },
      0: { env: ["GPU_0=yes"] },
      1: { env: ["GPU_1=yes"] },
      "GPU-4f2": { env: ["BY_ID=yes"] },
    });
    const show = "echo $KIND $GPUS 0:$GPU_0 1:$GPU_1 $BY_ID";
    writeSpec("amd", "amd.com/gpu", { edits: { env: ["KIND=amd"] }, devices: gpus() });
    expect(await sh(show, "--gpus", "all")).toBe("amd all 0: 1:");
    writeSpec("nvidia", "nvidia.com/gpu", { edits: { env: ["KIND=nvidia"] }, devices: gpus() });
    expect(await sh(show, "--gpus", "all")).toBe("nvidia all 0: 1:");
    expect(await sh(show, "--gpus", "1")).toBe("nvidia 0:yes 1:");
    expect(await sh(show, "--gpus", "2")).toBe("nvidia 0:yes 1:yes");
    expect(await sh(show, "--gpus", "device=GPU-4f2")).toBe("nvidia 0: 1: yes");
    expect(await sh(show, "--gpus", '"device=0,1",capabilities=compute')).toBe("nvidia 0:yes 1:yes");
    expect(await sh(show, "--gpus", "driver=amd")).toContain("amd 0:yes 1:");
    expect(await sh("true", "--gpus", "3")).toContain("unresolvable CDI devices nvidia.com/gpu=2");
    expect(await sh("true", "--gpus", "all,capabilities=tpu")).toContain(
      'could not select device driver "" with capabilities: [[tpu gpu]]',
    );
    expect(await sh("true", "--gpus", "driver=intel")).toContain(
      'could not select device driver "intel" with capabilities: [[gpu]]',
    );
    removeSpec("amd");
    removeSpec("nvidia");
  });

  test("the later directory counts; two files of one directory are a conflict", async () => {
    const of = (value: string): Parameters<typeof specOf>[1] => ({
      devices: { a: { env: [`VALUE=${value}`] } },
    });
    const device = ["--device", "twice.com/device=a"];
    writeSpec("twice", "twice.com/device", of("first"));
    expect(await sh("echo $VALUE", ...device)).toBe("first");
    writeFileSync(join(second, "twice.json"), specOf("twice.com/device", of("second")));
    expect(await sh("echo $VALUE", ...device)).toBe("second");
    writeFileSync(join(second, "twice-again.json"), specOf("twice.com/device", of("third")));
    expect(await sh("echo $VALUE", ...device)).toContain("unresolvable CDI devices twice.com/device=a");
    expect((await info()).Warnings.join("\n")).toContain('conflicting device "twice.com/device=a"');
    for (const name of ["twice", "twice-again"]) rmSync(join(second, `${name}.json`));
    removeSpec("twice");
  });

  const info = async (version = "1.51") => {
    const { status, text } = await askApi(tare.socket, "GET", `/v${version}/info`);
    expect(status).toBe(200);
    return JSON.parse(text) as {
      readonly CDISpecDirs: readonly string[];
      readonly DiscoveredDevices?: readonly object[];
      readonly Warnings: readonly string[];
    };
  };

  test("YAML; a broken file takes no other away, and is a warning in info and doctor", async () => {
    const yaml = [
      "# from a generator",
      'cdiVersion: "0.5.0"',
      "kind: yaml.com/device",
      "devices:",
      "- name: 0",
      "  containerEdits:",
      "    deviceNodes:",
      "    - path: /dev/foo",
      "      hostPath: /dev/null",
      "      fileMode: 0600",
      "containerEdits:",
      "  env: &shared",
      "  - VALUE=yaml",
    ];
    writeFileSync(join(first, "good.yaml"), yaml.join("\n"));
    const broken: Readonly<Record<string, string>> = {
      "broken.yaml": 'cdiVersion: "0.5.0"\nkind: [',
      "broken.json": '{\n  "cdiVersion" "0.5.0"}',
      "version.json": '{"cdiVersion": "9.0.0", "kind": "v.com/d", "devices": []}',
      "unknown.json": '{"cdiVersion": "0.5.0", "kind": "v.com/d", "devices": [], "extra": 1}',
      "large.json": `{"padding": "${"x".repeat(1024 ** 2)}"}`,
    };
    for (const [name, text] of Object.entries(broken)) writeFileSync(join(first, name), text);
    symlinkSync("/dev/zero", join(first, "endless.json"));
    spawnSync("mkfifo", [join(first, "pipe.yaml")]);
    const script = "echo $VALUE; stat -c %a /dev/foo";
    expect(await sh(script, "--device", "yaml.com/device=0")).toBe("yaml\n600");
    const { CDISpecDirs, DiscoveredDevices, Warnings } = await info();
    expect(CDISpecDirs).toEqual([first, second]);
    expect(DiscoveredDevices).toEqual([
      { Source: "cdi", ID: "vendor.com/device=foo" },
      { Source: "cdi", ID: "vendor.com/device=other" },
      { Source: "cdi", ID: "yaml.com/device=0" },
    ]);
    const older = await info("1.49");
    expect([older.CDISpecDirs, older.DiscoveredDevices]).toEqual([[first, second], undefined]);
    const said = Warnings.filter((warning) => warning.startsWith("CDI: ")).sort();
    const because = (name: string, why: string): string =>
      `CDI: Error associated with spec file ${join(first, name)}: ${why}`;
    const whys = [
      because("broken.json", "it is no JSON: line 2, column 16"),
      because("broken.yaml", "it is no YAML: "),
      because("endless.json", "it is no regular file"),
      because("large.json", "it has more than 1048576 bytes"),
      because("pipe.yaml", "it is no regular file"),
      because("unknown.json", 'the specification: unknown field "extra"'),
      because("version.json", "cdiVersion: want one of 0.1.0"),
    ];
    expect(said.map((warning, at) => warning.slice(0, whys[at]?.length))).toEqual(whys);
    const doctor = (await tare.tare(["doctor"])).stdout;
    expect(doctor).toContain(`${join(first, "version.json")}: cdiVersion: want one of`);
    for (const name of [...Object.keys(broken), "endless.json", "pipe.yaml", "good.yaml"])
      rmSync(join(first, name));
  });

  const hook = (...words: readonly string[]): object => ({
    hookName: "createContainer",
    path: "/usr/bin/nvidia-cdi-hook",
    args: ["nvidia-cdi-hook", ...words],
  });

  test("unknown hooks are refused by name", async () => {
    const prestart = { hookName: "prestart", path: "/opt/run-me", args: ["run-me", "now"] };
    writeSpec("hooks", "hooks.com/device", { devices: { a: { hooks: [prestart] } } });
    expect(await sh("true", "--device", "hooks.com/device=a")).toContain(
      `cannot use the CDI specification "${join(first, "hooks.json")}": it has the prestart hook "/opt/run-me"`,
    );
    removeSpec("hooks");
  });

  test("hooks of NVIDIA's toolkit are applied: links, modes, and the cache of the dynamic linker", async () => {
    const libc =
      ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"].find(existsSync) ?? "";
    const folder = "/usr/lib/vendor";
    writeSpec("hooks", "hooks.com/device", {
      devices: {
        a: {
          deviceNodes: [{ path: "/dev/dri/card0", hostPath: "/dev/null" }],
          mounts: [{ hostPath: libc, containerPath: `${folder}/libc.so.6.99`, options: ["ro", "rbind"] }],
          hooks: [
            hook(
              "create-symlinks",
              "--link",
              `libc.so.6::${folder}/libc.so`,
              "--link=../card0::/dev/dri/by-path/one",
            ),
            hook("create-symlinks", "--link", "/replaced::/etc/passwd"),
            hook("chmod", "--mode", "711", "--path", "/dev/dri", "--path", "/dev/absent"),
            hook("update-ldcache", "--ldconfig-path", "@/sbin/ldconfig", "--folder", folder),
            hook("disable-device-node-modification"),
          ],
        },
      },
    });
    for (const flags of [[], ["--read-only"], ["--userns", "private"]]) {
      const paths = `${folder}/libc.so ${folder}/libc.so.6 /dev/dri/by-path/one /etc/passwd`;
      const script = `for path in ${paths}; do readlink $path; done; stat -c %a /dev/dri`;
      expect(await sh(script, "--device", "hooks.com/device=a", ...flags)).toBe(
        "libc.so.6\nlibc.so.6.99\n../card0\n/replaced\n711",
      );
      const cache = await sh("base64 /etc/ld.so.cache", "--device", "hooks.com/device=a", ...flags);
      const path = join(tare.directory, "cache");
      writeFileSync(path, Buffer.from(cache, "base64"));
      const { stdout } = spawnSync("/sbin/ldconfig", ["-C", path, "-p"], { encoding: "utf8" });
      expect(stdout).toMatch(/^\tlibc\.so\.6 \(libc6,.*\) => \/usr\/lib\/vendor\/libc\.so\.6$/m);
    }
    removeSpec("hooks");
  });

  describe("attacks", () => {
    beforeAll(async () => {
      const layer = new TarBuilder();
      layer.symlink("to-proc", "/proc");
      layer.symlink("to-dev", "dev");
      layer.symlink("to-host", host);
      layer.symlink("to-tmp", "../../tmp");
      layer.directory("tmp");
      const archive = join(tare.directory, "linked.tar");
      const image = {
        layers: [readFileSync(busyboxRootfsTar()), Buffer.from(layer.end())],
        names: ["linked:latest"],
      };
      writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
      await tare.must(["load", "-i", archive]);
    });

    /** Why a container of the image with links does not start with these edits. */
    const attack = async (edits: Edits): Promise<string> => {
      writeSpec("attack", "attack.com/device", { devices: { a: edits } });
      const args = ["run", "--rm", "--device", "attack.com/device=a", "linked", "echo", "started"];
      const { stdout, stderr } = await tare.tare(args);
      removeSpec("attack");
      return `${stdout}${stderr}`;
    };
    const mountOn = (containerPath: string, hostPath = host): Edits => ({
      mounts: [{ hostPath, containerPath, options: ["ro", "rbind"] }],
    });

    test("a mount over the kernel's file systems, by its name or by a link of the image", async () => {
      for (const path of ["/proc", "/proc/sys", "/sys", "/sys/fs/cgroup", "/dev", "//proc/./sys", "/dev/"])
        expect(await attack(mountOn(path))).toContain("cannot use a CDI device: it mounts on");
      for (const path of ["/to-proc", "/to-proc/sys", "/to-dev", "/to-dev/pts"])
        expect(await attack(mountOn(path))).toContain("a symbolic link leads it into /proc, /sys or /dev");
      for (const path of ["/", "/.", "/usr/../proc", "relative"])
        expect(await attack(mountOn(path))).toContain("unresolvable CDI devices");
    });

    test("a target that is a link stays in the container's root", async () => {
      expect(await attack(mountOn("/to-host/made", join(host, "library")))).toContain("cannot mount at");
      expect(await attack(mountOn("/to-tmp/made", join(host, "library")))).toContain("started");
      expect(spawnSync("ls", [host], { encoding: "utf8" }).stdout).toBe("library\n");
    });

    test("hooks change nothing behind links of the image, and nothing of the kernel's", async () => {
      const hooked = (...words: readonly string[]): Edits => ({ hooks: [hook(...words)] });
      const link = (at: string): Edits => hooked("create-symlinks", "--link", `x::${at}`);
      expect(await attack(link("/proc/x"))).toContain("cannot use a CDI device: its hook changes");
      expect(await attack(link("/to-proc/sys/kernel/x"))).toContain('make the link "/to-proc/sys/kernel/x"');
      await attack(link("/to-host/x"));
      expect(await attack(hooked("chmod", "--mode", "777", "--path", "/to-proc"))).toContain("ELOOP");
      expect(await attack(hooked("chmod", "--mode", "777", "--path", "/to-host"))).toContain("ELOOP");
      expect(spawnSync("ls", [host], { encoding: "utf8" }).stdout).toBe("library\n");
    });

    test("a node over the kernel's file systems, or through a link of the image", async () => {
      const node = (path: string, hostPath = "/dev/null"): Edits => ({ deviceNodes: [{ path, hostPath }] });
      for (const path of ["/proc/kmsg", "/sys/node", "/dev"])
        expect(await attack(node(path))).toContain("cannot use a CDI device: it has a device node at");
      await attack(node("/to-host/node"));
      expect(spawnSync("ls", [host], { encoding: "utf8" }).stdout).toBe("library\n");
      const link = join(host, "link");
      symlinkSync("/etc/passwd", link);
      expect(await attack(node("/dev/x", link))).toContain("not a device node");
      expect(await attack(node("/dev/x", host))).toContain("not a device node");
      expect(await attack(node("/dev/x", "/dev/../etc/passwd"))).toContain("unresolvable CDI devices");
      rmSync(link);
    });
  });

  test.skipIf(docker === undefined)("Docker's client", async () => {
    const config = join(tare.directory, "docker");
    mkdirSync(config);
    const client = new DockerCli(docker ?? "", { socket: tare.socket, config });
    const run = await client.run(["run", "--rm", ...foo, "busybox", "sh", "-c", "echo $WHO; ls /dev/foo"]);
    expect(run).toEqual({ code: 0, stdout: "device\n/dev/foo\n", stderr: "" });
    const gpus = await client.run(["run", "--rm", "--gpus", "all", "busybox", "true"]);
    expect(gpus.code).toBe(125);
    expect(gpus.stderr).toContain(
      'Error response from daemon: could not select device driver "" with capabilities: [[gpu]]',
    );
    const unknown = await client.run(["run", "--rm", "--device", "none.com/device=a", "busybox", "true"]);
    expect(unknown.stderr).toContain(
      "Error response from daemon: CDI device injection failed: unresolvable CDI devices none.com/device=a",
    );
    const { stdout } = await client.run(["info"]);
    expect(stdout).toContain(first);
  });

  test.skipIf(composeProgram === null)(
    "docker-compose with devices in the resources of a service",
    async () => {
      writeSpec("nvidia", "nvidia.com/gpu", {
        devices: { all: { env: ["GPUS=all"] }, 0: { env: ["GPUS=first"] } },
      });
      const directory = join(tare.directory, "project");
      mkdirSync(directory);
      const project = `
name: gpus
services:
  one:
    image: busybox
    command: sh -c 'echo with $$GPUS'
    deploy: { resources: { reservations: { devices: [{ driver: nvidia, count: 1, capabilities: [gpu] }] } } }
  other:
    image: busybox
    command: sh -c 'echo with $$WHO'
    deploy:
      resources: { reservations: { devices: [{ driver: cdi, device_ids: ["vendor.com/device=foo"], capabilities: [gpu] }] } }
`;
      writeFileSync(join(directory, "compose.yml"), project);
      const { stdout, stderr } = spawnSync(composeProgram ?? "", ["up", "--no-color"], {
        cwd: directory,
        encoding: "utf8",
        env: { ...process.env, DOCKER_HOST: `unix://${tare.socket}`, HOME: tare.directory },
        timeout: 60_000 * slowness,
      });
      expect(`${stdout}${stderr}`).toContain("with first");
      expect(stdout).toContain("with device");
      spawnSync(composeProgram ?? "", ["down"], {
        cwd: directory,
        env: { ...process.env, DOCKER_HOST: `unix://${tare.socket}`, HOME: tare.directory },
        timeout: 60_000 * slowness,
      });
      removeSpec("nvidia");
    },
  );
});
