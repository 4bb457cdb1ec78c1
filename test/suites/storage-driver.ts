import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { sleep } from "../../src/base/deadline.ts";
import { S_IFSOCK } from "../../src/linux/constants/open.ts";
import type { Fd, OwnedFd } from "../../src/linux/kernel/fd.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { type Digest, digestOf } from "../../src/spec/digest.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import type { DiskKind } from "../support/small-disk.ts";
import { getXattr, hasXattrs, makeTar, setXattr, tarOfNames } from "../support/tar-of-files.ts";
import { makeUserNamespace } from "../support/user-namespace.ts";
import { TestMountHelper } from "../support/mount-helper.ts";
import { testStorageContents } from "./storage-driver-contents.ts";
import { testStorageCrashes } from "./storage-driver-crashes.ts";
import { testStorageLimits } from "./storage-driver-limits.ts";
import type { DriverUnderTest } from "./storage-driver-under-test.ts";

export interface SuiteOptions {
  /** Where the data roots are. */
  readonly base?: string;
  /** Features that are to be taken as missing (TARE_WITHOUT). */
  readonly without?: string;
  /** What a limit of size does there. */
  readonly sizeLimit?: "refused" | "kept";
  /** A file system for what needs one of its own; absent: that is left out, another run of the suite has it. */
  readonly disk?: DiskKind;
  /** Names that begin with ".wh." are the file system's own, and others have at most 242 bytes. */
  readonly names?: "aufs";
  /** Times that are set in a container are cut to whole seconds. */
  readonly times?: "seconds";
  /** What a mount with the ids of a user namespace is. */
  readonly userNamespaces?: "shown" | "refused";
}

