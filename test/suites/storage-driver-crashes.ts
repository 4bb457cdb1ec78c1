import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { sleep } from "../../src/base/deadline.ts";
import type { FaultPoint } from "../../src/base/fault.ts";
import { digestOf } from "../../src/spec/digest.ts";
import { makeTar } from "../support/tar-of-files.ts";
import { Scratch } from "../support/scratch.ts";
import type { DriverUnderTest } from "./storage-driver-under-test.ts";

/** Every step → the points that drivers come by in it; each comes by some of them. */
const steps: Readonly<Record<string, readonly FaultPoint[]>> = {
  layer: ["layer.synced", "layer.named"],
  snapshot: ["thin.noted", "thin.made", "view.merged", "snapshot.copied", "snapshot.drafted"],
  view: ["view.merged"],
  "remove-snapshot": ["trash.renamed", "thin.deleted"],
  "remove-layer": ["trash.renamed"],
};

export const crashPoints: readonly FaultPoint[] = Object.values(steps).flat();

const names: readonly string[] = Array.from({ length: 300 }, (_, index) => `f${index}`);

/** Engines that are killed in the middle, and what the next one finds. */
export function testStorageCrashes(under: DriverUnderTest): void {
  const { at } = under;
  const makeContent = (): Buffer =>
    makeTar((root) => {
      mkdirSync(`${root}/dir`);
      for (const name of names) writeFileSync(`${root}/dir/${name}`, name);
    });

  /** Resolves to the signal that ended it, null when it came to its end. */
  async function run(
    step: string,
    { tar, fault, killMs }: { readonly tar: string; readonly fault?: FaultPoint; readonly killMs?: number },
  ): Promise<unknown> {
    const child = Bun.spawn(
      [
        process.execPath,
        `${import.meta.dir}/../support/storage-steps.ts`,
        under.dataRoot,
        under.driver,
        step,
        tar,
      ],
      {
        env: { ...process.env, ...(fault === undefined ? {} : { TARE_FAULT: fault }) },
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    if (killMs !== undefined) {
      await sleep(killMs);
      child.kill("SIGKILL");
    }
    await child.exited;
    return child.signalCode;
  }

  /** All is whole that is there, and nothing else is left. */
  async function expectSound(): Promise<void> {
    const storage = await under.reopen();
    await storage.settle();
    expect(await storage.health()).toEqual([]);
    const places = `${under.dataRoot}/storage/${under.driver}`;
    expect(readdirSync(`${places}/drafts`)).toEqual([]);
    expect(readdirSync(`${places}/prewarmed`)).toEqual([]);
    expect(readdirSync(`${places}/trash`)).toEqual([]);
    for (const layer of storage.listLayers()) {
      using view = await storage.viewLayers([layer]);
      expect(readdirSync(at(view, "dir"))).toHaveLength(names.length);
    }
    for (const id of await storage.listSnapshots()) {
      using mounted = await storage.mountSnapshot(id);
      expect(readdirSync(at(mounted.mount, "dir"))).toHaveLength(names.length);
      expect(await storage.listChanges(id)).toEqual([]);
    }
  }

  test("a driver that is killed at any step is sound when it is opened again, and the step works then", async () => {
    using scratch = new Scratch("crash");
    const tar = scratch.join("tar");
    const content = makeContent();
    writeFileSync(tar, content);
    await under.storage[Symbol.asyncDispose]();
    for (const [step, points] of Object.entries(steps)) {
      let crashes = 0;
      for (const fault of points) {
        if ((await run(step, { tar, fault })) !== "SIGKILL") {
          // Drivers do not come by all points: then the step was done, and is undone for the next one.
          await undo(step, content);
          continue;
        }
        crashes++;
        await expectSound();
        await undo(step, content);
      }
      if (step !== "view") expect(`${step}: ${crashes}`).not.toBe(`${step}: 0`);
      await under.reopen();
      if (step !== "view") expect(await run(step, { tar })).toBeNull();
    }
    await expectSound();
  });

  /** What a step needs to be done once more. */
  async function undo(step: string, content: Uint8Array): Promise<void> {
    const storage = await under.reopen();
    if (step === "layer") await storage.removeLayer(digestOf(content));
    if (step === "snapshot") await storage.removeSnapshot("s");
    if (step === "remove-layer" && !storage.hasLayer(digestOf(content))) await under.addTar(content);
    if (step === "remove-snapshot" && !(await storage.listSnapshots()).includes("s")) {
      await storage.createSnapshot("s", [digestOf(content)]);
    }
    await storage.settle();
  }

  test("a driver that is killed at any moment is sound when it is opened again", async () => {
    using scratch = new Scratch("crash");
    const tar = scratch.join("tar");
    writeFileSync(tar, makeContent());
    await under.storage[Symbol.asyncDispose]();
    for (const killMs of [80, 150, 220, 290, 360, 430]) {
      expect(await run("all", { tar, killMs })).toBe("SIGKILL");
      await expectSound();
      for (const id of await under.storage.listSnapshots()) await under.storage.removeSnapshot(id);
    }
  });
}
