import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Scratch } from "../support/scratch.ts";
import { Installation, isRoot } from "../support/tare.ts";

function onHost(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

describe.skipIf(!isRoot)("devices", () => {
  let tare: Installation;
  let scratch: Scratch;

  beforeAll(async () => {
    scratch = new Scratch("devices");
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  /** Runs a shell script; status and what it printed. */
  const sh = async (script: string, ...flags: string[]) => {
    const args = ["run", "--rm", ...flags, "busybox", "sh", "-c", `exec 2>&1; ${script}`];
    const { status, stdout, stderr } = await tare.tare(args);
    return { status, said: `${stdout}${stderr}`.trim() };
  };
  const open = "mkdir -p /tmp; mknod /tmp/fuse c 10 229 && exec 3</tmp/fuse && echo open";

  test("a node that nobody allowed cannot be opened, even one that the container made", async () => {
    expect((await sh(open)).said).toContain("Operation not permitted");
  });

  test("--device-cgroup-rule allows it, by number, by wildcard, and only as far as it says", async () => {
    for (const rule of ["c 10:229 r", "c 10:* r", "a 10:229 r", "a *:* rwm"]) {
      expect((await sh(open, "--device-cgroup-rule", rule)).said).toBe("open");
    }
    for (const rule of ["c 10:229 w", "c 10:228 r", "b 10:229 rwm", "a 2:* rwm"]) {
      expect((await sh(open, "--device-cgroup-rule", rule)).said).toContain("Operation not permitted");
    }
  });

  test("--device gives a node with the owner and mode of the host's, through links, to execs too", async () => {
    const link = join(scratch.path, "link");
    symlinkSync("/dev/fuse", link);
    await tare.must([
      "run",
      "-d",
      "--name",
      "fuse",
      "--device",
      `${link}:/dev/deep/er:r`,
      "busybox",
      "sleep",
      "1000",
    ]);
    const [type, numbers] = onHost("stat", "-c", "%f,%t:%T", "/dev/fuse").split(",");
    expect(await tare.must(["exec", "fuse", "stat", "-c", "%f,%t:%T", "/dev/deep/er"])).toBe(
      `${type},${numbers}`,
    );
    expect(await tare.must(["exec", "fuse", "sh", "-c", "exec 3</dev/deep/er && echo open"])).toBe("open");
    const denied = await tare.tare(["exec", "fuse", "sh", "-c", "exec 3>/dev/deep/er"]);
    expect(denied.stderr).toContain("Operation not permitted");
    expect(await tare.must(["inspect", "--format", "{{json .HostConfig.Devices}}", "fuse"])).toBe(
      JSON.stringify([{ PathOnHost: link, PathInContainer: "/dev/deep/er", CgroupPermissions: "r" }]),
    );
    await tare.must(["rm", "-f", "fuse"]);
  });

  test("--device with a block device reads and writes the host's, or is read-only", async () => {
    const image = join(scratch.path, "disk");
    writeFileSync(image, Buffer.alloc(64 * 1024, "tare"));
    const loop = onHost("losetup", "--find", "--show", image);
    try {
      const read = "dd if=/dev/disk bs=4 count=1 2>/dev/null";
      expect((await sh(read, "--device", `${loop}:/dev/disk:r`)).said).toBe("tare");
      const write = "printf less | dd of=/dev/disk conv=notrunc,fsync 2>&1 | grep -v records";
      expect((await sh(write, "--device", `${loop}:/dev/disk:r`)).said).toContain("Operation not permitted");
      await sh(write, "--device", `${loop}:/dev/disk`);
      expect((await sh(read, "--device", `${loop}:/dev/disk`)).said).toBe("less");
    } finally {
      onHost("losetup", "--detach", loop);
    }
  });

  test("--device with a directory gives all nodes in it, and nothing else of it", async () => {
    const directory = join(scratch.path, "many");
    mkdirSync(join(directory, "sub"), { recursive: true });
    onHost("mknod", join(directory, "a"), "c", "1", "11");
    onHost("mknod", join(directory, "sub/b"), "b", "7", "200");
    writeFileSync(join(directory, "text"), "no device");
    const { said } = await sh(
      "find /dev/many -type c -o -type b -o -type f | sort",
      "--device",
      `${directory}:/dev/many`,
    );
    expect(said).toBe("/dev/many/a\n/dev/many/sub/b");
  });

  test("--privileged has every device already, and those asked for under another name", async () => {
    const script = "test -c /dev/kmsg && test -c /dev/other && exec 3</dev/other && echo both";
    expect((await sh(script, "--privileged", "--device", "/dev/kmsg:/dev/other:w")).said).toBe("both");
  });

  test("what is no device is refused in Docker's words, and no container is left", async () => {
    const empty = join(scratch.path, "empty");
    mkdirSync(empty);
    const said = async (...flags: string[]) => {
      const { status, stderr } = await tare.tare(["create", ...flags, "busybox", "true"]);
      expect(status).not.toBe(0);
      return stderr;
    };
    const gathering = "error gathering device information while adding custom device";
    expect(await said("--device", "/etc/passwd")).toContain(`${gathering} "/etc/passwd": not a device node`);
    expect(await said("--device", empty)).toContain(`${gathering} "${empty}": not a device node`);
    expect(await said("--device", "/dev/nope")).toContain(
      `${gathering} "/dev/nope": no such file or directory`,
    );
    expect(await said("--device", "/dev/null:/")).toContain("needs to be an absolute path");
    expect(await tare.must(["ps", "-aq"])).toBe("");
  });

  test("a target cannot lead out of the container's root", async () => {
    await tare.must(["run", "--name", "linked", "busybox", "ln", "-s", scratch.path, "/escape"]);
    await tare.must(["commit", "linked", "linked"]);
    await tare.must(["rm", "linked"]);
    const { stderr } = await tare.tare([
      "run",
      "--rm",
      "--device",
      "/dev/full:/escape/full",
      "linked",
      "true",
    ]);
    expect(stderr).toContain('make the directory "/escape"');
    expect(existsSync(join(scratch.path, "full"))).toBe(false);
  });
});
