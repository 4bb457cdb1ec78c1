import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareWalk, readIndex } from "../../../src/engine/build-files/context-index.ts";
import { ContextStore } from "../../../src/engine/build-files/received-contexts.ts";
import { TreeReader } from "../../../src/engine/build-files/tree-reader.ts";
import { openDirectoryPath } from "../../../src/linux/files/open.ts";
import type { ContextReceiver, TreeEntry } from "../../../src/model/builds.ts";

let directory = "";
let outside = "";
let store: ContextStore;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tare-contexts-"));
  outside = mkdtempSync(join(tmpdir(), "tare-outside-"));
  writeFileSync(join(outside, "kept"), "kept");
  store = new ContextStore(directory, { entries: 50, depth: 8, pendingBytes: 1000, growthBytes: 10 });
});

afterEach(async () => {
  await store.settle();
  expect(readFileSync(join(outside, "kept"), "utf8")).toBe("kept");
  expect(readdirSync(outside)).toEqual(["kept"]);
  rmSync(directory, { recursive: true });
  rmSync(outside, { recursive: true });
});

const entry = (path: string, more: Partial<TreeEntry> = {}): TreeEntry => ({
  path,
  mode: 0o100644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedNs: 1_700_000_000_123_456_789n,
  xattrs: new Map(),
  ...more,
});
const file = (path: string, content: string, more: Partial<TreeEntry> = {}): readonly [TreeEntry, string] => [
  entry(path, { sizeBytes: content.length, ...more }),
  content,
];
const folder = (path: string, more: Partial<TreeEntry> = {}): TreeEntry =>
  entry(path, { mode: 0o040755, ...more });
const link = (path: string, target: string): TreeEntry => entry(path, { mode: 0o120777, target });

type Item = TreeEntry | readonly [TreeEntry, string];

/** Sends a tree; gives the paths whose content was asked for. */
function send(receiver: ContextReceiver, items: readonly Item[]): string[] {
  const wanted: string[] = [];
  for (const item of items) {
    const [one, content] = "path" in item ? [item, ""] : item;
    if (!receiver.put(one)) continue;
    wanted.push(one.path);
    if (content !== "") receiver.write(one.path, Buffer.from(content));
    receiver.end(one.path);
  }
  return wanted;
}

async function sync(items: readonly Item[], key = "key"): Promise<{ wanted: string[]; path: string }> {
  await using receiver = await store.open(key);
  const wanted = send(receiver, items);
  await receiver.finish();
  return { wanted, path: receiver.path };
}

async function attack(items: readonly Item[], words: RegExp): Promise<void> {
  await using receiver = await store.open("key");
  expect(() => send(receiver, items)).toThrow(words);
}

const tree = [file("a", "one"), folder("d"), file("d/x", "two"), link("d/y", "../a"), file("e", "")];

