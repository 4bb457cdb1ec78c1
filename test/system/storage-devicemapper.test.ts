import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { O_RDONLY } from "../../src/linux/constants/open.ts";
import { openDeviceMapper } from "../../src/linux/device-mapper/device-mapper.ts";
import { DeviceNodes } from "../../src/linux/device-mapper/device-nodes.ts";
import { duplicateFd, type OwnedFd } from "../../src/linux/kernel/fd.ts";
import { openLoopDevice } from "../../src/linux/mount/loop-device.ts";
import { statFd } from "../../src/linux/files/stat.ts";
import { digestOf } from "../../src/spec/digest.ts";
import type { Digest } from "../../src/spec/digest.ts";
import { openChosenStorage } from "../../src/storage/choose-driver.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { busyboxArchive } from "../support/images.ts";
import { expectNoPoolDevices, listPoolDevices, whyNoThinPools } from "../support/mapped-devices.ts";
import { poll, slowness } from "../support/patience.ts";
import { inChunks } from "../support/tar-builder.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { Installation } from "../support/tare.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

const driver = "devicemapper";
const lacking = whyNoThinPools();
const mebibyte = 2 ** 20;
if (lacking !== undefined) console.log(`skipped: ${lacking}`);

test.skipIf(lacking === undefined)("a kernel without thin pools is named, and nothing is left", async () => {
  const dataRoot = await mkdtemp("/var/tmp/tare-dm-");
  try {
    await expect(openChosenStorage(dataRoot, { driver })).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringMatching(
        /^cannot use the devicemapper driver here: this kernel.*(CONFIG_BLK_DEV_DM|CONFIG_DM_THIN_PROVISIONING); modprobe dm_/,
      ),
    });
    expect(readdirSync(dataRoot)).toEqual([]);
  } finally {
    rmSync(dataRoot, { recursive: true, force: true });
  }
});

