import { afterAll, beforeAll, describe, test } from "bun:test";
import type { FaultPoint } from "../../src/base/fault.ts";
import { crashAt, type FaultOperation } from "./fault-run.ts";
import { busyboxArchive } from "./images.ts";
import { Installation, isRoot } from "./tare.ts";

/** One test for each point of each operation, all in one installation. */
export function describeFaults(
  title: string,
  operations: Readonly<Record<string, FaultOperation>>,
  { storageDriver = "overlay" }: { readonly storageDriver?: string } = {},
): void {
  describe.skipIf(!isRoot)(`an engine that is killed during ${title}`, () => {
    let tare: Installation;
    let count = 0;
    beforeAll(async () => {
      tare = new Installation();
      // The data root remembers it.
      await tare.must(["--storage-driver", storageDriver, "load", "-i", busyboxArchive()]);
    });
    afterAll(async () => {
      await tare[Symbol.asyncDispose]();
    });

    for (const [name, operation] of Object.entries(operations)) {
      const points = Object.keys(operation.points) as FaultPoint[];
      test.each(points)(`${name}, at %s, leaves nothing that the next does not put right`, async (point) => {
        await crashAt(tare, operation, { point, name: `fault-${count++}` });
      });
    }
  });
}
