import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { O_DIRECTORY, O_RDONLY } from "../../src/linux/constants/open.ts";
import { hasFilesystem } from "../../src/linux/mount/mount.ts";
import { openBeneath } from "../../src/linux/files/open.ts";
import { statAt } from "../../src/linux/files/stat.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { applyTimeAt } from "../../src/linux/tree/metadata.ts";
import { trySetXattr } from "../../src/linux/files/xattr.ts";
import { type Digest, digestOf } from "../../src/spec/digest.ts";
import { openAufsDriver } from "../../src/storage/aufs/aufs-driver.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openStorage } from "../../src/storage/drivers.ts";
import { Scratch } from "../support/scratch.ts";
import { SimulatedAufs } from "../support/simulated-aufs.ts";
import { inChunks, TarBuilder } from "../support/tar-builder.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { makeUserNamespace } from "../support/user-namespace.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

const kernelHasAufs = isRoot && hasFilesystem("aufs");
if (!kernelHasAufs) console.log("skipped: this kernel has no aufs, which no stock kernel has");

if (kernelHasAufs) {
  testStorageDriver("aufs", {
    sizeLimit: "refused",
    disk: "ext4",
    names: "aufs",
    times: "seconds",
    userNamespaces: "refused",
  });
}

describe.skipIf(kernelHasAufs)("without aufs in the kernel", () => {
  test("openStorage() refuses in a sentence with the reason and what else there is, and leaves nothing", async () => {
    using scratch = new Scratch("aufs");
    await expect(openStorage(scratch.path, { driver: "aufs" })).rejects.toMatchObject({
      kind: "unsupported",
      message:
        'cannot use the aufs driver here: this kernel has no file system "aufs", and no module of that name (modprobe aufs): ' +
        "no stock kernel has it, only one that was built with the patches of aufs-standalone; " +
        "overlay does the same with every kernel, erofs, btrfs and vfs are further storage drivers",
    });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  test("the daemon is not started, and says the same", async () => {
    await using tare = new Installation();
    const { status, stderr } = await tare.tare(["--storage-driver", "aufs", "info"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("this kernel has no file system")]);
    expect(existsSync(`${tare.dataRoot}/storage`)).toBe(false);
  });
});

/** The driver over SimulatedAufs. */
describe("over a simulated kernel", () => {
  async function inDataRoot(
    work: (storage: StorageDriver, simulated: SimulatedAufs, root: string) => Promise<void>,
    options: { readonly branchLimit?: number } = {},
  ): Promise<void> {
    using scratch = new Scratch("aufs");
    using simulated = new SimulatedAufs(options);
    await using storage = await openAufsDriver(scratch.join("aufs"), simulated);
    simulated.calls.length = 0;
    await work(storage, simulated, scratch.join("aufs"));
  }

  async function add(storage: StorageDriver, tar: TarBuilder): Promise<Digest> {
    const bytes = tar.end();
    await using draft = await storage.beginLayer();
    await draft.apply(inChunks(bytes));
    await draft.commit(digestOf(bytes));
    return digestOf(bytes);
  }

  /** What the last new file system was made of. */
  const branchesOf = ({ calls }: SimulatedAufs): readonly string[] =>
    calls
      .slice(calls.findLastIndex(([name]) => name === "fsopen"))
      .filter(([name, , command, key]) => name === "fsconfig" && command === 1 && key === "br")
      .map(([, , , , value]) => String(value));
  const shortened = (branch: string): string =>
    branch.replace(/^\/proc\/self\/fd\/\d+\//, "").replaceAll(/[0-9a-f]{64}/g, (hex) => hex.slice(0, 4));

  test("a container is mounted with its layers in order, each once, and nothing below an opaque one", () =>
    inDataRoot(async (storage, simulated) => {
      const base = await add(storage, new TarBuilder().file("base", "1"));
      const opaque = await add(storage, new TarBuilder().file(".wh..wh..opq").file("o", "1"));
      const middle = await add(storage, new TarBuilder().file("m", "1"));
      const top = await add(
        storage,
        new TarBuilder().directory("./", { mode: 0o711, uid: 5 }).file("t", "1"),
      );
      await storage.createSnapshot("s", [base, opaque, middle, top, middle]);
      using mounted = await storage.mountSnapshot("s");
      const short = (diffId: Digest): string => diffId.slice(7, 11);
      expect(branchesOf(simulated).map(shortened)).toEqual([
        "upper=rw",
        `${short(middle)}/fs=ro+wh`,
        `${short(top)}/fs=ro+wh`,
        `${short(opaque)}/fs=ro+wh`,
      ]);
      const { mode, uid } = statSync(`/proc/self/fd/${mounted.mount.fd}/.`);
      expect([mode & 0o7777, uid]).toEqual([0o711, 5]);
      expect(simulated.calls.at(-1)?.at(-1)).toBe(0);
      mounted[Symbol.dispose]();
      using _ = await storage.mountSnapshot("s", { readonly: true });
      expect(branchesOf(simulated).map(shortened)[0]).toBe("upper=ro+wh");
      expect(simulated.calls.at(-1)?.at(-1)).toBe(1);
    }));

  test("each mount has an xino of its own, in a place that is the driver's", () =>
    inDataRoot(async (storage, simulated) => {
      await storage.createSnapshot("s", []);
      for (let count = 0; count < 3; count++)
        (await storage.mountSnapshot("s", { readonly: true }))[Symbol.dispose]();
      const xinos = simulated.calls.filter(([, , , key]) => key === "xino").map(([, , , , value]) => value);
      expect(new Set(xinos).size).toBe(3);
      for (const xino of xinos) expect(xino).toMatch(/^\/proc\/self\/fd\/\d+\/[0-9a-f]{24}$/);
    }));

  test("no layers at all are an empty directory", () =>
    inDataRoot(async (storage, simulated, root) => {
      using view = await storage.viewLayers([]);
      expect(branchesOf(simulated)).toEqual([`${root}/empty=ro+wh`]);
      expect(readdirSync(`/proc/self/fd/${view.fd}`)).toEqual([]);
    }));

  test("126 layers are mounted in several steps; more are refused by number", () =>
    inDataRoot(async (storage, simulated) => {
      const layers: Digest[] = [];
      for (let index = 0; index < 127; index++)
        layers.push(await add(storage, new TarBuilder().file(`f${index}`, "1")));
      await storage.createSnapshot("s", layers.slice(0, 126));
      using _ = await storage.mountSnapshot("s");
      const { branches } = simulated.mounted.at(-1) ?? { branches: [] };
      expect(branches).toHaveLength(127);
      expect(branches.slice(1).map(({ path }) => path.split("/").at(-2))).toEqual(
        layers
          .slice(0, 126)
          .toReversed()
          .map((diffId) => diffId.slice(7)),
      );
      await expect(storage.createSnapshot("t", layers)).rejects.toThrow(
        'cannot create snapshot "t": it has 127 layers, aufs takes at most 126',
      );
    }));

  test("what a container leaves in its branch is its changes, its size, and its layer", () =>
    inDataRoot(async (storage, simulated, root) => {
      const layer = await add(storage, new TarBuilder().file("etc/a", "1").file("etc/b", "1"));
      await storage.createSnapshot("s", [layer]);
      const before = await storage.usage({ snapshot: "s" });
      const upper = `${root}/snapshots/s/upper`;
      {
        using _ = await storage.mountSnapshot("s");
        expect(readdirSync(upper).toSorted()).toEqual([".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"]);
        expect(await storage.listChanges("s")).toEqual([]);
        mkdirSync(`${upper}/etc`);
        writeFileSync(`${upper}/etc/.wh.b`, "", { mode: 0o444 });
        writeFileSync(`${upper}/etc/a`, "changed");
      }
      expect(await storage.listChanges("s")).toEqual([
        { kind: "modified", path: "/etc" },
        { kind: "modified", path: "/etc/a" },
        { kind: "deleted", path: "/etc/b" },
      ]);
      const after = await storage.usage({ snapshot: "s" });
      expect([after.inodes - before.inodes, after.contentBytes]).toEqual([3, "changed".length]);
      const packed = Buffer.concat(await Array.fromAsync(storage.packChanges("s")));
      const changes = digestOf(packed);
      await using draft = await storage.beginLayer();
      await draft.apply(inChunks(packed));
      await draft.commit(changes);
      expect(readdirSync(`${root}/layers/${changes.slice(7)}/fs/etc`).toSorted()).toEqual([".wh.b", "a"]);
      expect(simulated.calls.length).toBeGreaterThan(0);
      expect(await storage.describe({ snapshot: "s" })).toEqual({});
    }));

  test("extended attributes and POSIX ACLs can be set in a container", () =>
    inDataRoot(async (storage) => {
      expect(storage.status).toContainEqual(["Extended attributes", "true"]);
      await storage.createSnapshot("s", []);
      using mounted = await storage.mountSnapshot("s");
      using root = openBeneath(mounted.mount.fd, ".", O_RDONLY | O_DIRECTORY);
      const accessList = Buffer.from("0200000001000700ffffffff04000500ffffffff20000500ffffffff", "hex");
      expect(trySetXattr(root.fd, "system.posix_acl_access", accessList)).toBe(true);
    }));

  test("times that are set in a container are whole seconds", () =>
    inDataRoot(async (storage) => {
      await storage.createSnapshot("s", []);
      using mounted = await storage.mountSnapshot("s");
      call("mkdirat", mounted.mount.fd, "dir", 0o755);
      applyTimeAt(mounted.mount.fd, "dir", { seconds: 981_173_106, nanoseconds: 123_456_789 });
      expect(statAt(mounted.mount.fd, "dir").modified).toEqual({ seconds: 981_173_106, nanoseconds: 0 });
    }));

  test("names that aufs keeps for itself are refused in a container, and in what is shown of layers", () =>
    inDataRoot(async (storage) => {
      const layer = await add(storage, new TarBuilder().file("a", "1"));
      await storage.createSnapshot("s", [layer]);
      using mounted = await storage.mountSnapshot("s");
      using view = await storage.viewLayers([layer]);
      for (const { fd } of [mounted.mount, view]) {
        expect(() => statAt(fd, ".wh.a")).toThrow("EPERM");
        expect(() => openBeneath(fd, ".wh..wh.aufs", O_RDONLY)).toThrow("EPERM");
      }
    }));

  test("the ids of a user namespace are refused with what to use instead", () =>
    inDataRoot(async (storage) => {
      const layer = await add(storage, new TarBuilder().file("f", "1"));
      using namespace = await makeUserNamespace();
      await expect(storage.viewLayers([layer], { usernsFd: namespace.fd })).rejects.toMatchObject({
        kind: "unsupported",
        message: expect.stringMatching(/^cannot show the image's files .* the storage driver overlay does$/),
      });
    }));
});
