import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MS_PRIVATE, MS_REC, MS_SHARED } from "../../src/linux/constants/mount.ts";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import {
  cloneTree,
  createFilesystem,
  moveMount,
  setMountAttributes,
  unmount,
} from "../../src/linux/mount/mount.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import type { MountSource, OverlayOrder } from "../../src/linux/mount/mount-helper.ts";
import { openKeeperProgram } from "../../src/runtime/keeper-program.ts";
import { KeeperMountHelper } from "../../src/runtime/mount-helper.ts";
import { busyboxArchive, busyboxRootfsTar, dockerArchiveMembers, tarOf } from "../support/images.ts";
import { guardLeaks } from "../support/leaks.ts";
import { keeperPath } from "../support/runtime.ts";
import { Scratch } from "../support/scratch.ts";
import { makeUserNamespace } from "../support/user-namespace.ts";
import { Installation } from "../support/tare.ts";
import { TestMountHelper } from "../support/mount-helper.ts";

const at = (mount: OwnedFd, path = ""): string => `/proc/self/fd/${mount.fd}/${path}`;

describe("KeeperMountHelper", () => {
  let mountHelper: TestMountHelper;
  let scratch: Scratch;
  let layers: OwnedFd;

  beforeAll(() => {
    mountHelper = new TestMountHelper();
    scratch = new Scratch("mount-helper-test");
    for (const name of ["upper", "work", ...Array.from({ length: 500 }, (_, i) => `layer-${i}`)])
      mkdirSync(scratch.join(name));
    for (let i = 0; i < 500; i++) {
      writeFileSync(scratch.join(`layer-${i}`, `file-${i}`), String(i));
      writeFileSync(scratch.join(`layer-${i}`, "top"), String(i));
    }
    layers = openDirectoryPath(scratch.path);
  });
  afterAll(() => {
    layers[Symbol.dispose]();
    scratch[Symbol.dispose]();
    mountHelper[Symbol.dispose]();
  });

  const place = (path: string): MountSource => ({ fd: layers.fd, path });
  const order = (count: number, more: Partial<OverlayOrder> = {}): OverlayOrder => ({
    lowers: Array.from({ length: count }, (_, i) => place(`layer-${i}`)),
    options: [["index", "off"]],
    ...more,
  });
  const mountTable = (): string => readFileSync("/proc/self/mountinfo", "latin1");

  test("mountOverlay() takes 500 layers, the topmost first; without an upper it is read-only", async () => {
    await using _leaks = guardLeaks({ directories: [scratch.path] });
    using mount = await mountHelper.mountOverlay(order(500));
    expect(readdirSync(at(mount))).toHaveLength(501);
    expect(readFileSync(at(mount, "top"), "utf8")).toBe("0");
    expect(() => writeFileSync(at(mount, "new"), "")).toThrow(/EROFS/);
  });

  test("mountOverlay() with an upper writes there, and nowhere else", async () => {
    await using _leaks = guardLeaks();
    const writable = { upper: place("upper"), work: place("work") };
    {
      using mount = await mountHelper.mountOverlay(order(3, { writable }));
      writeFileSync(at(mount, "top"), "mine");
    }
    expect(readdirSync(scratch.join("upper"))).toEqual(["top"]);
    expect(readFileSync(scratch.join("layer-0", "top"), "utf8")).toBe("0");
  });

  test("mountOverlay() of a layer that is not there says so, and leaves nothing", async () => {
    await using _leaks = guardLeaks();
    const lowers = [place("layer-0"), place("absent")];
    await expect(mountHelper.mountOverlay(order(0, { lowers }))).rejects.toThrow(
      /^cannot mount in the mount helper: cannot mount 2 layers: mount\(.*\): ENOENT$/,
    );
  });

  test("mountOverlay() shows the ids of idmapped layers, which are detached", async () => {
    using namespace = await makeUserNamespace();
    using idmapped = cloneTree(layers.fd);
    setMountAttributes(idmapped.fd, { usernsFd: namespace.fd });
    const lowers = [{ fd: idmapped.fd, path: "layer-1", detached: true }, place("layer-2")];
    using mount = await mountHelper.mountOverlay(order(0, { lowers }));
    expect(statSync(at(mount, "file-1")).uid).toBe(70_000);
    expect(statSync(at(mount, "file-2")).uid).toBe(0);
  });

  test("nothing is ever seen on the host's mount table, also where its mounts are shared", async () => {
    using shared = createFilesystem("tmpfs", []);
    const folder = scratch.join("shared");
    mkdirSync(folder);
    using target = openDirectoryPath(folder);
    moveMount(shared.fd, target.fd);
    try {
      call("mount", null, folder, null, MS_REC | MS_SHARED, null);
      mkdirSync(`${folder}/run`);
      using program = openKeeperProgram(keeperPath);
      const before = mountTable();
      using mount = await new KeeperMountHelper(program, `${folder}/run`).mountOverlay(order(2));
      expect(mountTable()).toBe(before);
      expect(existsSync(at(mount, "file-1"))).toBe(true);
      call("mount", null, folder, null, MS_REC | MS_PRIVATE, null);
    } finally {
      unmount(folder);
    }
  });
});

describe("containers whose root is made in the mount helper", () => {
  let tare: Installation;
  const env = { TARE_WITHOUT: "lowerdir+,detached-lowers" }; // for the daemon that the first command starts

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()], { env });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  test("one of 30 layers runs, is written to, compared, copied from, committed and executed in", async () => {
    const layers = [
      readFileSync(busyboxRootfsTar()),
      ...Array.from({ length: 29 }, (_, i) => tarOf([[`layer-${i}`, String(i)]])),
    ];
    const archive = join(tare.directory, "deep.tar");
    writeFileSync(archive, tarOf(dockerArchiveMembers([{ layers, names: ["deep:30"], config: {} }])));
    await tare.must(["load", "-i", archive]);
    const script = "echo kept > /kept; tty; exec sleep 1000";
    await tare.must([
      "run",
      "-dt",
      "--name",
      "deep",
      "-v",
      `${tare.directory}:/host:ro`,
      "deep:30",
      "sh",
      "-c",
      script,
    ]);
    expect(await tare.must(["exec", "-t", "deep", "cat", "/kept"])).toBe("kept");
    expect(await tare.must(["exec", "deep", "ls", "/host"])).toContain("data");
    expect(await tare.must(["diff", "deep"])).toBe("A /host\nA /kept");
    expect(await tare.must(["cp", "deep:/kept", "-"])).toContain("kept");
    await tare.must(["commit", "deep", "deeper"]);
    expect(await tare.must(["run", "--rm", "deeper", "cat", "/kept", "/layer-28"])).toBe("kept\n28");
    await tare.must(["rm", "-f", "deep"]);
  });

  test("a user namespace sees the image's files as its own", async () => {
    const script = "stat -c %u:%g /bin/busybox; touch /mine; stat -c %u /mine";
    const args = [
      "run",
      "--name",
      "mapped",
      "--userns",
      "private:1600000:1000",
      "busybox",
      "sh",
      "-c",
      script,
    ];
    expect((await tare.must(args)).split("\n")).toEqual(["0:0", "0"]);
    expect(await tare.must(["diff", "mapped"])).toBe("A /mine");
    const upper = await tare.must(["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "mapped"]);
    expect(statSync(`${upper}/mine`).uid).toBe(1_600_000);
    await tare.must(["rm", "mapped"]);
  });
});
