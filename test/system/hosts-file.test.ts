import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("--hosts-file", () => {
  let tare: Installation;
  let file: string;
  const hosts = (...flags: string[]) =>
    tare.must(["run", "--rm", "--hostname", "me", ...flags, "with-hosts", "cat", "/etc/hosts"]);
  const refused = async (...flags: string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(["run", ...flags, "busybox", "true"]);
    expect([flags, status]).toEqual([flags, 125]);
    return stderr;
  };

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    file = join(tare.directory, "hosts");
    writeFileSync(file, "10.1.2.3 of-the-file\n");
    const image = "10.9.9.9 of-the-image localhost";
    const write = ["sh", "-c", `mkdir -p /etc; echo '${image}' > /etc/hosts`];
    await tare.must(["run", "--no-hosts", "--name", "made", "busybox", ...write]);
    await tare.must(["commit", "made", "with-hosts"]);
    await tare.must(["rm", "made"]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  test("a file, the image's own or nothing is what /etc/hosts begins with", async () => {
    const flags = ["--network", "none", "--add-host", "db:10.0.0.1"];
    const localhost = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback";
    expect(await hosts(...flags, "--hosts-file", file)).toBe(
      `10.1.2.3 of-the-file\n${localhost}\n10.0.0.1\tdb`,
    );
    expect(await hosts(...flags, "--hosts-file", "image")).toBe(
      "10.9.9.9 of-the-image localhost\n10.0.0.1\tdb",
    );
    expect(await hosts(...flags, "--hosts-file", "none")).toBe(`${localhost}\n10.0.0.1\tdb`);
    expect(await hosts("--network", "host", "--hosts-file", "none")).toStartWith("127.0.0.1\tlocalhost");
    expect(await hosts(...flags)).not.toContain("of-the");
  });

  test("the file is read at each start; inspect shows it", async () => {
    await tare.must(["create", "--name", "again", "--hosts-file", file, "busybox", "cat", "/etc/hosts"]);
    expect(await tare.must(["inspect", "-f", "{{.HostConfig.Tare.HostsFile}}", "again"])).toBe(file);
    writeFileSync(file, "10.1.2.3 changed\n");
    expect(await tare.must(["start", "-a", "again"])).toContain("changed");
    await tare.must(["rm", "again"]);
  });

  test("what can't be one is refused in a sentence", async () => {
    expect(await refused("--hosts-file", "hosts")).toContain(
      'invalid hosts file "hosts": it must be an absolute path, "none" or "image"',
    );
    expect(await refused("--hosts-file", "/no/such")).toContain(
      'cannot read the hosts file "/no/such": no such file',
    );
    mkdirSync(join(tare.directory, "folder"));
    expect(await refused("--hosts-file", join(tare.directory, "folder"))).toContain("it is not a file");
    expect(await refused("--hosts-file", "/dev/zero")).toContain("it is not a file");
    expect(await refused("--hosts-file", "none", "--no-hosts")).toContain(
      "--no-hosts and --hosts-file cannot be set together",
    );
  });

  test.each([
    ["a link out of the container", "ln -s /../../../../../../etc/shadow /etc/hosts"],
    ["a link through /proc", "ln -s /proc/self/root/etc/hosts /etc/hosts"],
    ["a fifo", "mkfifo /etc/hosts"],
    ["a directory", "mkdir /etc/hosts"],
  ])("an image whose /etc/hosts is %s shows nothing of the host", async (_, script) => {
    await tare.must([
      "run",
      "--no-hosts",
      "--name",
      "evil",
      "busybox",
      "sh",
      "-c",
      `mkdir -p /etc; rm -rf /etc/hosts; ${script}`,
    ]);
    await tare.must(["commit", "evil", "evil-image"]);
    await tare.must(["rm", "evil"]);
    const { stdout } = await tare.tare([
      "run",
      "--rm",
      "--hosts-file",
      "image",
      "evil-image",
      "cat",
      "/etc/hosts",
    ]);
    expect(stdout).not.toContain("root:");
    await tare.must(["rmi", "evil-image"]);
  });
});