/** What every storage driver has to do, on a real kernel, as root. */
export function testStorageDriver(driver: string, options: SuiteOptions = {}): void {
  const { base = "/var/tmp", without = "" } = options;
  describe(`storage driver ${driver}${without === "" ? "" : ` without ${without}`}`, () => {
    const withoutBefore = process.env["TARE_WITHOUT"];
    let dataRoot: string;
    let storage: StorageDriver;
    let mountHelper: TestMountHelper;
    let mountsBefore: string;
    let descriptorsBefore: number;

    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    // Others may mount meanwhile: what is ours would be an overlay, or somewhere below the data root.
    const mountinfo = (): string =>
      readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter((line) => line.includes(` - ${driver} `) || line.includes("/tare-storage-"))
        .join("\n");

    beforeAll(async () => {
      if (without !== "") process.env["TARE_WITHOUT"] = without;
      mountHelper = new TestMountHelper();
      mountsBefore = mountinfo();
      // What the runtime itself opens at first use (child processes, thread pool) is no leak of ours.
      makeTar((root) => writeFileSync(`${root}/a`, ""));
      const warmUp = Bun.spawn(["true"], { stdio: ["ignore", "ignore", "ignore"] });
      await warmUp.exited;
      dataRoot = await mkdtemp(`${base}/tare-storage-`);
      await (await openStorage(dataRoot, { driver, mountHelper }))[Symbol.asyncDispose]();
      rmSync(dataRoot, { recursive: true, force: true });
    });
    beforeEach(async () => {
      dataRoot = await mkdtemp(`${base}/tare-storage-`);
      descriptorsBefore = descriptors();
      storage = await openStorage(dataRoot, { driver, mountHelper });
    });
    afterEach(async () => {
      await storage[Symbol.asyncDispose]();
      rmSync(dataRoot, { recursive: true, force: true });
      // A child's own descriptor goes when it was waited for.
      for (let i = 0; i < 200 && descriptors() > descriptorsBefore; i++) await sleep(10);
      expect(descriptors()).toBeLessThanOrEqual(descriptorsBefore);
      expect(mountinfo()).toBe(mountsBefore);
    });
    afterAll(() => {
      if (withoutBefore === undefined) delete process.env["TARE_WITHOUT"];
      else process.env["TARE_WITHOUT"] = withoutBefore;
      mountHelper[Symbol.dispose]();
      expect(mountinfo()).toBe(mountsBefore);
    });

    async function addLayer(fill: (directory: string) => void): Promise<Digest> {
      return await addTar(makeTar(fill));
    }

    async function addTar(tar: Uint8Array, to: StorageDriver = storage): Promise<Digest> {
      const diffId = digestOf(tar);
      await using draft = await to.beginLayer();
      await draft.apply(once(tar));
      await draft.commit(diffId);
      return diffId;
    }

    async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
      yield bytes;
    }

    /** A path through a descriptor: a detached mount has no other. */
    const at = (root: OwnedFd | Fd, path = ""): string =>
      `/proc/self/fd/${typeof root === "number" ? root : root.fd}/${path}`;
    /** All that find(1) tells of each file; times of directories only as far as they are told. */
    const listing = (root: OwnedFd): string[] =>
      execFileSync(
        "find",
        [".", "-printf", "%P %y %m %U:%G %l\\n", "-type", "f", "-printf", "%P %s %T+\\n"],
        {
          cwd: at(root).replace("/self/", `/${process.pid}/`),
          encoding: "utf8",
        },
      )
        .split("\n")
        .sort();
    const text = (root: OwnedFd, path: string): string => readFileSync(at(root, path), "utf8");

    test("commit() makes a layer that survives closing and opening", async () => {
      const diffId = await addLayer((root) => writeFileSync(`${root}/a`, "1"));
      expect(storage.hasLayer(diffId)).toBe(true);
      expect(storage.listLayers()).toEqual([diffId]);
      await storage[Symbol.asyncDispose]();
      storage = await openStorage(dataRoot, { driver, mountHelper });
      expect(storage.listLayers()).toEqual([diffId]);
      using view = await storage.viewLayers([diffId]);
      expect(text(view, "a")).toBe("1");
    });

    test("a draft without commit() leaves nothing", async () => {
      {
        await using draft = await storage.beginLayer();
        await draft.apply(once(makeTar((root) => writeFileSync(`${root}/a`, "1"))));
      }
      await storage.settle();
      expect(storage.listLayers()).toEqual([]);
      expect(execFileSync("find", [dataRoot, "-name", "a"], { encoding: "utf8" })).toBe("");
    });

    test("commit() of the same layer twice at once is fine", async () => {
      const tar = makeTar((root) => writeFileSync(`${root}/a`, "1"));
      const ids = await Promise.all([addTar(tar), addTar(tar), addTar(tar)]);
      expect(storage.listLayers()).toEqual(ids.slice(0, 1));
      await storage.settle();
      expect(await storage.health()).toEqual([]);
    });

    test("viewLayers() shows the uppermost of each file, in the order given", async () => {
      const lower = await addLayer((root) => {
        writeFileSync(`${root}/both`, "lower");
        writeFileSync(`${root}/low`, "low");
        mkdirSync(`${root}/dir`);
        writeFileSync(`${root}/dir/l`, "");
      });
      const upper = await addLayer((root) => {
        writeFileSync(`${root}/both`, "upper");
        mkdirSync(`${root}/dir`);
        writeFileSync(`${root}/dir/u`, "");
      });
      using one = await storage.viewLayers([lower, upper]);
      expect(text(one, "both")).toBe("upper");
      expect(text(one, "low")).toBe("low");
      expect(readdirSync(at(one, "dir")).sort()).toEqual(["l", "u"]);
      using other = await storage.viewLayers([upper, lower]);
      expect(text(other, "both")).toBe("lower");
      expect(() => writeFileSync(at(one, "new"), "")).toThrow("EROFS");
    });

    test("viewLayers() of one layer and of none at all", async () => {
      const layer = await addLayer((root) => writeFileSync(`${root}/a`, "1"));
      using one = await storage.viewLayers([layer]);
      expect(readdirSync(at(one))).toEqual(["a"]);
      expect(() => writeFileSync(at(one, "new"), "")).toThrow("EROFS");
      using none = await storage.viewLayers([]);
      expect(readdirSync(at(none))).toEqual([]);
      expect(() => writeFileSync(at(none, "new"), "")).toThrow("EROFS");
    });

    test("viewLayers() shows files with the ids of a user namespace", async () => {
      const layer = await addLayer((root) => {
        writeFileSync(`${root}/own`, "");
        chownSync(`${root}/own`, 5, 6);
      });
      const upper = await addLayer((root) => writeFileSync(`${root}/upper`, ""));
      using namespace = await makeUserNamespace();
      if (options.userNamespaces === "refused") {
        await expect(storage.viewLayers([layer, upper], { usernsFd: namespace.fd })).rejects.toMatchObject({
          kind: "unsupported",
          message: expect.stringMatching(/^cannot show the image's files with the ids of a user namespace: /),
        });
        return;
      }
      using view = await storage.viewLayers([layer, upper], { usernsFd: namespace.fd });
      expect(statSync(at(view, "own"))).toMatchObject({ uid: 70_005, gid: 70_006 });
      expect(statSync(at(view, "upper"))).toMatchObject({ uid: 70_000, gid: 70_000 });
      expect(() => writeFileSync(at(view, "new"), "")).toThrow("EROFS");
      using plain = await storage.viewLayers([layer]);
      expect(statSync(at(plain, "own"))).toMatchObject({ uid: 5, gid: 6 });
    });

    test("whiteouts and opaque directories of a layer hide what is below", async () => {
      const lower = await addLayer((root) => {
        mkdirSync(`${root}/kept`);
        mkdirSync(`${root}/emptied`);
        for (const name of ["gone", "kept/gone", "kept/stays", "emptied/a", "emptied/b"]) {
          writeFileSync(`${root}/${name}`, name);
        }
        mkdirSync(`${root}/gone-dir`);
        writeFileSync(`${root}/gone-dir/x`, "");
      });
      const upper = await addLayer((root) => {
        mkdirSync(`${root}/kept`);
        mkdirSync(`${root}/emptied`);
        for (const name of [
          ".wh.gone",
          ".wh.gone-dir",
          "kept/.wh.gone",
          "emptied/.wh..wh..opq",
          "emptied/new",
        ]) {
          writeFileSync(`${root}/${name}`, "");
        }
      });
      await storage.createSnapshot("s", [lower, upper]);
      using mounted = await storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount)).sort()).toEqual(["emptied", "kept"]);
      expect(readdirSync(at(mounted.mount, "kept"))).toEqual(["stays"]);
      expect(readdirSync(at(mounted.mount, "emptied"))).toEqual(["new"]);
    });

    test("an opaque root of a layer hides all layers below", async () => {
      const lower = await addLayer((root) => writeFileSync(`${root}/below`, "1"));
      const hiding = await addLayer((root) => {
        writeFileSync(`${root}/.wh..wh..opq`, "");
        writeFileSync(`${root}/own`, "2");
      });
      const top = await addLayer((root) => writeFileSync(`${root}/top`, "3"));
      using view = await storage.viewLayers([lower, hiding, top]);
      expect(readdirSync(at(view)).toSorted()).toEqual(["own", "top"]);
      await storage[Symbol.asyncDispose]();
      storage = await openStorage(dataRoot, { driver, mountHelper });
      await storage.createSnapshot("opaque", [lower, hiding]);
      using mounted = await storage.mountSnapshot("opaque");
      expect(readdirSync(at(mounted.mount))).toEqual(["own"]);
    });

    test("hard links, owners, modes, xattrs, capabilities, devices, links and times arrive whole", async () => {
      const layer = await addLayer((root) => {
        writeFileSync(`${root}/one`, "x");
        linkSync(`${root}/one`, `${root}/two`);
        execFileSync("touch", ["-d", "2001-02-03T04:05:06.123456789Z", `${root}/one`]);
        writeFileSync(`${root}/setuid`, "");
        execFileSync("chown", ["1234:5678", `${root}/setuid`]);
        execFileSync("chmod", ["6751", `${root}/setuid`]);
        symlinkSync("/nowhere/at all", `${root}/link`);
        execFileSync("mknod", [`${root}/null`, "c", "1", "3"]);
        execFileSync("mkfifo", [`${root}/fifo`]);
        setXattr(`${root}/one`, "user.note", "hello");
        // v2 capability: cap_net_bind_service, permitted and effective.
        setXattr(`${root}/setuid`, "security.capability", "0sAQAAAgAEAAAAAAAAAAAAAAAAAAA=");
      });
      await storage.createSnapshot("s", [layer]);
      using mounted = await storage.mountSnapshot("s");
      const root = mounted.mount;
      expect(statSync(at(root, "one")).ino).toBe(statSync(at(root, "two")).ino);
      expect(statSync(at(root, "one"), { bigint: true }).mtimeNs).toBe(981_173_106_123_456_789n);
      const setuid = statSync(at(root, "setuid"));
      expect([setuid.uid, setuid.gid, setuid.mode & 0o7777]).toEqual([1234, 5678, 0o6751]);
      expect(readlinkSync(at(root, "link"))).toBe("/nowhere/at all");
      expect(lstatSync(at(root, "null")).rdev).toBe(0x103);
      expect(lstatSync(at(root, "fifo")).isFIFO()).toBe(true);
      if (hasXattrs) {
        expect(getXattr(at(root, "one"), "user.note")).toBe("0x68656c6c6f");
        expect(getXattr(at(root, "setuid"), "security.capability")).toBe(
          "0x0100000200040000000000000000000000000000",
        );
      }
    });

    test("names with newlines, quotes, commas, colons, backslashes and bytes that are no UTF-8", async () => {
      const odd = ["a,b", "a:b", "a\\b", 'a"b', "a\nb", " ", "ü", "...", "-rf"];
      const layer = await addLayer((root) => {
        for (const name of odd) writeFileSync(`${root}/${name}`, name);
        writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff, 0xfe])]), "bytes");
      });
      await storage.createSnapshot("s", [layer]);
      using mounted = await storage.mountSnapshot("s");
      for (const name of odd) expect(text(mounted.mount, name)).toBe(name);
      const names = readdirSync(at(mounted.mount), { encoding: "buffer" }).map((name) =>
        name.toString("latin1"),
      );
      expect(names).toContain("f\xff\xfe");
    });

    test("a snapshot keeps what is written to it and leaves its layers alone", async () => {
      const layer = await addLayer((root) => writeFileSync(`${root}/a`, "layer"));
      await storage.createSnapshot("s", [layer]);
      await storage.createSnapshot("t", [layer]);
      {
        using mounted = await storage.mountSnapshot("s");
        writeFileSync(at(mounted.mount, "a"), "changed");
        writeFileSync(at(mounted.mount, "b"), "new");
      }
      using again = await storage.mountSnapshot("s");
      expect(text(again.mount, "a")).toBe("changed");
      expect(text(again.mount, "b")).toBe("new");
      using other = await storage.mountSnapshot("t");
      expect(readdirSync(at(other.mount))).toEqual(["a"]);
      expect(text(other.mount, "a")).toBe("layer");
      using view = await storage.viewLayers([layer]);
      expect(text(view, "a")).toBe("layer");
    });

    test("a snapshot of no layers is an empty, writable directory", async () => {
      await storage.createSnapshot("s", []);
      using mounted = await storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount))).toEqual([]);
      expect(statSync(at(mounted.mount)).mode & 0o7777).toBe(0o755);
      writeFileSync(at(mounted.mount, "a"), "1");
      expect(text(mounted.mount, "a")).toBe("1");
    });

    test("the root directory is like the uppermost layer says that says anything", async () => {
      const said = await addTar(
        makeTar((root) => {
          execFileSync("chmod", ["1711", root]);
          execFileSync("chown", ["7:8", root]);
        }),
      );
      const silent = await addTar(tarOfNames("file"));
      await storage.createSnapshot("s", [said, silent]);
      using mounted = await storage.mountSnapshot("s");
      const { mode, uid, gid } = statSync(at(mounted.mount));
      expect([mode & 0o7777, uid, gid]).toEqual([0o1711, 7, 8]);
      await storage.createSnapshot("t", [silent]);
      using other = await storage.mountSnapshot("t");
      expect(statSync(at(other.mount)).mode & 0o7777).toBe(0o755);
      using view = await storage.viewLayers([silent]);
      expect(statSync(at(view)).mode & 0o7777).toBe(0o755);
    });

    test("the same layer twice in one list is fine", async () => {
      const twice = await addTar(tarOfNames("a"));
      const between = await addTar(makeTar((root) => writeFileSync(`${root}/.wh.a`, "")));
      await storage.createSnapshot("s", [twice, between, twice]);
      using mounted = await storage.mountSnapshot("s");
      expect(existsSync(at(mounted.mount, "a"))).toBe(true);
      using view = await storage.viewLayers([twice, between, twice, between]);
      expect(existsSync(at(view, "a"))).toBe(false);
    });

    test("125 layers", async () => {
      const layers: Digest[] = [];
      for (let index = 0; index < 125; index++) layers.push(await addTar(tarOfNames(`f${index}`, "top")));
      await storage.createSnapshot("s", layers);
      using mounted = await storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount))).toHaveLength(126);
      writeFileSync(at(mounted.mount, "top"), "mine");
      rmSync(at(mounted.mount, "f0"));
      expect(await storage.listChanges("s")).toEqual([
        { kind: "deleted", path: "/f0" },
        { kind: "modified", path: "/top" },
      ]);
      using view = await storage.viewLayers(layers);
      expect(readdirSync(at(view))).toHaveLength(126);
      expect(() => writeFileSync(at(view, "x"), "")).toThrow(/EROFS/);
    });

    test("createSnapshot() refuses a taken id, a missing layer, a bad id and leaves nothing", async () => {
      await storage.createSnapshot("s", []);
      await expect(storage.createSnapshot("s", [])).rejects.toMatchObject({ kind: "conflict" });
      await expect(storage.createSnapshot("t", [digestOf("missing")])).rejects.toMatchObject({
        kind: "not-found",
        message: expect.stringContaining(digestOf("missing")),
      });
      for (const id of ["", "..", ".", "a/b", "../x", "a\0b", "x".repeat(129)]) {
        await expect(storage.createSnapshot(id, [])).rejects.toMatchObject({ kind: "invalid" });
      }
      expect(await storage.listSnapshots()).toEqual(["s"]);
    });

    test("mountSnapshot() twice for writing is refused until the last copy of the lock is closed", async () => {
      await storage.createSnapshot("s", []);
      const first = await storage.mountSnapshot("s");
      await expect(storage.mountSnapshot("s")).rejects.toMatchObject({ kind: "conflict" });
      await expect(storage.mountSnapshot("s", { readonly: true })).rejects.toMatchObject({
        kind: "conflict",
      });
      await expect(storage.removeSnapshot("s")).rejects.toMatchObject({ kind: "conflict" });
      // As a keeper has it: a copy of the descriptor in another process.
      const keeper = Bun.spawn(["sleep", "60"], { stdio: [first.lock.fd, "ignore", "ignore"] });
      first[Symbol.dispose]();
      await expect(storage.mountSnapshot("s")).rejects.toMatchObject({ kind: "conflict" });
      keeper.kill("SIGKILL");
      await keeper.exited;
      using second = await storage.mountSnapshot("s");
      expect(second.mount.fd).toBeGreaterThan(0);
    });

    test("mountSnapshot() of a held snapshot is refused by another opening of the driver too", async () => {
      await storage.createSnapshot("s", []);
      using first = await storage.mountSnapshot("s");
      await using other = await openStorage(dataRoot, { driver, mountHelper });
      await expect(other.mountSnapshot("s")).rejects.toMatchObject({ kind: "conflict" });
      first[Symbol.dispose]();
      using second = await other.mountSnapshot("s");
      expect(second.mount.fd).toBeGreaterThan(0);
    });

    test("mountSnapshot() read-only any number of times, not while one writes", async () => {
      const layer = await addTar(tarOfNames("a"));
      await storage.createSnapshot("s", [layer]);
      {
        using mounted = await storage.mountSnapshot("s");
        writeFileSync(at(mounted.mount, "b"), "1");
        rmSync(at(mounted.mount, "a"));
      }
      using one = await storage.mountSnapshot("s", { readonly: true });
      using two = await storage.mountSnapshot("s", { readonly: true });
      expect(readdirSync(at(one.mount))).toEqual(["b"]);
      expect(readdirSync(at(two.mount))).toEqual(["b"]);
      expect(() => writeFileSync(at(one.mount, "c"), "")).toThrow("EROFS");
      await expect(storage.mountSnapshot("s")).rejects.toMatchObject({ kind: "conflict" });
    });

    test("removeSnapshot() frees the id at once and is idempotent", async () => {
      await storage.createSnapshot("s", []);
      {
        using mounted = await storage.mountSnapshot("s");
        writeFileSync(at(mounted.mount, "a"), "1");
        mkdirSync(at(mounted.mount, "deep/".repeat(300)), { recursive: true });
      }
      await storage.removeSnapshot("s");
      await storage.removeSnapshot("s");
      await storage.createSnapshot("s", []);
      using mounted = await storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount))).toEqual([]);
      await storage.settle();
      expect(execFileSync("find", [dataRoot, "-name", "deep"], { encoding: "utf8" })).toBe("");
      await expect(storage.mountSnapshot("t")).rejects.toMatchObject({ kind: "not-found" });
    });

    test("removeLayer() is refused while a snapshot stands on it, idempotent after", async () => {
      const layer = await addTar(tarOfNames("a"));
      await storage.createSnapshot("s", [layer]);
      await expect(storage.removeLayer(layer)).rejects.toMatchObject({ kind: "conflict" });
      await storage.removeSnapshot("s");
      await storage.removeLayer(layer);
      await storage.removeLayer(layer);
      expect(storage.hasLayer(layer)).toBe(false);
      await expect(storage.viewLayers([layer])).rejects.toMatchObject({ kind: "not-found" });
      await addTar(tarOfNames("a"));
      expect(storage.hasLayer(layer)).toBe(true);
    });

    test("creating, mounting and removing many at once", async () => {
      const layer = await addTar(tarOfNames("a"));
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const id = `s${index}`;
          await storage.createSnapshot(id, [layer]);
          {
            using mounted = await storage.mountSnapshot(id);
            writeFileSync(at(mounted.mount, "own"), id);
            await new Promise((resolve) => setTimeout(resolve, index % 5));
            expect(text(mounted.mount, "own")).toBe(id);
          }
          await storage.removeSnapshot(id);
        }),
      );
      expect(await storage.listSnapshots()).toEqual([]);
      await storage.settle();
      expect(await storage.health()).toEqual([]);
    });

    test("usage() tells what was changed, hard links once", async () => {
      const layer = await addLayer((root) => {
        writeFileSync(`${root}/big`, Buffer.alloc(1 << 20, 1));
        linkSync(`${root}/big`, `${root}/same`);
      });
      await storage.createSnapshot("s", [layer]);
      const before = await storage.usage({ snapshot: "s" });
      {
        using mounted = await storage.mountSnapshot("s");
        writeFileSync(at(mounted.mount, "new"), Buffer.alloc(1 << 19, 1));
      }
      const after = await storage.usage({ snapshot: "s" });
      expect(after.bytes - before.bytes).toBeGreaterThanOrEqual(1 << 19);
      expect(after.bytes - before.bytes).toBeLessThan(1 << 20);
      expect(after.inodes - before.inodes).toBe(1);
      const ofLayer = await storage.usage({ layer });
      expect(ofLayer.bytes).toBeGreaterThanOrEqual(1 << 20);
      expect(ofLayer.bytes).toBeLessThan(3 << 19);
      expect(ofLayer.contentBytes).toBe(1 << 20);
      expect([before.contentBytes, after.contentBytes]).toEqual([0, 1 << 19]);
      await expect(storage.usage({ snapshot: "t" })).rejects.toMatchObject({ kind: "not-found" });
    });

    test("packChanges() is a layer that does the same to the layers below", async () => {
      const layer = await addLayer((root) => {
        for (const name of ["etc", "gone", "emptied", "moved", "swap"]) mkdirSync(`${root}/${name}`);
        for (const name of ["etc/a", "etc/b", "gone/x", "emptied/z", "moved/m", "swap/s", "file", "same"])
          writeFileSync(`${root}/${name}`, "old");
        linkSync(`${root}/file`, `${root}/hard`);
        symlinkSync("etc", `${root}/link`);
      });
      await storage.createSnapshot("s", [layer]);
      {
        using mounted = await storage.mountSnapshot("s");
        const root = at(mounted.mount).slice(0, -1).replace("/self/", `/${process.pid}/`);
        const before = lstatSync(`${root}/etc/a`, { bigint: true });
        writeFileSync(`${root}/etc/a`, "new");
        // As long and as old as it was.
        utimesSync(`${root}/etc/a`, Number(before.mtimeMs) / 1000, Number(before.mtimeMs) / 1000);
        rmSync(`${root}/etc/b`);
        rmSync(`${root}/gone`, { recursive: true });
        rmSync(`${root}/emptied`, { recursive: true });
        mkdirSync(`${root}/emptied`);
        execFileSync("mv", [`${root}/moved`, `${root}/to`]);
        rmSync(`${root}/swap`, { recursive: true });
        writeFileSync(`${root}/swap`, "a file now");
        rmSync(`${root}/link`);
        mkdirSync(`${root}/link/deep`, { recursive: true });
        linkSync(`${root}/same`, `${root}/second`);
        execFileSync("mknod", [`${root}/device`, "b", "7", "300"]);
        setXattr(`${root}/link/deep`, "user.note", "x");
        execFileSync("chown", ["-h", "12:34", `${root}/link`]);
        writeFileSync(`${root}/ü \n:"`, "odd");
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of storage.packChanges("s")) chunks.push(chunk);
      const changes = await addTar(Buffer.concat(chunks));
      await storage.createSnapshot("t", [layer, changes]);
      using one = await storage.mountSnapshot("s", { readonly: true });
      using other = await storage.mountSnapshot("t", { readonly: true });
      expect(listing(other.mount)).toEqual(listing(one.mount));
      expect(text(other.mount, "etc/a")).toBe("new");
      if (hasXattrs) expect(getXattr(at(other.mount, "link/deep"), "user.note")).toBe("0x78");
      // Nothing but what was changed is in it.
      using alone = await storage.viewLayers([changes]);
      expect(existsSync(at(alone, "file"))).toBe(false);
      expect(existsSync(at(alone, "hard"))).toBe(false);
      await expect(storage.packChanges("u")[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        kind: "not-found",
      });
    });

    test("of a file with two names the upper layer replaces one", async () => {
      const lower = await addLayer((root) => {
        writeFileSync(`${root}/one`, "old");
        linkSync(`${root}/one`, `${root}/two`);
      });
      const upper = await addTar(makeTar((root) => writeFileSync(`${root}/one`, "new")));
      await storage.createSnapshot("s", [lower, upper]);
      using mounted = await storage.mountSnapshot("s");
      expect([text(mounted.mount, "one"), text(mounted.mount, "two")]).toEqual(["new", "old"]);
      writeFileSync(at(mounted.mount, "two"), "mine");
      using view = await storage.viewLayers([lower, upper]);
      expect([text(view, "one"), text(view, "two")]).toEqual(["new", "old"]);
    });

    test("a directory over a file, a file over a directory, a link over either", async () => {
      const lower = await addLayer((root) => {
        for (const name of ["dir", "deep", "into"]) mkdirSync(`${root}/${name}`);
        for (const name of ["file", "dir/x", "deep/y", "into/z"]) writeFileSync(`${root}/${name}`, "");
      });
      const upper = await addLayer((root) => {
        mkdirSync(`${root}/file`);
        writeFileSync(`${root}/file/in`, "");
        writeFileSync(`${root}/dir`, "");
        symlinkSync("into", `${root}/deep`);
      });
      await storage.createSnapshot("s", [lower, upper]);
      using mounted = await storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount, "file"))).toEqual(["in"]);
      expect(lstatSync(at(mounted.mount, "dir")).isFile()).toBe(true);
      expect(readlinkSync(at(mounted.mount, "deep"))).toBe("into");
      expect(readdirSync(at(mounted.mount, "into"))).toEqual(["z"]);
    });

    test("files with holes keep them", async () => {
      const layer = await addTar(
        makeTar(
          (root) => {
            execFileSync("truncate", ["-s", "64M", `${root}/holes`]);
            execFileSync("sh", [
              "-c",
              `printf x | dd of=${root}/holes bs=1 seek=33554432 conv=notrunc status=none`,
            ]);
            execFileSync("truncate", ["-s", "1M", `${root}/hollow`]);
          },
          ["--sparse"],
        ),
      );
      await storage.createSnapshot("s", [layer]);
      using mounted = await storage.mountSnapshot("s");
      expect(statSync(at(mounted.mount, "holes")).size).toBe(64 << 20);
      // Not every file system tells the blocks of a file that has holes.
      expect((await storage.usage({ layer })).bytes).toBeLessThan(1 << 20);
      expect(readFileSync(at(mounted.mount, "holes")).indexOf("x")).toBe(32 << 20);
      expect(readFileSync(at(mounted.mount, "hollow")).equals(Buffer.alloc(1 << 20))).toBe(true);
    });

    test("sockets, whiteout look-alikes and set times outlast the mount; a directory of a layer can be moved", async () => {
      const layer = await addLayer((root) => {
        mkdirSync(`${root}/dir`);
        writeFileSync(`${root}/dir/a`, "1");
      });
      await storage.createSnapshot("s", [layer]);
      {
        using mounted = await storage.mountSnapshot("s");
        // The children have descriptors of their own: by the path of ours.
        const root = at(mounted.mount).replace("/self/", `/${process.pid}/`);
        call("mknodat", mounted.mount.fd, "kept", S_IFSOCK | 0o600, 0);
        if (options.names === "aufs") expect(() => writeFileSync(`${root}.wh.a`, "2")).toThrow("EPERM");
        else writeFileSync(`${root}.wh.a`, "2");
        execFileSync("mv", [`${root}dir`, `${root}moved`]);
        execFileSync("touch", ["-d", "1969-12-31T00:00:00.000000001Z", `${root}moved`]);
      }
      using mounted = await storage.mountSnapshot("s");
      expect(lstatSync(at(mounted.mount, "kept")).isSocket()).toBe(true);
      if (options.names !== "aufs") {
        expect(text(mounted.mount, ".wh.a")).toBe("2");
        // In a layer it would delete a file.
        await expect(Array.fromAsync(storage.packChanges("s"))).rejects.toMatchObject({
          kind: "invalid",
          message: expect.stringMatching(
            /^cannot archive "\.wh\.a": a name that begins with "\.wh\." means a deletion/,
          ),
        });
      }
      expect(text(mounted.mount, "moved/a")).toBe("1");
      expect(existsSync(at(mounted.mount, "dir"))).toBe(false);
      const moved = statSync(at(mounted.mount, "moved"), { bigint: true }).mtimeNs;
      expect(moved).toBe(options.times === "seconds" ? -86_400_000_000_000n : -86_399_999_999_999n);
    });

    test("listChanges() tells what was added, modified and deleted, also while it is mounted", async () => {
      const layer = await addLayer((root) => {
        for (const name of ["etc", "gone", "same", "emptied"]) mkdirSync(`${root}/${name}`);
        for (const name of ["etc/a", "etc/b", "gone/x", "same/y", "emptied/z", "file"])
          writeFileSync(`${root}/${name}`, "1");
        symlinkSync("etc", `${root}/link`);
      });
      await storage.createSnapshot("s", [layer]);
      expect(await storage.listChanges("s")).toEqual([]);
      using mounted = await storage.mountSnapshot("s");
      const root = at(mounted.mount).slice(0, -1);
      writeFileSync(`${root}/etc/a`, "22");
      writeFileSync(`${root}/etc/new`, "");
      rmSync(`${root}/etc/b`);
      rmSync(`${root}/gone`, { recursive: true });
      rmSync(`${root}/emptied`, { recursive: true });
      mkdirSync(`${root}/emptied`);
      rmSync(`${root}/link`);
      mkdirSync(`${root}/link/deep`, { recursive: true });
      mkdirSync(`${root}/place/taken`, { recursive: true });
      mkdirSync(`${root}/dev/pts`, { recursive: true });
      const lines = async (): Promise<readonly string[]> =>
        (await storage.listChanges("s", { ignored: new Set(["dev", "dev/pts", "place"]) })).map(
          ({ path, kind }) => `${kind[0]} ${path}`,
        );
      const expected = [
        "m /emptied",
        "d /emptied/z",
        "m /etc",
        "m /etc/a",
        "d /etc/b",
        "a /etc/new",
        "d /gone",
        "m /link",
        "a /link/deep",
        "a /place",
        "a /place/taken",
      ];
      expect(await lines()).toEqual(expected);
      mounted[Symbol.dispose]();
      expect(await lines()).toEqual(expected);
      await expect(storage.listChanges("t")).rejects.toMatchObject({ kind: "not-found" });
    });

    test("describe() gives text, health() notices a layer that is gone", async () => {
      const layer = await addTar(tarOfNames("a"));
      await storage.createSnapshot("s", [layer]);
      for (const data of [
        await storage.describe({ snapshot: "s" }),
        await storage.describe({ layers: [layer] }),
      ]) {
        expect(Object.values(data).every((value) => typeof value === "string")).toBe(true);
      }
      expect(await storage.health()).toEqual([]);
    });

    test("an unknown driver is refused by name", async () => {
      await expect(openStorage(dataRoot, { driver: "constructor" })).rejects.toMatchObject({
        kind: "invalid",
      });
    });

    test("a descriptor of the mount is enough: it outlives the driver", async () => {
      const layer = await addTar(tarOfNames("a"));
      await storage.createSnapshot("s", [layer]);
      using mounted = await storage.mountSnapshot("s");
      await storage[Symbol.asyncDispose]();
      const file = openSync(at(mounted.mount, "a"), "r");
      closeSync(file);
      storage = await openStorage(dataRoot, { driver, mountHelper });
    });

    const under: DriverUnderTest = {
      driver,
      get dataRoot() {
        return dataRoot;
      },
      get storage() {
        return storage;
      },
      reopen: async () => {
        await storage[Symbol.asyncDispose]();
        storage = await openStorage(dataRoot, { driver, mountHelper });
        return storage;
      },
      open: async (root) => await openStorage(root, { driver, mountHelper }),
      addTar,
      addLayer,
      at,
      text,
      listing,
    };
    testStorageContents(under, options);
    testStorageCrashes(under);
    testStorageLimits(under, options);
  });
}