describe.skipIf(lacking !== undefined)("thin pools", () => {
  afterAll(async () => await expectNoPoolDevices());

  testStorageDriver(driver, { sizeLimit: "kept" });

  let dataRoot: string;
  beforeEach(async () => {
    dataRoot = await mkdtemp("/var/tmp/tare-dm-");
  });
  afterEach(async () => {
    await expectNoPoolDevices();
    rmSync(dataRoot, { recursive: true, force: true });
  });

  /** Small ones: a full disk is soon made. */
  const small = ["dm.loopdatasize=64m", "dm.loopmetadatasize=4m", "dm.basesize=256m"];
  const open = async (...options: string[]): Promise<StorageDriver> =>
    await openStorage(dataRoot, { driver, storageOptions: options });
  const root = (mount: OwnedFd): string => `/proc/self/fd/${mount.fd}`;
  const ids = (): string[] => readdirSync(`${dataRoot}/storage/${driver}/pool/ids`);
  const allocated = (): number => statSync(`${dataRoot}/storage/${driver}/pool/data`).blocks * 512;
  const status = (storage: StorageDriver, name: string): string =>
    storage.status.find(([each]) => each === name)?.[1] ?? "";

  async function addLayer(storage: StorageDriver, fill: (tree: string) => void): Promise<Digest> {
    const tar = makeTar(fill);
    await using draft = await storage.beginLayer();
    await draft.apply(inChunks(tar));
    await draft.commit(digestOf(tar));
    return digestOf(tar);
  }

  function writeThrough(path: string, bytes: Uint8Array): void {
    const file = openSync(path, "w");
    try {
      writeSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** Whole mebibytes, each on the disk before the next; gives how many there were room for. */
  function fill(mount: OwnedFd, mebibytes: number): { readonly written: number; readonly error: string } {
    for (let written = 0; written < mebibytes; written++) {
      try {
        writeThrough(`${root(mount)}/fill-${written}`, Buffer.alloc(mebibyte, written + 1));
      } catch (thrown) {
        return { written, error: String(thrown) };
      }
    }
    return { written: mebibytes, error: "" };
  }

  test("a mount brings its device and takes it along; the pool goes with the driver", async () => {
    {
      await using storage = await open(...small);
      const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, "1"));
      await storage.createSnapshot("s", [layer]);
      expect(listPoolDevices().filter((name) => /-\d+$/.test(name))).toEqual([]);
      const { DeviceId, DeviceName = "", DeviceSize } = await storage.describe({ snapshot: "s" });
      expect([DeviceName.endsWith(`-${DeviceId}`), DeviceSize]).toEqual([true, String(256 * mebibyte)]);
      expect((await storage.describe({ layers: [layer] }))["DeviceName"]).toMatch(/^tare-[0-9a-f]{12}-\d+$/);
      {
        using mounted = await storage.mountSnapshot("s");
        expect(readFileSync(`${root(mounted.mount)}/a`, "utf8")).toBe("1");
        expect(listPoolDevices()).toContain(DeviceName);
      }
      await poll(() => (listPoolDevices().includes(DeviceName) ? undefined : true), {
        timeoutMs: 2_000,
        what: "see the device go",
      });
      expect(status(storage, "Pool Name")).toMatch(/-pool$/);
      expect(status(storage, "Data Space Total")).toBe("67.11MB");
    }
    // The kernel takes them away once nobody has them, beside whoever let go.
    await poll(() => (listPoolDevices().length === 0 ? true : undefined), {
      timeoutMs: 5_000,
      what: "see the pool go",
    });
    // As after a restart of the machine: no device of either kind is there.
    await using storage = await open();
    expect(await storage.listSnapshots()).toEqual(["s"]);
    using mounted = await storage.mountSnapshot("s");
    expect(readFileSync(`${root(mounted.mount)}/a`, "utf8")).toBe("1");
  });

  test("a process that is killed leaves no device, though nobody opens the data root again", async () => {
    const script = `
      const { openStorage } = await import("${import.meta.dir}/../../src/storage/drivers.ts");
      const storage = await openStorage("${dataRoot}", { driver: "${driver}", storageOptions: ${JSON.stringify(small)} });
      await storage.createSnapshot("s", []);
      const mounted = await storage.mountSnapshot("s");
      require("node:fs").writeFileSync("${dataRoot}/ready", "");
      setInterval(() => mounted.mount.fd, 1000);
    `;
    const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "ignore", "inherit"] });
    await poll(() => (existsSync(`${dataRoot}/ready`) ? true : undefined), {
      everyMs: 20,
      timeoutMs: 20_000,
      what: "see it mounted",
    });
    expect(listPoolDevices()).toHaveLength(4);
    child.kill("SIGKILL");
    await child.exited;
    await expectNoPoolDevices();
    await using storage = await open();
    using mounted = await storage.mountSnapshot("s");
    writeFileSync(`${root(mounted.mount)}/again`, "");
    expect(await storage.health()).toEqual([]);
  });

  test("what is held somewhere is removed later: tried for a while, told, and then with the next removal", async () => {
    await using storage = await open(...small);
    await storage.createSnapshot("held", []);
    await storage.createSnapshot("other", []);
    await storage.createSnapshot("last", []);
    using mounted = await storage.mountSnapshot("held");
    mounted.lock[Symbol.dispose]();
    await storage.removeSnapshot("held");
    await storage.removeSnapshot("other"); // is not held up
    await storage.settle();
    expect(await storage.listSnapshots()).toEqual(["last"]);
    const [finding, ...more] = await storage.health();
    expect(more).toEqual([]);
    expect(finding?.problem).toMatch(
      /is still on the disk: the device "tare-\w+-\d+" is in use: a mount of it is held/,
    );
    expect(finding?.advice).toContain("the next removal and the next start retry it");
    expect(status(storage, "Deferred Deleted Device Count")).toBe("1");
    writeFileSync(`${root(mounted.mount)}/works`, "still");
    mounted[Symbol.dispose]();
    await storage.removeSnapshot("last");
    await storage.settle();
    expect(await storage.health()).toEqual([]);
    expect(status(storage, "Deferred Deleted Device Count")).toBe("0");
    // The base, and the view of no layers.
    expect(ids()).toHaveLength(2);
  });

  test("a full pool is told to who writes, breaks nobody else, is not begun on, and is mended by removing", async () => {
    await using storage = await open(...small);
    const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/kept`, "kept"));
    await storage.createSnapshot("calm", [layer]);
    await storage.createSnapshot("greedy", [layer]);
    {
      using mounted = await storage.mountSnapshot("greedy");
      const { written, error } = fill(mounted.mount, 64);
      expect(written).toBeGreaterThan(20);
      expect(error).toMatch(/ENOSPC|EIO|EROFS/);
      await expect(storage.createSnapshot("new", [layer])).rejects.toMatchObject({
        kind: "exhausted",
        message: expect.stringMatching(
          /^cannot create snapshot "new": of the thin pool's data .* are free, not more than dm\.min_free_space \(10%\) asks for: remove images or containers, or enlarge/,
        ),
      });
      expect((await storage.health()).map(({ problem }) => problem)).toEqual([
        "there is not enough space in it for a new operation",
      ]);
      using calm = await storage.mountSnapshot("calm", { readonly: true });
      expect(readFileSync(`${root(calm.mount)}/kept`, "utf8")).toBe("kept");
    }
    expect(allocated()).toBeGreaterThan(40 * mebibyte);
    await storage.removeSnapshot("greedy");
    await storage.settle();
    expect(await storage.health()).toEqual([]);
    // What was removed is given back to the disk that the pool's file is on.
    expect(allocated()).toBeLessThan(30 * mebibyte);
    await storage.createSnapshot("new", [layer]);
    using mounted = await storage.mountSnapshot("new");
    expect(fill(mounted.mount, 8)).toEqual({ written: 8, error: "" });
    expect(readdirSync(`${dataRoot}/storage/${driver}/drafts`)).toEqual([]);
  });

  test("nothing new is begun before the pool is full, and a larger dm.loopdatasize enlarges it while it is in use", async () => {
    await using storage = await open(...small);
    await storage.createSnapshot("s", []);
    using mounted = await storage.mountSnapshot("s");
    // At least 6.4 of 64 MiB are to be free.
    let begun = 0;
    const begin = async (): Promise<boolean> =>
      await storage.createSnapshot(`t${begun}`, []).then(
        () => true,
        () => false,
      );
    for (; await begin(); begun++) {
      await storage.removeSnapshot(`t${begun}`);
      writeThrough(`${root(mounted.mount)}/more-${begun}`, Buffer.alloc(2 * mebibyte, begun));
    }
    expect(begun).toBeGreaterThan(8);
    expect(begun).toBeLessThan(31);
    await storage[Symbol.asyncDispose]();
    expect(listPoolDevices()).toHaveLength(4); // with the mount
    await using larger = await open("dm.loopdatasize=128m");
    expect(status(larger, "Data Space Total")).toBe("134.2MB");
    await larger.createSnapshot("new", []);
    expect(fill(mounted.mount, 30)).toEqual({ written: 30, error: "" });
    mounted[Symbol.dispose]();
  });

  test("up to dm.loopdatamax the pool grows by itself, and writes wait for it", async () => {
    await using storage = await open(...small, "dm.loopdatamax=192m");
    await storage.createSnapshot("s", []);
    using mounted = await storage.mountSnapshot("s");
    for (let count = 0; count < 120; count++) {
      // Not one call for all: the pool's watch is this process's, too.
      writeFileSync(`${root(mounted.mount)}/f${count}`, Buffer.alloc(mebibyte, count));
      if (count % 10 === 9) {
        const file = openSync(root(mounted.mount), O_RDONLY);
        await Bun.spawn(["sync", "-f", `/proc/${process.pid}/fd/${file}`]).exited;
        closeSync(file);
      }
    }
    expect(["134.2MB", "201.3MB"]).toContain(status(storage, "Data Space Total"));
    for (let count = 0; count < 120; count++)
      expect(readFileSync(`${root(mounted.mount)}/f${count}`)[mebibyte / 2]).toBe(count);
    await poll(async () => ((await storage.health()).length === 0 ? true : undefined), {
      everyMs: 200,
      timeoutMs: 5_000,
      what: "see it grown",
    });
  });

  test("a limit of size beyond the usual size enlarges that one volume", async () => {
    await using storage = await open("dm.loopdatasize=512m", "dm.basesize=64m");
    await storage.createSnapshot("large", [], { sizeBytes: 128 * mebibyte });
    using mounted = await storage.mountSnapshot("large");
    expect(fill(mounted.mount, 110)).toEqual({ written: 110, error: "" });
    expect(Number((await storage.describe({ snapshot: "large" }))["DeviceSize"])).toBeGreaterThan(
      128 * mebibyte,
    );
  });

  test("dm.fs=xfs: layers, views and snapshots; a limit of size is refused", async () => {
    await using storage = await open("dm.fs=xfs", "dm.basesize=320m", "dm.loopdatasize=256m");
    const layer = await addLayer(storage, (tree) => writeFileSync(`${tree}/a`, "1"));
    const upper = await addLayer(storage, (tree) => writeFileSync(`${tree}/b`, "2"));
    await storage.createSnapshot("s", [layer]);
    await storage.createSnapshot("t", [layer, upper]);
    using one = await storage.mountSnapshot("s");
    using other = await storage.mountSnapshot("t");
    using view = await storage.viewLayers([layer]);
    writeFileSync(`${root(one.mount)}/a`, "mine");
    expect(readFileSync(`${root(view)}/a`, "utf8")).toBe("1");
    expect(readdirSync(root(other.mount)).toSorted()).toEqual(["a", "b"]);
    expect((await storage.listChanges("s")).map(({ path }) => path)).toEqual(["/a"]);
    await expect(storage.createSnapshot("u", [layer], { sizeBytes: mebibyte })).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining("its file system is xfs; the project quota of ext4 does it"),
    });
    expect(status(storage, "Backing Filesystem")).toBe("xfs");
    await storage[Symbol.asyncDispose]();
    await expect(open("dm.fs=ext4")).rejects.toMatchObject({ kind: "invalid" });
  });

  test("a layer that brings files named as the driver's records removes nothing but itself", async () => {
    await using storage = await open(...small);
    const victim = await addLayer(storage, (tree) => writeFileSync(`${tree}/victim`, "1"));
    await storage.createSnapshot("victim", [victim]);
    const records = ids().map((id) => JSON.stringify({ id: Number(id), bytes: 256 * mebibyte }));
    const hostile: Digest[] = [];
    for (const record of records)
      hostile.push(
        await addLayer(storage, (tree) => {
          for (const name of ["fs.volume", "device", "layers", "made"])
            writeFileSync(`${tree}/${name}`, record);
        }),
      );
    await storage.createSnapshot("attack", hostile);
    await storage.removeSnapshot("attack");
    for (const layer of hostile) await storage.removeLayer(layer);
    await storage.settle();
    expect(ids()).toEqual(expect.arrayContaining(records.map((record) => String(JSON.parse(record).id))));
    using mounted = await storage.mountSnapshot("victim");
    expect(readFileSync(`${root(mounted.mount)}/victim`, "utf8")).toBe("1");
    await storage.createSnapshot("fresh", [victim]);
  });

  test("dm.thinpooldev: a pool of others is used, left as it is, and must be one", async () => {
    using nodes = new DeviceNodes();
    using mapper = openDeviceMapper(nodes, { target: "thin-pool" });
    const loop = (name: string, bytes: number): OwnedFd => {
      const file = openSync(`${dataRoot}/${name}`, "a+");
      ftruncateSync(file, bytes);
      const device = openLoopDevice(file, { writable: true });
      closeSync(file);
      return device;
    };
    const pool = `other-${process.pid}`;
    const number = (device: OwnedFd): string => `${statFd(device.fd).major}:${statFd(device.fd).minor}`;
    {
      using metadata = loop("m", 4 * mebibyte);
      using data = loop("d", 64 * mebibyte);
      await mapper.create(pool);
      const parameters = `${number(metadata)} ${number(data)} 256 0 1 error_if_no_space`;
      await mapper.load(pool, { sectors: 131_072, type: "thin-pool", parameters });
      await mapper.resume(pool);
    }
    try {
      await mapper.message(pool, "create_thin 1"); // theirs
      {
        await using storage = await open(`dm.thinpooldev=/dev/mapper/${pool}`, "dm.basesize=128m");
        await storage.createSnapshot("s", []);
        using mounted = await storage.mountSnapshot("s");
        writeFileSync(`${root(mounted.mount)}/a`, "1");
        expect([status(storage, "Pool Name"), status(storage, "Data loop file")]).toEqual([pool, ""]);
        await expect(
          openStorage(dataRoot, { driver, storageOptions: ["dm.thinpooldev=else"] }),
        ).rejects.toThrow(`this data root was created with ${pool}`);
      }
      await poll(() => (mapper.find(pool)?.openCount === 0 ? true : undefined), {
        timeoutMs: 5_000,
        what: "see the pool let go",
      });
      await expect(mapper.message(pool, "create_thin 1")).rejects.toThrow("EEXIST");
      const other = await mkdtemp("/var/tmp/tare-dm-");
      await expect(
        openStorage(other, { driver, storageOptions: ["dm.thinpooldev=nowhere"] }),
      ).rejects.toMatchObject({
        kind: "invalid",
        message: 'cannot use "nowhere" as a thin pool: there is no such device (dmsetup table shows all)',
      });
      rmSync(other, { recursive: true });
    } finally {
      await poll(async () => ((await mapper.remove(pool)) ? true : undefined), {
        timeoutMs: 5_000,
        what: "remove the pool",
      });
    }
  });

  test("DeviceNodes makes nodes of its own where /dev has none", async () => {
    using nodes = new DeviceNodes({ directory: "/nowhere" });
    using mapper = openDeviceMapper(nodes, { target: "thin-pool" });
    await mapper.create("tare-node-test");
    const zero = { sectors: 8, type: "zero", parameters: "" };
    await mapper.load("tare-node-test", zero);
    const device = await mapper.resume("tare-node-test");
    {
      using opened = nodes.open("block", device, { usual: "dm", flags: O_RDONLY });
      using second = duplicateFd(opened.fd);
      expect(readFileSync(`/proc/self/fd/${second.fd}`).equals(Buffer.alloc(4096))).toBe(true);
      expect(await mapper.remove("tare-node-test")).toBe(false);
    }
    expect(await mapper.remove("tare-node-test")).toBe(true);
    expect(await mapper.remove("tare-node-test")).toBe(true);
  });

  test(
    "an engine runs on it: containers, exec, diff, commit, a limit, a user namespace, restarts and a kill",
    async () => {
      await using tare = new Installation();
      const run = async (...args: string[]): Promise<string> => await tare.must(args);
      const options = ["--storage-driver", driver, "--storage-opt", "dm.loopdatasize=300m"];
      await run(...options, "--storage-opt", "dm.basesize=512m", "load", "-i", busyboxArchive());
      const info = await run("info");
      expect(info).toMatch(/Storage Driver: devicemapper/);
      for (const line of [
        /Pool Name: tare-[0-9a-f]{12}-pool/,
        /Data Space Used: [\d.]+[kM]B/,
        /Data Space Total: 314\.6MB/,
        /Data Space Available: [\d.]+MB/,
        /Metadata Space Used: [\d.]+kB/,
        /Deferred Deleted Device Count: 0/,
        /Size limits: project quota/,
      ])
        expect(info).toMatch(line);
      await run("run", "--name", "one", "busybox", "sh", "-c", "echo hello >/note; rm /etc/passwd");
      expect((await run("diff", "one")).split("\n").toSorted()).toEqual([
        "A /note",
        "C /etc",
        "D /etc/passwd",
      ]);
      expect(
        await run("inspect", "-f", "{{.GraphDriver.Name}} {{.GraphDriver.Data.DeviceSize}}", "one"),
      ).toBe(`devicemapper ${512 * mebibyte}`);
      await run("commit", "one", "made");
      expect(await run("run", "--rm", "--userns", "private", "made", "cat", "/note")).toBe("hello");
      const write = "dd if=/dev/zero of=/big bs=1M count=32 2>&1; sync; ls -l /big";
      expect(await run("run", "--rm", "--storage-opt", "size=8m", "busybox", "sh", "-c", write)).toMatch(
        /quota/i,
      );
      await run("run", "-d", "--name", "two", "made", "sleep", "600");
      await run("daemon", "stop");
      expect(await run("exec", "two", "cat", "/note")).toBe("hello");
      process.kill(tare.daemonPid() as number, "SIGKILL");
      expect(await run("exec", "two", "sh", "-c", "echo more >/more; cat /note /more")).toBe("hello\nmore");
      await run("rm", "-f", "one", "two");
      await run("rmi", "made", "busybox");
      await run("system", "settle");
      expect(await run("system", "check")).toBe("Everything is in order.");
      await run("daemon", "stop");
      await expectNoPoolDevices();
    },
    30_000 * slowness,
  );
});
