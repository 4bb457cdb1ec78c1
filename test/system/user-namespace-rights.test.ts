import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { existsSync, lstatSync, openSync, closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findXattr } from "../../src/linux/files/xattr.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../../src/spec/tar-writer.ts";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isGone, isRoot } from "../support/tare.ts";

const base = 1_900_000;
// SPEC: linux/capability.h, revision 2, effective: CAP_NET_RAW.
const netRaw = Buffer.from("0100000200200000000000000000000000000000", "hex");

/** A tar of one program, `capped/cat`, with a file capability. */
function cappedTar(): Buffer {
  const program = readFileSync("/bin/busybox");
  const member = {
    path: "capped/cat",
    type: "file",
    mode: 0o755,
    size: program.length,
    xattrs: new Map([["security.capability", netRaw]]),
  } as const;
  return Buffer.concat([
    encodeTarMember({ path: "capped/", type: "directory", mode: 0o755 }),
    encodeTarMember(member),
    program,
    new Uint8Array(tarPadding(program.length)),
    encodeTarEnd(),
  ]);
}

function capabilityOf(path: string): Uint8Array | undefined {
  const fd = openSync(path, "r");
  try {
    return findXattr(fd, "security.capability");
  } finally {
    closeSync(fd);
  }
}

describe.skipIf(!isRoot)("rights in a user namespace", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["create", "--name", "maker", "busybox", "true"]);
    await tare.must(["cp", "-", "maker:/"], { input: cappedTar() });
    await tare.must(["commit", "maker", "capped"]);
    await tare.must(["rm", "maker"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const effective = "CapEff:\t0000000000002000";
  const capEff = async (...args: string[]): Promise<string | undefined> =>
    (await tare.must([...args, "/capped/cat", "/proc/self/status"]))
      .split("\n")
      .find((line) => line.startsWith("CapEff"));
  const upperOf = async (name: string): Promise<string> =>
    await tare.must(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", name]);

  test("a file capability of the image works in the namespace, and after a copy-up belongs to its root alone", async () => {
    const user = ["--user", "5:5"];
    expect(await capEff("run", "--rm", ...user, "capped")).toBe(effective);
    expect(await capEff("run", "--rm", "--userns", "private", ...user, "capped")).toBe(effective);
    await tare.must([
      "run",
      "-d",
      "--name",
      "caps",
      "--userns",
      `private:${base}`,
      "capped",
      "sleep",
      "1000",
    ]);
    await tare.must(["exec", "caps", "touch", "/capped/cat"]);
    const copied = Buffer.from(capabilityOf(join(await upperOf("caps"), "capped/cat")) ?? []);
    expect([copied.length, copied.readUInt32LE(20)]).toEqual([24, base]);
    expect(await capEff("exec", "-u", "5:5", "caps")).toBe(effective);
  });

  test("commit gives it back as that of any root, which works without a user namespace", async () => {
    await tare.must(["commit", "caps", "recapped"]);
    expect(await capEff("run", "--rm", "--user", "5:5", "recapped")).toBe(effective);
    expect(await capEff("run", "--rm", "--userns", "private", "--user", "5:5", "recapped")).toBe(effective);
  });

  test("one that is copied in counts for the namespace's root alone", async () => {
    await tare.must(["cp", "-", "caps:/tmp/"], { input: cappedTar() });
    const written = Buffer.from(capabilityOf(join(await upperOf("caps"), "tmp/capped/cat")) ?? []);
    expect([written.length, written.readUInt32LE(20)]).toEqual([24, base]);
    await tare.must(["rm", "-f", "caps"]);
  });

  test("a setuid program makes root of the namespace, whose files on the disk are nobody's of the host", async () => {
    const flags = ["--userns", `private:${base}`];
    await tare.must(["run", "-d", "--name", "setuid", ...flags, "busybox", "sleep", "1000"]);
    // An applet that refuses to run without root's effective id.
    await tare.must(["exec", "setuid", "cp", "/bin/busybox", "/tmp/su"]);
    const su = ["exec", "-u", "5", "setuid", "/tmp/su", "-c", "id", "root"];
    expect((await tare.tare(su)).stderr).toContain("must be suid to work properly");
    await tare.must(["exec", "setuid", "chmod", "4755", "/tmp/su"]);
    expect((await tare.tare(su)).stderr).toContain("incorrect password");
    const { uid, mode } = lstatSync(join(await upperOf("setuid"), "tmp/su"));
    expect([uid, mode & 0o7777]).toEqual([base, 0o4755]);
    await tare.must(["rm", "-f", "setuid"]);
  });

  test("root of the namespace reaches neither the keeper nor an exec that is on its way", async () => {
    const flags = [
      "--userns",
      "private",
      "--pid",
      "host",
      "--cap-add",
      "ALL",
      "--security-opt",
      "seccomp=unconfined",
    ];
    await tare.must(["run", "-d", "--name", "looks", ...flags, "busybox", "sleep", "1000"]);
    const [keeper = 0] = tare.keeperPids();
    const script = `kill -9 ${keeper}; ls /proc/${keeper}/fd; cat /proc/${keeper}/environ; ls /proc/${tare.daemonPid()}/root/`;
    const { stdout, stderr } = await tare.tare(["exec", "looks", "sh", "-c", script]);
    expect(stdout).toBe("");
    expect(stderr.match(/not permitted|denied/g)).toHaveLength(4);
    expect(isGone(keeper)).toBe(false);
    await tare.must(["rm", "-f", "looks"]);
  });

  test("what the kernel lets a user namespace do, it may: mount, hostname, a network of its own", async () => {
    const script = "mount -t tmpfs x /mnt && hostname inner && ip link set lo down && hostname && id -u";
    const flags = [
      "--cap-add",
      "SYS_ADMIN",
      "--cap-add",
      "NET_ADMIN",
      "--security-opt",
      "seccomp=unconfined",
      "--security-opt",
      "apparmor=unconfined",
    ];
    const shell = ["busybox", "sh", "-c", `mkdir -p /mnt; ${script}`];
    expect(await tare.must(["run", "--rm", "--userns", "private", ...flags, ...shell])).toBe("inner\n0");
  });
});

describe.skipIf(!isRoot)("an engine whose own view is limited", () => {
  test("says that its /proc is covered when a user namespace can have none for it; --userns-pool bounds the ids", async () => {
    await using tare = new Installation();
    const flags = [...tare.globalFlags, "--userns-pool", "3000000:131072", "daemon"];
    const daemon = spawn(
      "unshare",
      ["-m", "sh", "-c", `mount -t tmpfs none /proc/tty && exec "$@"`, "sh", executable, ...flags],
      {
        stdio: "ignore",
      },
    );
    const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
    while (!existsSync(tare.socket)) await Bun.sleep(10);
    await tare.must(["load", "-i", busyboxArchive()]);
    const refused = await tare.tare(["run", "--rm", "--userns", "private", "busybox", "true"]);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('cannot mount proc at "/proc": fsmount(');
    expect(refused.stderr).toContain("something is mounted over it, as in a container with masked paths");
    expect(await tare.must(["run", "--rm", "busybox", "echo", "without"])).toBe("without");
    for (const name of ["one", "two"]) {
      await tare.must(["create", "--name", name, "--userns", "private", "busybox", "true"]);
    }
    const third = await tare.tare(["create", "--userns", "private", "busybox", "true"]);
    expect(third.stderr).toContain("all of the pool are in use");
    await tare.must(["rm", "one"]);
    await tare.must(["create", "--userns", "private", "busybox", "true"]);
    await tare.must(["rm", ...(await tare.must(["ps", "-aq"])).split("\n")]);
    await tare.must(["daemon", "stop"]);
    await ended;
  });
});
