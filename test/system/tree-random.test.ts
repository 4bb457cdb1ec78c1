import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { Failure } from "../../src/base/failure.ts";
import { openDirectoryPath } from "../../src/linux/files/open.ts";
import { Descent } from "../../src/linux/tree/internal/descent.ts";
import { layerItem, layerOf } from "../support/random-layer.ts";
import { memoryDirectory, Scratch } from "../support/scratch.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { describeTree, openDescriptors, unpackAt } from "../support/unpack.ts";

const hostileName = fc
  .array(
    fc.constantFrom("a", "b", "l", "..", ".", "", ".wh.a", ".wh.l", ".wh..wh..opq", "outside", "secret"),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((parts) => parts.join("/"));
const hostileTarget = fc.constantFrom(
  "a",
  "b",
  "l",
  "a/b",
  "..",
  "../outside",
  "../outside/secret",
  "OUT",
  "OUT/secret",
  "/",
  ".",
);
const hostileEntry = fc.record({
  name: hostileName,
  flag: fc.constantFrom("0", "1", "2", "3", "5", "6"),
  link: hostileTarget,
  mode: fc.constantFrom(0o777, 0o4755),
});

describe("unpackLayer() with random layers", () => {
  test("unpackLayer() lets no random hostile archive out, and fails with nothing but a Failure", async () => {
    using scratch = new Scratch("random", memoryDirectory);
    mkdirSync(scratch.join("outside"));
    writeFileSync(scratch.join("outside/secret"), "secret", { mode: 0o600 });
    const before = describeTree(scratch.join("outside"));
    const parentMode = lstatSync(scratch.path).mode;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(hostileEntry, { minLength: 2, maxLength: 10 }),
        fc.constantFrom("strict" as const, "docker" as const),
        fc.constantFrom("overlay" as const, "aufs" as const, "remove" as const, "plain" as const),
        async (entries, names, whiteouts) => {
          const builder = new TarBuilder();
          for (const { name, flag, link, mode } of entries) {
            const target = link.replace("OUT", scratch.join("outside"));
            const isFile = flag === "0";
            builder.header({ name, flag, link: target, mode, size: isFile ? 4 : 0, major: 1, minor: 3 });
            if (isFile) builder.raw("evil");
          }
          run += 1;
          try {
            await unpackAt(scratch.join(`root${run}`), builder.end(), { names, whiteouts });
          } catch (thrown) {
            if (!(thrown instanceof Failure)) throw thrown;
            expect(["invalid", "corrupt"]).toContain(thrown.kind);
          }
          expect(describeTree(scratch.join("outside"))).toEqual(before);
          expect(lstatSync(scratch.path).mode).toBe(parentMode);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("unpackLayer() into a full tree gives what overlay shows of the layers", async () => {
    using scratch = new Scratch("random", memoryDirectory);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(layerItem, { maxLength: 12 }), { minLength: 2, maxLength: 3 }),
        async (layers) => {
          run += 1;
          const at = (name: string): string => scratch.join(`${run}-${name}`);
          const lowers: string[] = [];
          for (const [index, items] of layers.entries()) {
            const archive = layerOf(items);
            await unpackAt(at(`layer${index}`), archive);
            await unpackAt(at("full"), archive, { whiteouts: "remove" });
            lowers.unshift(at(`layer${index}`));
          }
          mkdirSync(at("merged"));
          const options = `lowerdir=${lowers.join(":")}`;
          const mounted = spawnSync("mount", ["-t", "overlay", "overlay", "-o", options, at("merged")]);
          expect(mounted.stderr.toString()).toBe("");
          try {
            const facts = { times: false, links: false };
            expect(describeTree(at("full"), facts)).toEqual(describeTree(at("merged"), facts));
          } finally {
            spawnSync("umount", [at("merged")]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("Descent", () => {
  test("Descent does not go up into a directory that is not the one it came from", () => {
    using scratch = new Scratch("random", memoryDirectory);
    const levels = Array.from({ length: 80 }, (_, at) => `d${at}`);
    mkdirSync(scratch.join(...levels), { recursive: true });
    mkdirSync(scratch.join("elsewhere"));
    using descent = new Descent(openDirectoryPath(scratch.path).move());
    for (const level of levels) descent.down(level);
    renameSync(scratch.join(...levels.slice(0, 11)), scratch.join("elsewhere/moved"));
    expect(() => {
      while (descent.depth > 1) descent.up();
    }).toThrow("moved meanwhile");
  });
});

let descriptors: string[] = [];
beforeAll(() => {
  descriptors = openDescriptors();
});
afterAll(() => {
  expect(openDescriptors()).toEqual(descriptors);
});
