/** What waits for its time on a disk that is fuller than `--gc` allows. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../support/patience.ts";
import { bulkLayer, type PlacedImage, placeImage } from "../support/registry-images.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

describe.skipIf(!isRoot)("a disk that becomes full", () => {
  test("gives back what failed pulls have left, the oldest first, down to the lower mark, and no image", async () => {
    using disk = new SmallDisk("ext4", { mebibytes: 96 });
    await using registry = await TestRegistry.start();
    const dataRoot = join(disk.path, "data");
    mkdirSync(dataRoot);
    await using tare = new Installation({ dataRoot });
    const gc = ["--gc", "grace=1h,high=85%,low=60%"];
    const layers = (): number => readdirSync(join(dataRoot, "storage/overlay/layers")).length;
    const usedPercent = (): number => {
      const { blocks, bfree, bavail } = statfsSync(disk.path);
      return ((blocks - bfree) * 100) / (blocks - bfree + bavail);
    };
    /** Its lower layer comes, the other one doesn't; whoever wanted it gives up. */
    const failing = async (name: string): Promise<PlacedImage> => {
      const image = placeImage(registry, {
        repository: name,
        layers: [bulkLayer(6, name), bulkLayer(1, "never")],
      });
      const [, never = ""] = image.layers;
      registry.fault = ({ url }) => (url.endsWith(never) ? { kind: "stall", afterBytes: 0 } : undefined);
      const before = layers();
      const pulling = tare.tare([...gc, "pull", image.name], { timeoutMs: 5000 });
      await poll(() => (layers() > before ? true : undefined), {
        everyMs: 20,
        timeoutMs: 30_000,
        what: "see the layer come",
      });
      expect((await pulling).status).toBe(null);
      registry.fault = undefined;
      await tare.must(["system", "settle"]);
      expect(layers()).toBe(before + 1);
      return image;
    };
    const kept = placeImage(registry, { repository: "kept", layers: [bulkLayer(4, "kept")] });
    await tare.must([...gc, "pull", "-q", kept.name]);
    const oldest = await failing("oldest");
    await Bun.sleep(20);
    const newest = await failing("newest");
    expect(usedPercent()).toBeLessThan(60);
    expect(layers()).toBe(3);
    // They are what lies between the two marks.
    const { bavail, bsize } = statfsSync(disk.path);
    disk.fill(Math.floor(bavail * bsize * 0.2));
    expect(usedPercent()).toBeGreaterThan(85);
    const small = placeImage(registry, { repository: "small", layers: [bulkLayer(1, "small")] });
    const sentBefore = registry.sentBlobBytes;
    await tare.must([...gc, "pull", "-q", small.name]);
    await tare.must(["system", "settle"]);
    expect(registry.sentBlobBytes - sentBefore).toBe(small.blobBytes);
    // 12 MB each with their blobs: without either it is still above 60 %.
    expect(layers()).toBe(2);
    expect(await tare.must(["images", "-q"])).not.toBe("");
    expect((await tare.must(["images", "--format", "{{.Repository}}"])).split("\n").length).toBe(2);
    disk.empty();
    // What had to go comes anew, whole.
    const sent = registry.sentBlobBytes;
    await tare.must([...gc, "pull", "-q", oldest.name]);
    expect(registry.sentBlobBytes - sent).toBe(oldest.blobBytes);
    await tare.must([...gc, "pull", "-q", newest.name]);
    expect(await tare.must(["system", "check"])).toContain("in order");
  }, 120_000);
});
