import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { digestOf } from "../../src/spec/digest.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { withoutCapability } from "../support/without-capability.ts";
import { makeTar } from "../support/tar-of-files.ts";
import type { SuiteOptions } from "./storage-driver.ts";
import type { DriverUnderTest } from "./storage-driver-under-test.ts";

const CAP_SYS_RESOURCE = 24;

/** The ends of the room that there is. */
export function testStorageLimits(under: DriverUnderTest, { sizeLimit, disk }: SuiteOptions): void {
  const { at } = under;

  if (disk !== undefined)
    test("a full disk is said to be full, breaks nothing, and leaves a way out", async () => {
      using small = new SmallDisk(disk, { mebibytes: disk === "btrfs" ? 160 : 64 });
      await using storage = await under.open(small.path);
      const few = makeTar((root) => writeFileSync(`${root}/few`, "few"));
      const many = makeTar((root) => {
        for (let index = 0; index < 16; index++)
          writeFileSync(`${root}/f${index}`, Buffer.alloc(1 << 20, index));
      });
      await under.addTar(few, storage);
      await storage.createSnapshot("before", [digestOf(few)]);
      small.fill(2 << 20);
      await expect(under.addTar(many, storage)).rejects.toMatchObject({ kind: "exhausted" });
      await storage.settle();
      expect(storage.listLayers()).toEqual([digestOf(few)]);
      expect(readdirSync(`${small.path}/storage/${under.driver}/drafts`)).toEqual([]);
      {
        using mounted = await storage.mountSnapshot("before");
        expect(() => {
          for (let index = 0; index < 16; index++)
            writeFileSync(at(mounted.mount, `g${index}`), Buffer.alloc(1 << 20));
        }).toThrow("ENOSPC");
        expect(readFileSync(at(mounted.mount, "few"), "utf8")).toBe("few");
      }
      small.fill(0);
      await storage.removeSnapshot("before");
      await storage.removeLayer(digestOf(few));
      await storage.settle();
      small.empty();
      await under.addTar(many, storage);
      await storage.createSnapshot("after", [digestOf(many)]);
      using mounted = await storage.mountSnapshot("after");
      expect(readdirSync(at(mounted.mount))).toHaveLength(16);
      expect(await storage.health()).toEqual([]);
    });

  if (sizeLimit === "refused")
    test("a limit of size is refused in a sentence that says what is missing", async () => {
      await expect(under.storage.createSnapshot("s", [], { sizeBytes: 8 << 20 })).rejects.toMatchObject({
        kind: "unsupported",
        message: expect.stringMatching(/^cannot create snapshot "s": cannot limit its size: .*quota/),
      });
      expect(await under.storage.listSnapshots()).toEqual([]);
    });

  if (sizeLimit === "kept")
    test("a limit of size is kept, also after a restart, and is one snapshot's own", async () => {
      const layer = await under.addLayer((root) => writeFileSync(`${root}/image`, Buffer.alloc(1 << 20, 1)));
      await under.storage.createSnapshot("s", [layer], { sizeBytes: 8 << 20 });
      await under.storage.createSnapshot("free", [layer]);
      // Whoever has this capability, as containers don't, may write more than a limit allows.
      const fill = (root: string, files: number): void =>
        withoutCapability(CAP_SYS_RESOURCE, () => {
          for (let index = 0; index < files; index++)
            writeFileSync(`${root}f${index}`, Buffer.alloc(1 << 20, index), { flush: true });
        });
      {
        using mounted = await under.storage.mountSnapshot("s");
        fill(at(mounted.mount), 4);
        expect(() => fill(at(mounted.mount, "more-"), 16)).toThrow(/EDQUOT|ENOSPC/);
        using free = await under.storage.mountSnapshot("free");
        fill(at(free.mount), 16);
      }
      await under.reopen();
      {
        using mounted = await under.storage.mountSnapshot("s");
        expect(() => fill(at(mounted.mount, "again-"), 16)).toThrow(/EDQUOT|ENOSPC/);
        for (const name of readdirSync(at(mounted.mount)))
          if (name !== "image") rmSync(at(mounted.mount, name));
        fill(at(mounted.mount, "less-"), 2);
      }
      await under.storage.removeSnapshot("s");
      await under.storage.createSnapshot("s", [layer]);
      using mounted = await under.storage.mountSnapshot("s");
      fill(at(mounted.mount), 16);
    });
}
