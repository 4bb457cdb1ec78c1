import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { S_IFSOCK } from "../../src/linux/constants/open.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { TarReader } from "../../src/spec/tar.ts";
import type { TarEntry } from "../../src/spec/tar-entry.ts";
import { getXattr, hasXattrs, makeTar, setXattr } from "../support/tar-of-files.ts";
import type { SuiteOptions } from "./storage-driver.ts";
import type { DriverUnderTest } from "./storage-driver-under-test.ts";

const capability = "0sAQAAAgAEAAAAAAAAAAAAAAAAAAA=";
/** user::rwx, user:7:r-x, group::r-x, mask::r-x, other::r-- */
const accessListHex =
  "0x0200000001000700ffffffff020005000700000004000500ffffffff10000500ffffffff20000400ffffffff";
const accessList = `0s${Buffer.from(accessListHex.slice(2), "hex").toString("base64")}`;
const capabilityHex = "0x0100000200040000000000000000000000000000";

/** What comes into layers, stays in them, and comes out of snapshots. */
export function testStorageContents(under: DriverUnderTest, { names, times }: SuiteOptions): void {
  const { at, text } = under;
  /** For programs: they have descriptors of their own. */
  const outside = (path: string): string => path.replace("/proc/self/", `/proc/${process.pid}/`);

  async function pack(id: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of under.storage.packChanges(id)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  test("the changes of a layer that was applied to a snapshot are that layer's entries", async () => {
    const base = await under.addLayer((root) => {
      mkdirSync(`${root}/etc`);
      writeFileSync(`${root}/etc/kept`, "kept");
    });
    const tar = makeTar((root) => {
      mkdirSync(`${root}/etc`);
      for (const name of ["etc/new", "first", "zero"])
        writeFileSync(`${root}/${name}`, name === "zero" ? "" : name);
      linkSync(`${root}/first`, `${root}/second`);
      symlinkSync("first", `${root}/link`);
      mkdirSync(`${root}/deep/er/still`, { recursive: true });
      writeFileSync(`${root}/deep/er/file`, Buffer.alloc(70_000, 7));
      execFileSync("mknod", [`${root}/block`, "b", "7", "300"]);
      execFileSync("mkfifo", ["-m", "0640", `${root}/fifo`]);
      execFileSync("chown", ["-h", "12:34", `${root}/link`, `${root}/first`]);
      execFileSync("chmod", ["6751", `${root}/etc/new`]);
      setXattr(`${root}/first`, "user.note", "hello");
      setXattr(`${root}/etc/new`, "security.capability", capability);
      for (const [index, name] of [
        "first",
        "etc/new",
        "link",
        "fifo",
        "deep/er/still",
        "deep/er",
        "deep",
        "etc",
      ].entries()) {
        execFileSync("touch", [
          "-h",
          "-d",
          `200${index}-02-03T04:05:06.12345678${index}Z`,
          `${root}/${name}`,
        ]);
      }
    });
    await under.storage.createSnapshot("s", [base]);
    {
      using mounted = await under.storage.mountSnapshot("s");
      const options = [
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "-p",
        "-C",
        outside(at(mounted.mount)),
      ];
      execFileSync("tar", [...options, "-xf", "-"], { input: tar });
    }
    expect(normalised(await pack("s"), times)).toEqual(normalised(tar, times));
  });

  test("hard links across layers: a pair that is brought anew, and one name of it that goes", async () => {
    const pair = (content: string) => (root: string) => {
      writeFileSync(`${root}/one`, content);
      linkSync(`${root}/one`, `${root}/two`);
    };
    const lower = await under.addLayer(pair("old"));
    const anew = await under.addLayer(pair("new"));
    const gone = await under.addLayer((root) => writeFileSync(`${root}/.wh.one`, ""));
    using view = await under.storage.viewLayers([lower, anew]);
    expect([text(view, "one"), text(view, "two")]).toEqual(["new", "new"]);
    expect(statSync(at(view, "one")).ino).toBe(statSync(at(view, "two")).ino);
    await under.storage.createSnapshot("s", [lower, anew, gone]);
    using mounted = await under.storage.mountSnapshot("s");
    expect(readdirSync(at(mounted.mount))).toEqual(["two"]);
    expect(text(mounted.mount, "two")).toBe("new");
  });

  test("attributes and capabilities that a container sets are in its changes; those of its layers stay", async () => {
    if (!hasXattrs) return;
    const layer = await under.addLayer((root) => {
      writeFileSync(`${root}/able`, "");
      setXattr(`${root}/able`, "security.capability", capability);
      mkdirSync(`${root}/noted`);
      setXattr(`${root}/noted`, "user.note", "dir");
    });
    await under.storage.createSnapshot("s", [layer]);
    {
      using mounted = await under.storage.mountSnapshot("s");
      writeFileSync(at(mounted.mount, "own"), "");
      setXattr(outside(at(mounted.mount, "own")), "security.capability", capability);
      setXattr(outside(at(mounted.mount, "noted")), "user.more", "x");
      setXattr(outside(at(mounted.mount, "noted")), "system.posix_acl_access", accessList);
      setXattr(outside(at(mounted.mount, "noted")), "system.posix_acl_default", accessList);
      expect(getXattr(at(mounted.mount, "able"), "security.capability")).toBe(capabilityHex);
    }
    const changes = await under.addTar(await pack("s"));
    using view = await under.storage.viewLayers([layer, changes]);
    expect(getXattr(at(view, "own"), "security.capability")).toBe(capabilityHex);
    expect(getXattr(at(view, "able"), "security.capability")).toBe(capabilityHex);
    expect(getXattr(at(view, "noted"), "user.note")).toBe("0x646972");
    expect(getXattr(at(view, "noted"), "user.more")).toBe("0x78");
    for (const name of ["system.posix_acl_access", "system.posix_acl_default"])
      expect(getXattr(at(view, "noted"), name)).toBe(accessListHex);
  });

  test("directories that are moved, within and into new ones, are whole in the changes", async () => {
    const layer = await under.addLayer((root) => {
      mkdirSync(`${root}/a/b/c`, { recursive: true });
      writeFileSync(`${root}/a/b/c/file`, "deep");
      mkdirSync(`${root}/plain`);
      writeFileSync(`${root}/plain/x`, "x");
    });
    await under.storage.createSnapshot("s", [layer]);
    {
      using mounted = await under.storage.mountSnapshot("s");
      const root = outside(at(mounted.mount));
      mkdirSync(`${root}/new`);
      execFileSync("mv", [`${root}/a/b`, `${root}/new/moved`]);
      execFileSync("mv", [`${root}/plain`, `${root}/a/plain`]);
      mkdirSync(`${root}/own/inner`, { recursive: true });
      renameSync(`${root}/own`, `${root}/renamed`);
    }
    const changes = await under.addTar(await pack("s"));
    using view = await under.storage.viewLayers([layer, changes]);
    using mounted = await under.storage.mountSnapshot("s", { readonly: true });
    const names = (root: string): string[] =>
      execFileSync("find", [".", "-mindepth", "1"], { cwd: outside(root), encoding: "utf8" })
        .split("\n")
        .toSorted();
    expect(names(at(view))).toEqual(names(at(mounted.mount)));
    expect(text(view, "new/moved/c/file")).toBe("deep");
    expect(existsSync(at(view, "a/b"))).toBe(false);
    expect(existsSync(at(view, "renamed/inner"))).toBe(true);
  });

  test("nodes are in the changes, sockets are not, and both work in the mount", async () => {
    await under.storage.createSnapshot("s", []);
    {
      using mounted = await under.storage.mountSnapshot("s");
      call("mknodat", mounted.mount.fd, "socket", S_IFSOCK | 0o600, 0);
      execFileSync("mknod", ["-m", "0666", outside(at(mounted.mount, "zero")), "c", "1", "5"]);
      execFileSync("mkfifo", [outside(at(mounted.mount, "fifo"))]);
      expect(execFileSync("head", ["-c", "3", outside(at(mounted.mount, "zero"))]).toString("hex")).toBe(
        "000000",
      );
    }
    using again = await under.storage.mountSnapshot("s", { readonly: true });
    expect(lstatSync(at(again.mount, "socket")).isSocket()).toBe(true);
    expect(entriesOf(await pack("s")).map(({ path, type }) => `${path} ${type}`)).toEqual([
      "fifo fifo",
      "zero character",
    ]);
  });

  test("names as long as they may be, of all scripts, and those that look like ours, in layers, snapshots and changes", async () => {
    const longest = names === "aufs" ? 242 : 255;
    const odd = [
      "n".repeat(longest),
      "字".repeat(Math.floor(longest / 3)),
      "e\u0301",
      "\u00e9",
      "\u202egnp.exe",
      "🐋",
      "fs",
      "lock",
      "layers",
      "~",
      "#",
      "%41",
      "a\tb",
      "CON",
      "overlay.opaque",
    ];
    const layer = await under.addLayer((root) => {
      for (const name of odd) writeFileSync(`${root}/${name}`, name);
    });
    await under.storage.createSnapshot("s", [layer]);
    {
      using mounted = await under.storage.mountSnapshot("s");
      expect(readdirSync(at(mounted.mount)).toSorted()).toEqual(odd.toSorted());
      for (const name of odd) {
        expect(text(mounted.mount, name)).toBe(name);
        mkdirSync(at(mounted.mount, `own/${name}`), { recursive: true });
      }
      rmSync(at(mounted.mount, "🐋"));
    }
    const changes = await under.addTar(await pack("s"));
    using view = await under.storage.viewLayers([layer, changes]);
    expect(readdirSync(at(view, "own")).toSorted()).toEqual(odd.toSorted());
    expect(existsSync(at(view, "🐋"))).toBe(false);
  });

  test("layers and snapshots come and go at once, and what stands on a layer keeps it", async () => {
    const { storage } = under;
    const layers = await Promise.all(
      Array.from(
        { length: 6 },
        async (_, index) => await under.addLayer((root) => writeFileSync(`${root}/f${index}`, String(index))),
      ),
    );
    await Promise.all(
      layers
        .flatMap((layer, index) => [
          storage.createSnapshot(`kept${index}`, layers.slice(0, index + 1)),
          storage
            .createSnapshot(`gone${index}`, [layer])
            .then(async () => await storage.removeSnapshot(`gone${index}`)),
          storage
            .removeLayer(layer)
            .catch((thrown: unknown) => expect(thrown).toMatchObject({ kind: "conflict" })),
        ])
        .map(
          async (work) =>
            await work.catch((thrown: unknown) => expect(thrown).toMatchObject({ kind: "not-found" })),
        ),
    );
    await storage.settle();
    for (const id of await storage.listSnapshots()) {
      using mounted = await storage.mountSnapshot(id);
      expect(readdirSync(at(mounted.mount))).toHaveLength(Number(id.slice(4)) + 1);
    }
    expect(await storage.health()).toEqual([]);
  });
}

function entriesOf(tar: Uint8Array): readonly TarEntry[] {
  const reader = new TarReader();
  const entries: TarEntry[] = [];
  for (const event of reader.push(tar)) if (event.kind === "entry") entries.push(event.entry);
  reader.end();
  return entries;
}

/** Without what two archives of the same files may differ in: order, "./", which of the names of a file is its first. */
function normalised(tar: Uint8Array, times: SuiteOptions["times"]): readonly string[] {
  const entries = entriesOf(tar).map((entry) => ({
    ...entry,
    path: entry.path.replace(/^\.\//, "").replace(/\/$/, ""),
  }));
  const linked = new Map<string, TarEntry>();
  for (const entry of entries) {
    const first = entries.find(({ path }) => path === entry.linkName.replace(/^\.\//, ""));
    if (entry.type === "hardlink" && first !== undefined) linked.set(entry.path, first);
  }
  return entries
    .filter(({ path }) => path !== "" && path !== ".")
    .map((entry) => {
      const content = linked.get(entry.path) ?? entry;
      const { mode, uid, gid, size, type, mtime, major, minor } = content;
      const link = type === "symlink" ? entry.linkName : "";
      const xattrs = [...content.xattrs]
        .map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
        .toSorted();
      const time = `${mtime.seconds}.${times === "seconds" ? 0 : mtime.nanoseconds}`;
      return [
        entry.path,
        type,
        mode.toString(8),
        uid,
        gid,
        size,
        link,
        time,
        `${major}:${minor}`,
        ...xattrs,
      ].join(" ");
    })
    .toSorted();
}
