import { describe, expect, test } from "bun:test";
import { medianOf, resolveBench } from "../../../src/engine/storage-bench/resolve-bench.ts";
import { sampleLayer } from "../../../src/engine/storage-bench/sample-layer.ts";
import { TarReader } from "../../../src/spec/tar.ts";

const MEBIBYTE = 1024 * 1024;
const room = { availableBytes: 1e12 };

describe("resolveBench()", () => {
  test("halves the layer into one file and small ones; quick is smaller in everything", () => {
    const whole = resolveBench({}, room);
    const quick = resolveBench({ quick: true }, room);
    expect(whole).toMatchObject({
      sizeBytes: 64 * MEBIBYTE,
      largeFileBytes: 32 * MEBIBYTE,
      smallFiles: 4096,
    });
    for (const name of ["sizeBytes", "smallFiles", "containers", "runs"] as const)
      expect(quick[name]).toBeLessThan(whole[name]);
    expect(resolveBench({ quick: true, sizeBytes: 2 * MEBIBYTE, containers: 7 }, room)).toMatchObject({
      sizeBytes: 2 * MEBIBYTE,
      smallFiles: 128,
      containers: 7,
    });
  });

  test.each([
    [{ sizeBytes: 1000 }, "the size must be from 1m to 8g, not 1kB"],
    [{ sizeBytes: -1 }, "the size must be from 1m to 8g"],
    [{ sizeBytes: Number.NaN }, "the size must be from 1m to 8g"],
    [{ containers: 0 }, "there must be 1 to 100 containers, not 0"],
    [{ containers: 1.5 }, "there must be 1 to 100 containers, not 1.5"],
  ])("refuses %p", (options, detail) => {
    expect(() => resolveBench(options, room)).toThrow(`cannot compare the storage drivers: ${detail}`);
  });

  test("refuses what would fill the disk by copies, with how much is needed", () => {
    const options = { sizeBytes: 100 * MEBIBYTE, containers: 2 };
    const neededBytes = 464 * MEBIBYTE;
    expect(resolveBench(options, { availableBytes: neededBytes }).containers).toBe(2);
    expect(() => resolveBench(options, { availableBytes: neededBytes - 1 })).toThrow(
      "up to 486.5MB are needed on the disk of the data root, and 486.5MB are free; a smaller size or fewer containers need less",
    );
  });
});

test("medianOf() takes the one in the middle, of two the lower", () => {
  expect(medianOf([9, 1, 5])).toBe(5);
  expect(medianOf([10, 2, 30, 4])).toBe(4);
});

test("sampleLayer() is a tar as the plan says, the same each time", async () => {
  const plan = resolveBench({ sizeBytes: 2 * MEBIBYTE + 4096 }, room);
  const reader = new TarReader();
  const files: { readonly path: string; readonly size: number }[] = [];
  const chunks: Uint8Array[] = [];
  for await (const chunk of sampleLayer(plan)) {
    chunks.push(chunk);
    for (const event of reader.push(chunk)) {
      if (event.kind === "entry" && event.entry.type === "file") files.push(event.entry);
    }
  }
  reader.end();
  const [large, ...small] = files;
  expect(large).toMatchObject({ path: "large", size: plan.largeFileBytes });
  expect(small).toHaveLength(plan.smallFiles);
  expect(new Set(small.map(({ path }) => path)).size).toBe(plan.smallFiles);
  expect(small.every(({ size }) => size === plan.smallFileBytes)).toBe(true);
  const again = await Array.fromAsync(sampleLayer(plan));
  expect(Buffer.concat(again).equals(Buffer.concat(chunks))).toBe(true);
});