test("put() asks for each file once; the next transfer only for what changed", async () => {
  const first = await sync(tree);
  expect(first.wanted).toEqual(["a", "d/x", "e"]);
  expect(readFileSync(join(first.path, "d/x"), "utf8")).toBe("two");
  expect(readlinkSync(join(first.path, "d/y"))).toBe("../a");
  expect(lstatSync(join(first.path, "d"), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_456_789n);
  expect(lstatSync(join(first.path, "a")).mode & 0o7777).toBe(0o644);
  const second = await sync(tree);
  expect(second).toEqual({ wanted: [], path: first.path });
  const third = await sync([
    file("a", "ONE", { modifiedNs: 5n }),
    folder("d"),
    file("d/x", "two"),
    file("d/z", "new"),
  ]);
  expect(third.wanted).toEqual(["a", "d/z"]);
  expect(readFileSync(join(third.path, "a"), "utf8")).toBe("ONE");
  expect(readdirSync(third.path)).toEqual(["a", "d"]);
  expect(readdirSync(join(third.path, "d")).sort()).toEqual(["x", "z"]);
  expect(lstatSync(join(third.path, "d"), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_456_789n);
});

test("put() replaces directories by files and links, and back", async () => {
  await sync(tree);
  const { path } = await sync([file("a", "one"), link("d", outside)]);
  expect(readlinkSync(join(path, "d"))).toBe(outside);
  const again = await sync([folder("a"), file("a/b", "in"), folder("d"), file("d/kept", "mine")]);
  expect(again.wanted).toEqual(["a/b", "d/kept"]);
  expect(readFileSync(join(path, "d/kept"), "utf8")).toBe("mine");
});

test("put() links names of one file, and links them again when the file has changed", async () => {
  const linked = (modifiedNs: bigint): readonly Item[] => [
    file("a", "one", { modifiedNs }),
    entry("b", { target: "a", sizeBytes: 3 }),
  ];
  const { path } = await sync(linked(1n));
  expect(lstatSync(join(path, "a")).ino).toBe(lstatSync(join(path, "b")).ino);
  expect((await sync(linked(2n))).wanted).toEqual(["a"]);
  expect(lstatSync(join(path, "a")).ino).toBe(lstatSync(join(path, "b")).ino);
});

test("put() refuses paths that no context has", async () => {
  for (const path of ["", "..", "../x", "a/../b", "/etc/passwd", "a//b", "./a", "a/.", "a/", "x\0y"])
    await attack([folder("a"), file(path, "evil")], /no path inside|comes after|did not come before/);
  await attack([file("d/x", "evil")], /directory did not come before/);
  await attack([file("b", ""), file("a", "")], /comes after/);
  await attack([file("a", ""), file("a", "")], /comes after/);
  await attack(
    [
      folder("a"),
      folder("a/a"),
      ...["b", "c", "d", "e", "f", "g", "h", "i"].map((_, at) =>
        folder(`a/a/${Array.from({ length: at + 1 }, () => "n").join("/")}`),
      ),
    ],
    /directories deep/,
  );
});

test("put() never goes through a link", async () => {
  await attack([link("d", outside), file("d/kept", "evil")], /directory did not come before/);
  await sync([link("d", outside), file("z", "")]);
  await attack([link("d", outside), file("d/kept", "evil")], /directory did not come before/);
  await sync([folder("d"), file("d/kept", "mine")]);
  const { path } = await sync([link("d", outside)]);
  expect(readlinkSync(join(path, "d"))).toBe(outside);
});

test("put() links no file from elsewhere", async () => {
  symlinkSync(join(outside, "kept"), join(directory, "out"));
  for (const target of ["../../../out", join(outside, "kept"), "missing", "s", "d/kept", "d"])
    await attack(
      [link("d", outside), link("s", join(outside, "kept")), entry("z", { target })],
      /which did not come before/,
    );
});

test("put() bounds the number of entries and of files that wait for content", async () => {
  await attack(
    Array.from({ length: 51 }, (_, at) => folder(`d${String(at).padStart(3, "0")}`)),
    /more than 50 files/,
  );
  await using receiver = await store.open("key");
  const long = "n".repeat(200);
  expect(() => {
    for (const letter of "abcdef") receiver.put(file(`${letter}${long}`, "x")[0]);
  }).toThrow(/wait for their content/);
  await using other = await store.open("other");
  expect(() => other.put(entry("a", { sizeBytes: 2 ** 52 }))).toThrow(/free space/);
});

test("write() refuses what was not asked for, and endless content", async () => {
  await sync(tree);
  await using receiver = await store.open("key");
  expect(receiver.put(file("a", "one")[0])).toBe(false);
  expect(() => receiver.write("a", Buffer.from("evil"))).toThrow(/not asked for/);
  expect(() => receiver.write("../../x", Buffer.from("evil"))).toThrow(/not asked for/);
  expect(receiver.put(file("b", "two")[0])).toBe(true);
  receiver.write("b", Buffer.alloc(13));
  expect(() => receiver.write("b", Buffer.alloc(1))).toThrow(/longer than the 3 bytes/);
});

test("finish() refuses a tree without all its content, which is not kept then", async () => {
  {
    await using receiver = await store.open("key");
    expect(receiver.put(file("a", "one")[0])).toBe(true);
    await expect(receiver.finish()).rejects.toThrow(/content of 1 files is missing/);
  }
  expect(readdirSync(join(directory, "kept"))).toEqual([]);
  expect((await sync(tree)).wanted).toEqual(["a", "d/x", "e"]);
});

test("open() gives another directory while one is open, and one without a key is not kept", async () => {
  await using first = await store.open("key");
  {
    await using second = await store.open("key");
    expect(second.path).not.toBe(first.path);
    await second.finish();
  }
  const { path } = await sync(tree, "");
  expect(existsSync(path)).toBe(false);
});

test("a file that grew while it was sent is sent again", async () => {
  await using receiver = await store.open("key");
  receiver.put(file("a", "one")[0]);
  receiver.write("a", Buffer.from("more"));
  receiver.end("a");
  await receiver.finish();
  expect(readFileSync(join(receiver.path, "a"), "utf8")).toBe("more");
  await receiver[Symbol.asyncDispose]();
  expect((await sync([file("a", "one")])).wanted).toEqual(["a"]);
});

test("remove() removes a kept context that is not open", async () => {
  const { path } = await sync(tree);
  const [kept] = store.list();
  expect(kept?.inUse).toBe(false);
  {
    await using receiver = await store.open("key");
    expect(store.remove(kept?.id ?? "")).toBe(false);
    send(receiver, tree);
    await receiver.finish();
  }
  expect(store.remove("../once")).toBe(false);
  expect(store.remove(kept?.id ?? "")).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("readIndex() ends at a damaged line", () => {
  const path = join(directory, "index");
  writeFileSync(path, 'd\t"a"\t[1]\n-\t"a/b"\t[2]\n-\t"c\n-\t"d"\t[3]\n');
  expect([...readIndex(path)].map((each) => each.path)).toEqual(["a", "a/b"]);
});

test("compareWalk() has the order of a walk", () => {
  const order = ["a", "a/b", "a/b/c", "a-b", "a.b", "b", "é", "ﬀ", "𝄞"];
  for (let at = 1; at < order.length; at++)
    expect(compareWalk(order[at - 1] ?? "", order[at] ?? "")).toBeLessThan(0);
});

test("TreeReader reads inside its tree alone", async () => {
  const root = join(directory, "tree");
  mkdirSync(join(root, "d"), { recursive: true });
  writeFileSync(join(root, "d/x"), "0123456789");
  linkSync(join(root, "d/x"), join(root, "d/y"));
  symlinkSync(join(outside, "kept"), join(root, "out"));
  symlinkSync("../../../../d/x", join(root, "in"));
  await using reader = new TreeReader(openDirectoryPath(root));
  expect(Buffer.from(await reader.read("/in", { offset: 2, limitBytes: 3 })).toString()).toBe("234");
  await expect(reader.read("out", { limitBytes: 100 })).rejects.toThrow(/no such file/);
  await expect(reader.read("../../etc/passwd", { limitBytes: 100 })).rejects.toThrow(/no such file/);
  await expect(reader.read("d", { limitBytes: 100 })).rejects.toThrow(/not a file/);
  expect((await reader.stat("out")).target).toBe(join(outside, "kept"));
  const seen: (readonly [string, string | undefined])[] = [];
  for await (const { path, target } of reader.walk()) seen.push([path, target]);
  expect(seen).toEqual([
    ["d", undefined],
    ["d/x", undefined],
    ["d/y", "d/x"],
    ["in", "../../../../d/x"],
    ["out", join(outside, "kept")],
  ]);
  expect((await reader.list("d")).map(({ path }) => path)).toEqual(["x", "y"]);
});
