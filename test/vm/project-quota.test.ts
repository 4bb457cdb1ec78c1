/** Limits of size by project quota, which the kernel of a virtual machine has (scripts/vm.mjs). */
import { afterAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { Installation } from "../support/tare.ts";
import { testStorageDriver } from "../suites/storage-driver.ts";

describe.each(["ext4", "xfs"] as const)("on %s with project quotas", (kind) => {
  const disk = new SmallDisk(`${kind}-quota`, { mebibytes: kind === "xfs" ? 320 : 256 });
  afterAll(() => disk[Symbol.dispose]());

  for (const driver of ["overlay", "erofs", "vfs"] as const)
    testStorageDriver(driver, { base: disk.path, sizeLimit: "kept" });

  test("run --storage-opt size=8m keeps the limit of size", async () => {
    await using tare = new Installation({ dataRoot: `${disk.path}/engine` });
    await tare.must(["load", "-i", busyboxArchive()]);
    expect(await tare.must(["info"])).toContain("Size limits: project quota");
    const write = "dd if=/dev/zero of=/big bs=1M count=32 2>&1; echo ended";
    const said = await tare.must(["run", "--rm", "--storage-opt", "size=8m", "busybox", "sh", "-c", write]);
    expect(said).toMatch(/quota|No space/i);
    expect(said).toContain("ended");
  });
});
