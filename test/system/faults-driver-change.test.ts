import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { connectTo } from "../../src/library/connected-engine.ts";
import { driverChangePoints } from "../support/fault-driver-change.ts";
import { dieAt, expectNothingLeft, killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { Installation, isRoot } from "../support/tare.ts";

describe.skipIf(!isRoot)("an engine that is killed while its storage driver is changed", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["--storage-driver", "overlay", "load", "-i", busyboxArchive()]);
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
  });

  const drivers = ["overlay", "erofs", "vfs"] as const;
  const layersOf = (driver: string): readonly string[] => {
    const path = `${tare.dataRoot}/storage/${driver}/layers`;
    return existsSync(path) ? readdirSync(path) : [];
  };
  const present = async (): Promise<string> => await tare.must(["info", "-f", "{{.Driver}}"]);

  test.each(driverChangePoints.map((point, index) => [point, drivers[(index + 1) % 3] as string] as const))(
    "at %s to %s loses nothing, and the next one goes on",
    async (fault, wanted) => {
      const before = await present();
      expect(before).not.toBe(wanted);
      await tare.must(["system", "settle"]);
      killDaemon(tare);
      await dieAt(tare, {
        args: ["--storage-driver", wanted, "create", "--name", "made", "busybox", "true"],
        fault,
      });
      // Whoever asks for nothing gets the driver that it had come to, with all images.
      expect([before, wanted]).toContain(await present());
      expect(await tare.must(["images", "-q"])).not.toBe("");
      await tare.must(["rm", "-f", "made"]).catch(() => undefined);
      // A layer that is not in it yet comes out of its blob, and is no loss.
      expect(await tare.must(["system", "check", "--verify"])).toBe("Everything is in order.");
      expect(await tare.must(["run", "--rm", "busybox", "echo", "here"])).toBe("here");
      await tare.must(["system", "settle"]);
      // And the change is made once more.
      await tare.must(["daemon", "stop"]);
      expect(await tare.must(["--storage-driver", wanted, "run", "--rm", "busybox", "echo", "there"])).toBe(
        "there",
      );
      expect(await present()).toBe(wanted);
      await tare.must(["system", "settle"]);
      for (const driver of drivers)
        expect([driver, layersOf(driver).length > 0]).toEqual([driver, driver === wanted]);
      expect(await tare.must(["system", "check", "--verify"])).toBe("Everything is in order.");
      await using engine = await connectTo(`unix://${tare.socket}`);
      await expectNothingLeft({ tare, engine });
    },
  );
});
