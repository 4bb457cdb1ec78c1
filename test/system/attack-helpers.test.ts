import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Contents, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

/** Programs and libraries that other engines have run or loaded out of a container's root as the host's root. */
const helpers = [
  "bin/tar",
  "usr/bin/tar",
  "bin/gzip",
  "usr/bin/unpigz",
  "bin/zstd",
  "bin/cp",
  "bin/getent",
  "sbin/modprobe",
  "sbin/iptables",
  "usr/sbin/nft",
  "usr/bin/newuidmap",
  "usr/bin/id",
  "sbin/losetup",
  "sbin/docker-init",
  "dev/init",
  "usr/sbin/nscd",
];
const libraries = ["lib", "lib64", "usr/lib", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].flatMap(
  (directory) =>
    ["libnss_evil.so.2", "libnss_files.so.2", "libc.so.6", "libz.so.1"].map((name) => `${directory}/${name}`),
);

/** R6: what is in a container's root is data for the engine, whatever it is called. */
describe.skipIf(!isRoot)("attacks by what lies in a root file system", () => {
  let tare: Installation;
  let marker: string;

  beforeAll(async () => {
    tare = new Installation();
    marker = `/trap-${basename(tare.directory)}`;
    const source = join(tare.directory, "trap.c");
    writeFileSync(
      source,
      `#include <fcntl.h>\n__attribute__((constructor)) static void spring(void) { open("${marker}", O_CREAT | O_WRONLY, 0600); }\n`,
    );
    const library = join(tare.directory, "trap.so");
    execFileSync("gcc", ["-shared", "-fPIC", "-o", library, source]);
    const script = `#!/bin/busybox sh\n>${marker}\n`;
    const members: [string, Contents][] = [
      ...helpers.map((path): [string, Contents] => [path, script]),
      ...libraries.map((path): [string, Contents] => [path, readFileSync(library)]),
      ["etc/nsswitch.conf", "passwd: evil\ngroup: evil\nhosts: evil\n"],
      ["etc/ld.so.preload", libraries.map((path) => `/${path}\n`).join("")],
      ["etc/ld.so.conf", "/lib\n/usr/lib\n"],
      ["etc/passwd", "root:x:0:0::/:/bin/sh\nvictim:x:1234:1234::/home:/bin/sh\n+::::::\n"],
      ["etc/group", "root:x:0:\nvictim:x:1234:\nextra:x:77:\n+:::\n"],
      ["data/file", "plain"],
    ];
    const image = {
      layers: [readFileSync(busyboxRootfsTar()), tarOf(members)],
      names: ["trap:latest"],
      config: { Volumes: { "/data": {} } },
    };
    const archive = join(tare.directory, "trap.tar");
    writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
    await tare.must(["load", "-i", archive]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    rmSync(marker, { force: true });
  });

  /** Whether a trap has sprung in the container, or on the host. */
  const sprung = async (name: string): Promise<string[]> => {
    const changed = (await tare.must(["diff", name])).split("\n").filter((line) => line.includes(marker));
    return [...changed, ...(existsSync(marker) ? [`host: ${marker}`] : [])];
  };

  test("the traps spring when they are run in the container, or loaded on the host", async () => {
    await tare.must(["run", "--name", "careless", "trap", "/bin/tar"]);
    expect(await sprung("careless")).toEqual([`A ${marker}`]);
    await tare.must(["rm", "careless"]);
    const library = join(tare.directory, "trap.so");
    spawnSync("/bin/true", [], { env: { LD_PRELOAD: library } });
    expect(existsSync(marker)).toBe(true);
    rmSync(marker);
  });

  test("nothing of it is executed or loaded by what the engine does with the container", async () => {
    const user = ["--user", "victim:extra", "--group-add", "extra"];
    await tare.must([
      "run",
      "-d",
      "--init",
      "--name",
      "held",
      ...user,
      "trap",
      "/bin/busybox",
      "sleep",
      "1000",
    ]);
    expect(
      await tare.must(["exec", "-u", "victim", "held", "/bin/busybox", "grep", "^Uid", "/proc/self/status"]),
    ).toBe("Uid:\t1234\t1234\t1234\t1234");
    const { stdout } = await tare.tare(["cp", "held:/etc/passwd", "-"]);
    expect(stdout).toContain("victim:x:1234");
    const file = join(tare.directory, "in.tar");
    writeFileSync(file, tarOf([["in", "x"]]));
    await tare.must(["cp", "-a", file, "held:/data"]);
    await tare.must(["cp", "-", "held:/data"], { input: readFileSync(file) });
    await tare.must(["top", "held"]);
    await tare.must(["stats", "--no-stream", "held"]);
    await tare.must(["pause", "held"]);
    await tare.must(["unpause", "held"]);
    await tare.must(["export", "-o", join(tare.directory, "out.tar"), "held"]);
    await tare.must(["commit", "held", "again"]);
    await tare.must(["restart", "-t", "0", "held"]);
    await tare.must(["stop", "-t", "0", "held"]);
    await tare.must(["cp", "held:/data", join(tare.directory, "out")]);
    await tare.must(["import", join(tare.directory, "out.tar"), "imported"]);
    await tare.must(["start", "held"]);
    expect(await sprung("held")).toEqual([]);
    // Nor has the daemon or a keeper any file of a container mapped, or a directory of one as its root or its own.
    for (const pid of [tare.daemonPid() ?? 0, ...tare.keeperPids()]) {
      const maps = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
      expect(maps.filter((line) => line.includes(`${tare.dataRoot}/`) && !line.includes("state.db"))).toEqual(
        [],
      );
      expect(maps.filter((line) => line.includes("libnss_evil"))).toEqual([]);
      expect([readlinkSync(`/proc/${pid}/root`), readlinkSync(`/proc/${pid}/cwd`)]).toEqual(["/", "/"]);
      expect(readdirSync(`/proc/${pid}/task`).length).toBeGreaterThan(0);
    }
    await tare.must(["rm", "-f", "held"]);
  });
});
