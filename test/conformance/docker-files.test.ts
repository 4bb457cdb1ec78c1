import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DockerCli, findDockerCli } from "../support/docker-cli.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

const docker = findDockerCli();

describe.skipIf(!isRoot || docker === undefined)("docker's client copies, compares, exports, commits", () => {
  let tare: Installation;
  let client: DockerCli;

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    await tare.must(["run", "-d", "--name", "live", "busybox", "sleep", "1000"]);
    const config = join(tare.directory, "docker");
    mkdirSync(config);
    client = new DockerCli(docker ?? "", { socket: tare.clientSocket, config });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const must = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await client.run(args);
    if (code !== 0)
      throw new Error(`docker ${args.join(" ")}: ${code}\n${stdout}${stderr}\n${tare.daemonLog()}`);
    return stdout.trimEnd();
  };

  test("cp both ways, a directory, its contents, the root, a link, a stream", async () => {
    const source = join(tare.directory, "source");
    mkdirSync(join(source, "deep"), { recursive: true });
    writeFileSync(join(source, "deep/file"), "1");
    symlinkSync("deep/file", join(source, "link"));
    await must("cp", source, "live:/whole");
    await must("cp", `${source}/.`, "live:/root");
    await must("cp", join(source, "deep/file"), "live:/root/renamed");
    await must("exec", "live", "ln", "-s", "/whole", "/alias");
    await must("cp", join(source, "deep/file"), "live:/alias");
    expect(
      await must(
        "exec",
        "live",
        "sh",
        "-c",
        "cat /whole/deep/file /root/deep/file /root/renamed /whole/file",
      ),
    ).toBe("1111");
    const out = join(tare.directory, "out");
    await must("cp", "live:/whole", out);
    expect(readlinkSync(join(out, "link"))).toBe("deep/file");
    await must("cp", "live:/whole/.", join(tare.directory, "out-contents"));
    expect(readFileSync(join(tare.directory, "out-contents/deep/file"), "utf8")).toBe("1");
    await must("cp", "-L", "live:/whole/link", join(tare.directory, "followed"));
    expect(readFileSync(join(tare.directory, "followed"), "utf8")).toBe("1");
    await must("create", "--name", "still", "busybox");
    const whole = join(tare.directory, "whole");
    mkdirSync(whole);
    await must("cp", "still:/", whole);
    expect(readFileSync(join(whole, "etc/passwd"), "utf8")).toContain("root");
    const tar = execFileSync("tar", ["-C", source, "-cf", "-", "deep"]);
    const streamed = await client.run(["cp", "-", "live:/root/new-place"], { input: tar });
    expect(streamed.code).toBe(1);
    expect((await client.run(["cp", "-", "live:/alias"], { input: tar })).code).toBe(0);
    const missing = await client.run(["cp", "live:/nope", out]);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining("Could not find the file /nope in container live"),
    ]);
    await must("rm", "still");
  });

  test("diff, export and commit", async () => {
    await must("run", "-d", "--name", "other", "busybox", "sh", "-c", "echo 1 > /root/one; sleep 1000");
    await must("exec", "other", "sh", "-c", "until [ -s /root/one ]; do sleep 0.01; done");
    expect((await must("diff", "other")).split("\n")).toEqual(["C /root", "A /root/one"]);
    const path = join(tare.directory, "export.tar");
    await must("export", "-o", path, "other");
    expect(execFileSync("tar", ["-xOf", path, "root/one"], { encoding: "utf8" })).toBe("1\n");
    expect(await must("commit", "-m", "why", "-c", 'CMD ["cat", "/root/one"]', "other", "made:1")).toMatch(
      /^sha256:/,
    );
    expect(await must("run", "--rm", "made:1")).toBe("1");
    await must("rm", "-f", "other");
  });
});
