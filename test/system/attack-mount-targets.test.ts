import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { Installation, isRoot, mountTable } from "../support/tare.ts";
import { TarBuilder } from "../support/tar-builder.ts";

const refusal = "a symbolic link leads it into /proc, /sys or /dev, which no other mount may cover";

/** Links of the image, by where they lead. */
const links: Readonly<Record<string, readonly string[]>> = {
  "/proc": ["/p", "/p-chain", "/p-up", "/deep/p"],
  "/proc/sys": ["/p-sys"],
  "/proc/uptime": ["/p-uptime"],
  "/sys": ["/s", "/s-chain"],
  "/sys/fs/cgroup": ["/s-cgroup"],
  "/dev": ["/d", "/d-chain"],
  "/dev/pts": ["/d-pts"],
  "/dev/mqueue": ["/d-mqueue"],
};
const allLinks = Object.values(links).flat();
const directories = allLinks.filter((link) => link !== "/p-uptime");

/** A mount must not cover the container's own /proc, /sys or /dev by a symbolic link of an image or a volume. */
describe.skipIf(!isRoot)("attacks on the targets of mounts", () => {
  let tare: Installation;
  let host: string;

  beforeAll(async () => {
    tare = new Installation();
    host = join(tare.directory, "host");
    mkdirSync(host);
    writeFileSync(join(host, "file"), "host file\n");
    const layer = new TarBuilder();
    layer.directory("deep");
    layer.directory("target");
    const link = (path: string, target: string): unknown => layer.symlink(path.slice(1), target);
    link("/p", "/proc");
    link("/p-chain", "deep/one");
    link("/deep/one", "../deep/two");
    link("/deep/two", "/p");
    link("/p-up", "../../../../proc");
    link("/deep/p", "../proc/");
    link("/p-sys", "/proc/sys");
    link("/p-uptime", "/proc/uptime");
    link("/s", "sys");
    link("/s-chain", "/s");
    link("/s-cgroup", "/s/fs/cgroup");
    link("/d", "./dev");
    link("/d-chain", "/deep/../d");
    link("/d-pts", "/d/pts");
    link("/d-mqueue", "/d/mqueue");
    link("/harmless", "target");
    link("/to-shm", "/dev/shm");
    await loadImage("linked", { links: layer.end() });
    await loadImage("volumes", { links: layer.end(), config: { Volumes: { "/p": {} } } });
    await tare.must(["volume", "create", "covering"]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const loadImage = async (
    name: string,
    {
      links,
      config = {},
    }: { readonly links: Uint8Array; readonly config?: Readonly<Record<string, unknown>> },
  ): Promise<void> => {
    const archive = join(tare.directory, `${name}.tar`);
    const image = {
      layers: [readFileSync(busyboxRootfsTar()), Buffer.from(links)],
      names: [`${name}:latest`],
      config,
    };
    writeFileSync(archive, tarOf(dockerArchiveMembers([image])));
    await tare.must(["load", "-i", archive]);
    rmSync(archive);
  };

  const expectRefused = async (flags: readonly string[], image = "linked"): Promise<void> => {
    const { status, stdout, stderr } = await tare.tare(["run", "--rm", ...flags, image, "echo", "started"]);
    expect({ flags, stdout, stderr: stderr.includes(refusal) ? refusal : stderr }).toEqual({
      flags,
      stdout: "",
      stderr: refusal,
    });
    expect(status).toBeGreaterThanOrEqual(125);
  };

  test("a named volume", async () => {
    for (const link of directories) await expectRefused(["-v", `covering:${link}`]);
  });

  test.each<[string, (link: string) => readonly string[]]>([
    ["an anonymous volume", (link) => ["-v", link]],
    ["a bind", (link) => ["-v", `${host}:${link}`]],
    [
      "a read-only bind without what is mounted below",
      (link) => ["--mount", `type=bind,src=${host},dst=${link},ro`],
    ],
    ["a tmpfs", (link) => ["--tmpfs", link]],
    ["an image", (link) => ["--mount", `type=image,src=linked,dst=${link}`]],
    ["a part of an image", (link) => ["--mount", `type=image,src=linked,image-subpath=deep,dst=${link}`]],
  ])("%s", async (_, flags) => {
    for (const link of ["/p", "/p-chain", "/s", "/d", "/d-pts"]) await expectRefused(flags(link));
  });

  test("a place below the link", async () => {
    for (const target of [
      "/p/sys",
      "/p/self",
      "/p/sys/kernel",
      "/p-sys/net",
      "/s/fs",
      "/s/fs/cgroup",
      "/d/pts",
      "/deep/p/bus",
    ])
      await expectRefused(["-v", `covering:${target}`]);
  });

  test("a file", async () => {
    const file = join(host, "file");
    for (const target of ["/p-uptime", "/p/uptime", "/p/version", "/p/loadavg", "/d/null", "/d/zero"])
      await expectRefused(["-v", `${file}:${target}`]);
  });

  test("a secret", async () => {
    await tare.must(["secret", "create", "s", "-"], { input: "value" });
    for (const target of ["/p-uptime", "/p/meminfo", "/d/null"])
      await expectRefused(["--secret", `source=s,target=${target}`]);
    await tare.must(["secret", "rm", "s"]);
  });

  test("a VOLUME of the image", async () => {
    await expectRefused([], "volumes");
  });

  test("in a user namespace", async () => {
    for (const link of ["/p", "/s", "/d", "/d-pts"])
      await expectRefused(["--userns", "auto", "-v", `covering:${link}`]);
  });

  test("the container's own hosts file", async () => {
    const layer = new TarBuilder();
    layer.symlink("etc/hosts", "/proc/uptime");
    await loadImage("own-files", { links: layer.end() });
    await expectRefused([], "own-files");
    await tare.must(["rmi", "own-files"]);
  });

  test("a link in another volume, also one that leads up, and one through the place of a third mount", async () => {
    const volume = join(tare.directory, "volume");
    mkdirSync(join(volume, "below"), { recursive: true });
    symlinkSync("/proc", join(volume, "absolute"));
    symlinkSync("../../../../../proc", join(volume, "below/up"));
    symlinkSync("../../sys/fs/cgroup", join(volume, "below/cgroup"));
    symlinkSync("/third/link", join(volume, "through"));
    const third = join(tare.directory, "third");
    mkdirSync(third);
    symlinkSync("/dev", join(third, "link"));
    for (const target of ["absolute", "below/up", "below/cgroup", "absolute/sys"])
      await expectRefused(["-v", `${volume}:/v`, "-v", `covering:/v/${target}`]);
    await expectRefused(["-v", `${volume}:/v`, "-v", `${third}:/third`, "-v", "covering:/v/through"]);
    // Where the caller may cover things, a link in what covers them leads no further.
    for (const place of ["/dev/shm", "/dev"])
      await expectRefused(["-v", `${volume}:${place}`, "-v", `covering:${place}/absolute`]);
  });

  test("what is started again after the link was exchanged", async () => {
    await tare.must([
      "create",
      "--name",
      "again",
      "-v",
      "covering:/later/place",
      "linked",
      "echo",
      "started",
    ]);
    expect(await tare.must(["start", "-a", "again"])).toBe("started");
    await tare.must(["commit", "again", "exchanged"]);
    await tare.must(["rm", "again"]);
    const script = "ln -s /proc /link; echo made";
    expect(await tare.must(["run", "--name", "again", "linked", "sh", "-c", script])).toBe("made");
    await tare.must(["commit", "again", "exchanged"]);
    await tare.must(["rm", "again"]);
    await expectRefused(["-v", "covering:/link"], "exchanged");
    await tare.must(["rmi", "exchanged"]);
  });

  test("links that stay outside of the kernel's file systems lead mounts, as do the caller's own binds of /proc, /sys and /dev", async () => {
    const before = mountTable();
    const file = join(host, "file");
    const cases: readonly (readonly [flags: readonly string[], path: string])[] = [
      [["-v", `${host}:/harmless`], "/target/file"],
      [["-v", `${host}:/harmless/new`], "/target/new/file"],
      [["-v", `${host}:/to-shm/new`], "/dev/shm/new/file"],
      [["-v", `${host}:/dev/shm`], "/dev/shm/file"],
      [["-v", `${host}:/dev/new/one`], "/dev/new/one/file"],
      [["-v", `${host}:/sys/fs/cgroup`], "/sys/fs/cgroup/file"],
      [["-v", `${file}:/proc/uptime`], "/proc/uptime"],
      [["-v", "/dev:/dev", "-v", `${host}:/dev/shm`], "/dev/shm/file"],
      [["-v", "/sys:/sys", "-v", `${host}:/sys/fs/cgroup`], "/sys/fs/cgroup/file"],
      [
        ["-v", "/proc:/host/proc", "-v", "/sys:/host/sys", "-v", `${file}:/host/proc/uptime`],
        "/host/proc/uptime",
      ],
      [["-v", "/proc:/hostproc", "-v", "/dev:/hostdev", "-v", `${host}:/hostdev/shm`], "/hostdev/shm/file"],
    ];
    for (const [flags, path] of cases)
      expect([flags, await tare.must(["run", "--rm", ...flags, "linked", "cat", path])]).toEqual([
        flags,
        "host file",
      ]);
    expect(mountTable()).toBe(before);
  });
});
