import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { busyboxArchive } from "../support/images.ts";
import { bulkLayer, placeImage } from "../support/registry-images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

interface Usage {
  readonly Policy: string;
  readonly TotalSize: number;
  readonly Kinds: readonly { readonly Kind: string; readonly Count: number; readonly Size: number }[];
  readonly Rebuildable: { readonly Count: number; readonly Size: number };
}

describe.skipIf(!isRoot).each(["overlay", "vfs"])("the store's usage with %s", (driver) => {
  let tare: Installation;
  let registry: TestRegistry;
  const run = (...args: readonly string[]): Promise<string> =>
    tare.must(["--storage-driver", driver, ...args]);
  const usage = async (): Promise<Usage> =>
    (JSON.parse(await run("system", "df", "-v", "--format", "json")) as { Store: Usage }).Store;
  const onDisk = (...places: readonly string[]): number =>
    Number(
      execFileSync("du", ["-scB1", ...places.map((place) => join(tare.dataRoot, place))], {
        encoding: "utf8",
      })
        .trim()
        .split("\n")
        .at(-1)
        ?.split("\t")[0],
    );

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    await run("load", "-i", busyboxArchive("oci-gzip"));
    await run(
      "run",
      "--name",
      "writer",
      "-v",
      "vol:/vol",
      "busybox",
      "sh",
      "-c",
      "dd if=/dev/zero of=/big bs=1000 count=300; ln /big /same; echo x > /vol/x",
    );
    await run("commit", "writer", "written:1");
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  });

  test("is what du says of the data root, to the byte, and so is each kind", async () => {
    await run("system", "settle");
    const { TotalSize, Kinds, Policy } = await usage();
    expect(Policy).toBe("keep");
    expect(TotalSize).toBe(onDisk(""));
    expect(Kinds.reduce((sum, { Size }) => sum + Size, 0)).toBe(TotalSize);
    const size = (kind: string): number => Kinds.find(({ Kind }) => Kind === kind)?.Size ?? -1;
    expect(size("blobs")).toBe(onDisk("content/blobs"));
    expect(size("volumes")).toBe(onDisk("volumes"));
    // What views of layers share with them is theirs.
    const storage = `storage/${driver}`;
    expect(size("layers")).toBe(
      onDisk(`${storage}/layers`, ...(driver === "vfs" ? [`${storage}/views`] : [])),
    );
    expect(size("containers")).toBe(onDisk(`${storage}/snapshots`, `${storage}/prewarmed`, "containers"));
    const text = await run("system", "df", "-v");
    expect(text).toMatch(new RegExp(`^Total +[0-9.]+[kMG]?B +${TotalSize}\\s*$`, "m"));
    expect(await run("system", "df")).toMatch(/^Unpacked layers +\d+ +[0-9.]+MB/m);
  });

  test("counts what a broken pull has left, and what it would save to drop blobs", async () => {
    const image = placeImage(registry, { repository: "cut", layers: [bulkLayer(3)] });
    registry.fault = ({ url }) =>
      url.includes(image.layers[0] ?? "") ? { kind: "stall", afterBytes: 2_500_000 } : undefined;
    const pulling = tare.tare(["pull", image.name]);
    const partial = join(tare.dataRoot, "content/partial");
    const until = Date.now() + 20_000;
    while (readdirSync(partial).length === 0 && Date.now() < until) await Bun.sleep(10);
    process.kill(tare.daemonPid() ?? 0, "SIGKILL");
    await pulling;
    registry.fault = undefined;
    const { Kinds, TotalSize } = await usage();
    expect(TotalSize).toBe(onDisk(""));
    const kind = Kinds.find(({ Kind }) => Kind === "partial-downloads");
    expect(kind?.Count).toBe(1);
    expect(kind?.Size).toBe(onDisk("content/partial", "content/ingest"));
    await run("daemon", "stop");
    await run("--blob-policy", "rebuild", "version");
    await run("system", "settle");
    const dropped = await usage();
    expect(dropped.Policy).toBe("rebuild");
    expect(dropped.TotalSize).toBe(onDisk(""));
    // The layer of the commit is a plain tar; that of the archive is no registry's.
    expect(dropped.Rebuildable.Count).toBe(1);
    expect(dropped.Rebuildable.Size).toBeGreaterThan(300_000);
    expect(await run("system", "df")).toMatch(/^Records of dropped blobs +1 .* can be rebuilt/m);
    expect(await run("system", "check", "--verify")).toContain("in order");
  });

  test("check --verify finds a blob and a layer that have changed, and says what to do", async () => {
    const blobs = join(tare.dataRoot, "content/blobs/sha256");
    const [largest = ""] = readdirSync(blobs).toSorted(
      (one, other) => statSync(join(blobs, other)).size - statSync(join(blobs, one)).size,
    );
    const flip = (path: string, at: number): void => {
      const byte = (readFileSync(path)[at] ?? 0) ^ 1;
      const fd = openSync(path, "r+");
      writeSync(fd, Uint8Array.of(byte), 0, 1, at);
      closeSync(fd);
    };
    flip(join(blobs, largest), 300_000);
    const blob = await tare.tare(["system", "check", "--verify"]);
    expect(blob.status).toBe(1);
    expect(blob.stdout).toContain(`blob ${largest.slice(0, 12)} of busybox:latest: `);
    expect(blob.stdout).toMatch(
      /its content has changed on disk\n {2}look at the disk .*tare rmi -f busybox:latest/,
    );
    expect(await run("system", "check")).toContain("in order"); // it does not read them
    flip(join(blobs, largest), 300_000);
    const [layer = ""] = readdirSync(join(tare.dataRoot, `storage/${driver}/layers`)).filter((name) =>
      readdirSync(join(tare.dataRoot, `storage/${driver}/layers`, name, "fs")).includes("bin"),
    );
    const program = join(tare.dataRoot, `storage/${driver}/layers`, layer, "fs/bin/busybox");
    const before = statSync(program);
    flip(program, 5000);
    const tree = await tare.tare(["system", "check", "--verify"]);
    expect(tree.stdout).toContain(`layer ${layer.slice(0, 12)} of busybox:latest: cannot verify it`);
    flip(program, 5000);
    const time = await tare.tare(["system", "check", "--verify"]);
    expect(time.stdout).toContain('"bin/busybox" was modified at another time');
    utimesSync(program, before.atime, before.mtime);
    chmodSync(program, 0o4755);
    const rights = await tare.tare(["system", "check", "--verify"]);
    expect(rights.stdout).toContain(
      `layer ${layer.slice(0, 12)} of busybox:latest: cannot verify it: "bin/busybox" has mode 4755 in place of 0755`,
    );
    chmodSync(program, before.mode);
    expect(await run("system", "check", "--verify")).toContain("in order");
  });
});
