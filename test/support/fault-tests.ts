import { afterAll, beforeAll, describe, test } from "bun:test";
import type { FaultPoint } from "../../src/base/fault.ts";
import { crashAt, type FaultOperation } from "./fault-run.ts";
import { busyboxArchive } from "./images.ts";
import { type DiskKind, SmallDisk } from "./small-disk.ts";
import { Installation, isRoot } from "./tare.ts";

/** One test for each point of each operation, all in one installation. */
export function describeFaults(
  title: string,
  operations: Readonly<Record<string, FaultOperation>>,
  {
    storageDriver = "overlay",
    disk: kind,
  }: {
    readonly storageDriver?: string;
    /** For a data root on a file system of its own. */
    readonly disk?: DiskKind;
  } = {},
): void {
  describe.skipIf(!isRoot)(`an engine that is killed during ${title}`, () => {
    let tare: Installation;
    let disk: SmallDisk | undefined;
    let count = 0;
    beforeAll(async () => {
      if (kind !== undefined) disk = new SmallDisk(kind, { mebibytes: 512 });
      tare = new Installation(disk === undefined ? {} : { dataRoot: `${disk.path}/data` });
      // The data root remembers it.
      await tare.must(["--storage-driver", storageDriver, "load", "-i", busyboxArchive()]);
    });
    afterAll(async () => {
      await tare[Symbol.asyncDispose]();
      disk?.[Symbol.dispose]();
    });

    for (const [name, operation] of Object.entries(operations)) {
      const points = Object.keys(operation.points) as FaultPoint[];
      test.each(points)(`${name}, at %s, leaves nothing that the next does not put right`, async (point) => {
        await crashAt(tare, operation, { point, name: `fault-${count++}` });
      });
    }
  });
}
