import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { executable, Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("diff and export", () => {
  let tare: Installation;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const changes = "echo 1 > /root/new; echo x >> /etc/passwd; rm /bin/ls; mkdir -p /a/b; sleep 1000";

  test("diff shows what a container changed and nothing of what its start makes", async () => {
    await tare.must(["run", "-d", "--name", "idle", "busybox", "sleep", "1000"]);
    expect(await tare.must(["diff", "idle"])).toBe("");
    await tare.must(["run", "-d", "--name", "busy", "busybox", "sh", "-c", changes]);
    await tare.must(["exec", "busy", "sh", "-c", "until [ -d /a/b ]; do sleep 0.01; done"]);
    const expected = [
      "A /a",
      "A /a/b",
      "C /bin",
      "D /bin/ls",
      "C /etc",
      "C /etc/passwd",
      "C /root",
      "A /root/new",
    ];
    expect((await tare.must(["diff", "busy"])).split("\n")).toEqual(expected);
    await tare.must(["kill", "busy"]);
    await tare.must(["wait", "busy"]);
    expect((await tare.must(["container", "diff", "busy"])).split("\n")).toEqual(expected);
    const { status, stderr } = await tare.tare(["diff", "nobody"]);
    expect(status).toBe(1);
    expect(stderr).toContain("No such container: nobody");
    await tare.must(["rm", "-f", "idle", "busy"]);
  });

  test.each([
    ["of the host's ids", []],
    ["with a user namespace", ["--userns", "private"]],
  ] as const)(
    "export gives the tree without what is mounted in it and with what that covers, of a running and of a stopped container %s",
    async (_, flags) => {
      const secret = join(tare.directory, "secret");
      writeFileSync(secret, "not to be exported");
      await tare.must([
        "run",
        "-d",
        "--name",
        "exported",
        "-v",
        `${secret}:/srv/issue`,
        "-v",
        `${join(tare.directory, "covering")}:/etc`,
        ...flags,
        "--tmpfs",
        "/scratch",
        "busybox",
        "sh",
        "-c",
        "echo kept > /root/file; echo gone > /scratch/file; sleep 1000",
      ]);
      await tare.must(["exec", "exported", "sh", "-c", "until [ -s /scratch/file ]; do sleep 0.01; done"]);
      const path = join(tare.directory, "e.tar");
      writeFileSync(join(tare.directory, "covering/of-the-host"), "");
      for (const state of ["running", "stopped"]) {
        if (state === "stopped") {
          await tare.must(["kill", "exported"]);
          await tare.must(["wait", "exported"]);
        }
        await tare.must(["export", "-o", path, "exported"]);
        expect(statSync(path).mode & 0o777).toBe(0o600);
        const names = execFileSync("tar", ["-tf", path], { encoding: "utf8" }).split("\n");
        expect(names).toContain("root/file");
        expect(names).toContain("scratch/");
        expect(names).toContain("proc/");
        expect(execFileSync("tar", ["-xOf", path, "etc/passwd"], { encoding: "utf8" })).toStartWith(
          "root:x:0:0:",
        );
        expect(names).not.toContain("etc/of-the-host");
        expect(tare.newMounts()).toEqual([]);
        expect(names.filter((name) => /^(proc|sys|dev\/pts|scratch)\/./.test(name))).toEqual([]);
        expect(execFileSync("tar", ["-xOf", path, "root/file"], { encoding: "utf8" })).toBe("kept\n");
        expect(readFileSync(path).includes("not to be exported")).toBe(false);
      }
      const absent = await tare.tare(["export", "-o", join(tare.directory, "no.tar"), "nobody"]);
      expect(absent.status).toBe(1);
      expect(existsSync(join(tare.directory, "no.tar"))).toBe(false);
      await tare.must(["rm", "exported"]);
    },
  );

  test("a container does not start again while the files of its last run are read", async () => {
    await tare.must([
      "run",
      "-d",
      "--name",
      "held",
      "busybox",
      "sh",
      "-c",
      "truncate -s 500G /root/holes; sleep 1000",
    ]);
    await tare.must(["exec", "held", "sh", "-c", "until [ -s /root/holes ]; do sleep 0.01; done"]);
    const reader = spawn(executable, [...tare.globalFlags, "export", "held"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(reader, "close");
    await once(reader.stdout, "readable");
    await tare.must(["kill", "held"]);
    await tare.must(["wait", "held"]);
    const { status, stderr } = await tare.tare(["start", "held"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("its files are being copied")]);
    reader.kill("SIGKILL");
    reader.stdout.destroy();
    await ended;
    await tare.must(["start", "held"]);
    await tare.must(["rm", "-f", "held"]);
  });

  test("export and import round-trip", async () => {
    await tare.must(["run", "--name", "trip", "busybox", "sh", "-c", "echo kept > /root/file"]);
    const path = join(tare.directory, "r.tar");
    await tare.must(["export", "-o", path, "trip"]);
    await tare.must(["import", path, "again"]);
    expect(await tare.must(["run", "--rm", "again", "busybox", "cat", "/root/file"])).toBe("kept");
    await tare.must(["rm", "trip"]);
  });
});
