import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("flags of the process", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("--use-api-socket brings the daemon's socket and what is known of registries", async () => {
    const config = join(tare.directory, "docker");
    mkdirSync(config);
    const auth = Buffer.from("me:secret").toString("base64");
    writeFileSync(
      join(config, "config.json"),
      JSON.stringify({ auths: { "registry.example:5000": { auth } }, detachKeys: "ctrl-x" }),
    );
    const look = `cat $DOCKER_CONFIG/config.json; printf 'GET /_ping HTTP/1.0\\r\\n\\r\\n' | nc -U /var/run/docker.sock 2>&1 | head -1; stat -c %F /var/run/docker.sock`;
    const output = await tare.must(["run", "--rm", "--use-api-socket", "busybox", "sh", "-c", look], {
      env: { DOCKER_CONFIG: config },
    });
    expect(output).toStartWith(JSON.stringify({ auths: { "registry.example:5000": { auth } } }));
    expect(output).toEndWith("socket");
    const without = await tare.must(["run", "--rm", "--use-api-socket", "busybox", "env"], {
      env: { DOCKER_CONFIG: join(tare.directory, "nothing") },
    });
    expect(without).not.toContain("DOCKER_CONFIG");
  });

  test("--umask is the mask of the command and of what is executed later", async () => {
    expect(await tare.must(["run", "--rm", "busybox", "sh", "-c", "umask"])).toBe("0022");
    await tare.must(["run", "-d", "--name", "masked", "--umask", "027", "busybox", "sleep", "1000"]);
    expect(await tare.must(["exec", "masked", "sh", "-c", "umask; grep Umask /proc/1/status"])).toBe(
      "0027\nUmask:\t0027",
    );
    expect(await tare.must(["inspect", "--format", "{{.HostConfig.Tare.Umask}}", "masked"])).toBe("027");
    await tare.must(["rm", "-f", "masked"]);
    const { status, stderr } = await tare.tare(["run", "--rm", "--umask", "9", "busybox", "true"]);
    expect(status).toBe(125);
    expect(stderr).toContain('invalid umask "9": must be octal, 0000 to 0777');
  });

  const sh = (script: string, ...flags: string[]) =>
    tare.must(["run", "--rm", ...flags, "busybox", "sh", "-c", script]);

  test("--env-host gives our variables, --unsetenv takes the image's, --env comes last", async () => {
    await tare.must(["run", "--name", "base", "busybox", "true"]);
    await tare.must(["commit", "-c", "ENV FROM=image KEPT=yes", "base", "with-env"]);
    await tare.must(["rm", "base"]);
    const print = ["with-env", "sh", "-c", 'echo "$FROM,$KEPT,$OURS,$LAST"'];
    const env = { OURS: "mine", LAST: "host" };
    expect(await tare.must(["run", "--rm", ...print], { env })).toBe("image,yes,,");
    const flags = ["--env-host", "--unsetenv", "FROM", "-e", "LAST=flag"];
    expect(await tare.must(["run", "--rm", ...flags, ...print], { env })).toBe(",yes,mine,flag");
  });

  test("--tz sets the variable and the file of the host; a name that is a path is refused", async () => {
    const zone = "/usr/share/zoneinfo/Europe/Berlin";
    if (existsSync(zone)) {
      const sum = createHash("md5").update(readFileSync(zone)).digest("hex");
      expect(await sh("echo $TZ; md5sum < /etc/localtime | cut -c1-32", "--tz", "Europe/Berlin")).toBe(
        `Europe/Berlin\n${sum}`,
      );
    }
    for (const name of ["../../etc/shadow", "/etc/shadow", "a/../../b", "x y"]) {
      const { stderr } = await tare.tare(["run", "--rm", "--tz", name, "busybox", "true"]);
      expect(stderr).toContain(`invalid time zone "${name}"`);
    }
    const { stderr } = await tare.tare(["run", "--rm", "--tz", "No/Where", "busybox", "true"]);
    expect(stderr).toContain("/usr/share/zoneinfo/No/Where");
  });

  test("--read-only-tmpfs keeps /run, /tmp and /var/tmp writable below a read-only root, and other mounts there", async () => {
    const script = "touch /run/a /tmp/a /var/tmp/a && echo written; touch /a 2>&1";
    const said = await sh(`${script}; true`, "--read-only", "--read-only-tmpfs");
    expect(said).toMatch(/^written\ntouch: .*Read-only file system$/);
    const own = ["--tmpfs", "/tmp:size=1m"];
    expect(
      await sh("df -m /tmp | tail -1 | awk '{print $2}'", "--read-only", "--read-only-tmpfs", ...own),
    ).toBe("1");
    expect(await sh("grep -c ' /tmp ' /proc/mounts; true", "--read-only-tmpfs")).toBe("0");
  });

  test("--replace removes the container of that name, running or not", async () => {
    const first = await tare.must(["run", "-d", "--name", "same", "busybox", "sleep", "1000"]);
    const again = await tare.must(["run", "-d", "--replace", "--name", "same", "busybox", "sleep", "1000"]);
    expect(again).not.toBe(first);
    expect(await tare.must(["ps", "-aq", "--no-trunc"])).toBe(again);
    await tare.must(["rm", "-f", "same"]);
    await tare.must(["create", "--replace", "--name", "same", "busybox", "true"]);
    await tare.must(["rm", "same"]);
    const { stderr } = await tare.tare(["run", "--replace", "busybox", "true"]);
    expect(stderr).toContain("cannot replace a container without --name being set");
  });

  test("--no-hosts and --no-hostname leave the image's files", async () => {
    const files = "cat /etc/hosts /etc/hostname 2>/dev/null | grep -c . ; true";
    expect(Number(await sh(files))).toBeGreaterThan(1);
    const bare = ["--no-hosts", "--no-hostname"];
    expect(await sh("grep -cE ' /etc/(hosts|hostname) ' /proc/mounts; true", ...bare)).toBe("0");
    expect(await sh("hostname", "--no-hostname", "--hostname", "named")).toBe("named");
    await tare.must(["create", "--name", "bare", ...bare, "busybox", "true"]);
    expect(await tare.must(["inspect", "--format", "{{json .HostConfig.Tare}}", "bare"])).toBe(
      '{"NoHostname":true,"NoHosts":true}',
    );
    await tare.must(["rm", "bare"]);
  });

  test("--personality LINUX32 tells the command, and execs, of a 32-bit machine", async () => {
    const [wide, narrow] = process.arch === "x64" ? ["x86_64", "i686"] : ["aarch64", "armv8l"];
    expect(await sh("uname -m", "--personality", "LINUX")).toBe(wide ?? "");
    expect(await sh("uname -m", "--personality", "LINUX32")).toBe(narrow ?? "");
    await tare.must([
      "run",
      "-d",
      "--personality",
      "LINUX32",
      "--name",
      "narrow",
      "busybox",
      "sleep",
      "1000",
    ]);
    expect(await tare.must(["exec", "narrow", "uname", "-m"])).toBe(narrow ?? "");
    await tare.must(["rm", "-f", "narrow"]);
  });

  test("each starts as it was made, also when another one was made since; who shares a network is called as its owner", async () => {
    for (const name of ["one", "two"])
      await tare.must([
        "create",
        "--name",
        name,
        "-h",
        `is-${name}`,
        "busybox",
        "sh",
        "-c",
        `hostname; echo ${name}`,
      ]);
    for (const name of ["one", "two"])
      expect(await tare.must(["start", "-a", name])).toBe(`is-${name}\n${name}`);
    await tare.must(["run", "-d", "--name", "owner", "-h", "the-owner", "busybox", "sleep", "1000"]);
    expect(await sh("hostname", "--network", "container:owner")).toBe("the-owner");
    await tare.must(["rm", "-f", "one", "two", "owner"]);
  });

  test("--ipc none has no /dev/shm; --uts container: has the other's name", async () => {
    expect(
      await sh(
        "ls -d /dev/shm /dev/mqueue 2>/dev/null; grep -c ' /dev/shm ' /proc/mounts || true",
        "--ipc",
        "none",
      ),
    ).toBe("/dev/mqueue\n0");
    await tare.must(["run", "-d", "--name", "named", "-h", "its-own", "busybox", "sleep", "1000"]);
    expect(await sh("hostname", "--uts", "container:named")).toBe("its-own");
    const { status, stderr } = await tare.tare(
      "run --rm --uts container:named -h other busybox true".split(" "),
    );
    expect([status, stderr]).toEqual([
      125,
      expect.stringContaining("conflicting options: hostname and the UTS mode"),
    ]);
    await tare.must(["rm", "-f", "named"]);
  });

  test("flags of Windows change nothing; what can't be here is refused in Docker's words", async () => {
    const windows = ["--cpu-count", "2", "--cpu-percent", "5"];
    expect(await sh("echo ran", ...windows, "--isolation", "default", "--runtime", "runc")).toBe("ran");
    const refused = async (...flags: string[]) => {
      const { status, stderr } = await tare.tare(["run", "--rm", ...flags, "busybox", "true"]);
      expect(status).toBe(125);
      return stderr;
    };
    expect(await refused("--isolation", "hyperv")).toContain(
      `Invalid isolation: "hyperv" - linux only supports 'default'`,
    );
    for (const [flag, value, name] of [
      ["--io-maxbandwidth", "1m", "bandwidth"],
      ["--io-maxiops", "9", "IOPs"],
    ] as const) {
      expect(await refused(flag, value)).toContain(
        `invalid option: QoS maximum ${name} configuration is not supported on linux`,
      );
    }
    expect(await refused("--runtime", "kata")).toContain("unknown or invalid runtime name: kata");
    expect(await refused("--storage-opt", "speed=1g")).toContain("Unknown option speed");
    expect(await refused("--storage-opt", "size=much")).toContain('cannot read size "much"');
    expect(await refused("--storage-opt", "size=0")).toContain("must be more than 0");
    expect(await refused("--storage-opt", "size")).toContain("invalid storage option");
  });

  test("exec has variables of files and of its own, a user, a directory, rights and detach keys", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "target",
      "--cap-drop",
      "ALL",
      "-e",
      "A=image",
      "busybox",
      "sleep",
      "1000",
    ]);
    const file = join(tare.directory, "exec.env");
    writeFileSync(file, "# none\nB=file\nC=file\n");
    const flags = ["--env-file", file, "-e", "C=flag", "-u", "7:8", "-w", "/usr", "--detach-keys", "ctrl-a"];
    expect(
      await tare.must(["exec", ...flags, "target", "sh", "-c", 'echo "$A $B $C"; id -u; id -g; pwd']),
    ).toBe("image file flag\n7\n8\n/usr");
    const rights = ["target", "grep", "CapEff", "/proc/self/status"];
    expect(await tare.must(["exec", ...rights])).toBe(`CapEff:\t${"0".repeat(16)}`);
    expect(await tare.must(["exec", "--privileged", ...rights])).not.toBe(`CapEff:\t${"0".repeat(16)}`);
    expect((await tare.tare(["exec", "--detach-keys", "ctrl-", "target", "true"])).stderr).toContain("ctrl-");
    expect((await tare.tare(["exec", "-u", "nobody-here", "target", "true"])).status).not.toBe(0);
    expect((await tare.tare(["exec", "-w", "/not/here", "target", "true"])).status).not.toBe(0);
    await tare.must(["rm", "-f", "target"]);
  });
});
