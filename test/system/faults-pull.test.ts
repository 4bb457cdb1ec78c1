import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sleep } from "../../src/base/deadline.ts";
import { connectTo } from "../../src/library/connected-engine.ts";
import { dieAt, expectNothingLeft, killDaemon } from "../support/fault-run.ts";
import { lateFrom, pullPoints } from "../support/fault-pull.ts";
import { busyboxRootfsTar, tarOf } from "../support/images.ts";
import { placeImage } from "../support/registry-images.ts";
import { Installation, isRoot } from "../support/tare.ts";
import { TestRegistry } from "../support/test-registry.ts";

/** A count once it has stopped growing: the registry notices a moment later that nobody takes its bytes any more. */
async function whenQuiet(count: () => number): Promise<number> {
  for (let seen = count(); ; seen = count()) {
    await sleep(100);
    if (count() === seen) return seen;
  }
}

describe.skipIf(!isRoot)("an engine that is killed during a pull", () => {
  let tare: Installation;
  let registry: TestRegistry;
  /** Of the lowest layer, which is there already. */
  let baseBytes: number;
  const report: string[] = [];

  beforeAll(async () => {
    tare = new Installation();
    registry = await TestRegistry.start();
    registry.pauseMs = 2;
    const image = placeImage(registry, { repository: "base", layers: [readFileSync(busyboxRootfsTar())] });
    baseBytes = registry.blobs.get(image.layers[0] ?? "")?.length ?? 0;
    await tare.must(["pull", image.name]);
  });
  afterAll(async () => {
    console.log(`bytes fetched twice, by where the engine was killed:\n${report.join("\n")}`);
    await registry[Symbol.asyncDispose]();
    await tare[Symbol.asyncDispose]();
  });

  /** Of a blob, whole or in part. */
  const keptBytes = (digest: string): number =>
    [`blobs/${digest.replace(":", "/")}`, `partial/${digest.replace(":", "-")}`]
      .map((path) => statSync(join(tare.dataRoot, "content", path), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0);
  const random = (megabytes: number): Buffer =>
    Buffer.concat(
      Array.from({ length: megabytes * 16 }, () => crypto.getRandomValues(new Uint8Array(65_536))),
    );
  const sumOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

  test.each(pullPoints.map((point, index) => [point, index] as const))(
    "at %s, leaves what the next pull goes on with",
    async (point, index) => {
      const contents = [random(6), random(4), random(2)];
      const image = placeImage(registry, {
        repository: `killed/p${index}`,
        layers: [
          readFileSync(busyboxRootfsTar()),
          ...contents.map((bytes, at) => tarOf([[`random-${at}`, bytes]])),
        ],
      });
      const before = registry.sentBlobBytes;
      killDaemon(tare);
      // The first blob is the config.
      const fault = point.startsWith("blob.") && point !== "blob.part" ? (`${point}:2` as const) : point;
      await dieAt(tare, { args: ["pull", image.name], fault });
      const first = (await whenQuiet(() => registry.sentBlobBytes)) - before;
      const needed = image.blobBytes - baseBytes;
      const kept = [...image.layers.slice(1), image.config].reduce(
        (sum, digest) => sum + keptBytes(digest),
        0,
      );
      expect(await tare.must(["pull", "-q", image.name])).toBe(image.name);
      const second = registry.sentBlobBytes - before - first;
      // What was on its way, or not written yet, comes twice; nothing of what was on the disk.
      expect(second).toBe(needed - kept);
      if (index >= lateFrom) expect(second).toBe(0);
      report.push(`  ${point}: ${first} of ${needed} had been sent, ${first + second - needed} came twice`);
      expect(readdirSync(join(tare.dataRoot, "content/partial"))).toEqual([]);
      const sums = await tare.must(["run", "--rm", image.name, "sh", "-c", "sha256sum /random-*"]);
      expect(sums.split("\n").map((line) => line.slice(0, 64))).toEqual(contents.map(sumOf));
      await using engine = await connectTo(`unix://${tare.socket}`);
      await expectNothingLeft({ tare, engine });
    },
  );

  test("twice in the same pull, the third engine keeps nothing that nobody came for", async () => {
    const image = placeImage(registry, {
      repository: "killed/twice",
      layers: [tarOf([["a", random(1)]]), tarOf([["b", "b"]])],
    });
    const layers = (): number => readdirSync(join(tare.dataRoot, "storage/overlay/layers")).length;
    await tare.must(["system", "settle"]);
    const before = layers();
    killDaemon(tare);
    await dieAt(tare, { args: ["pull", image.name], fault: "pull.documents" });
    await tare.must(["system", "settle"]);
    expect(layers()).toBe(before + 2); // they wait for the next pull
    expect(await tare.must(["system", "check"])).toContain("in order");
    killDaemon(tare);
    await tare.must(["system", "settle"]);
    expect(layers()).toBe(before);
  });
});
