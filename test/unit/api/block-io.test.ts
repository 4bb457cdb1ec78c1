import { expect, test } from "bun:test";
import { formatBlockIo, parseBlockIo } from "../../../src/api/container/block-io.ts";
import { parseLimits } from "../../../src/api/container/limits.ts";

const fields = {
  BlkioWeight: 300,
  BlkioWeightDevice: [{ Path: "/dev/a", Weight: 20 }],
  BlkioDeviceReadBps: [
    { Path: "/dev/a", Rate: 1 },
    { Path: "/dev/b", Rate: 2 },
  ],
  BlkioDeviceWriteBps: [{ Path: "/dev/b", Rate: 3 }],
  BlkioDeviceReadIOps: [{ Path: "/dev/b", Rate: 4 }],
  BlkioDeviceWriteIOps: [{ Path: "/dev/a", Rate: 5 }],
};

test("parseBlockIo() gathers the lists by device, and formatBlockIo() gives them back", () => {
  const planned = parseBlockIo(fields);
  expect(planned).toEqual({
    weight: 300,
    devices: [
      { path: "/dev/a", weight: 20, readBps: 1, writeIops: 5 },
      { path: "/dev/b", readBps: 2, writeBps: 3, readIops: 4 },
    ],
  });
  expect(formatBlockIo(planned ?? {})).toEqual(fields);
});

test("parseBlockIo() is undefined when nothing is asked for", () => {
  expect(parseBlockIo({ BlkioWeight: 0, BlkioDeviceReadBps: [], BlkioWeightDevice: null })).toBeUndefined();
  expect(formatBlockIo({})).toEqual({});
});

test("parseLimits() tells a swappiness of 0 from none, and drops kernel memory", () => {
  expect(parseLimits({ MemorySwappiness: 0, KernelMemory: 5 })).toEqual({ memorySwappiness: 0 });
  expect(parseLimits({ MemorySwappiness: -1 })).toEqual({});
  expect(parseLimits({ MemorySwappiness: null })).toEqual({});
});

test("parseLimits() takes huge pages with units, and refuses what is no size", () => {
  const limits = (HugePageLimits: Record<string, string>) => parseLimits({ Tare: { HugePageLimits } });
  expect(limits({ "2MB": "4m" })).toEqual({ hugePages: { "2MB": 4 << 20 } });
  expect(() => limits({ "2MB": "many" })).toThrow('bad format "2MB=many"');
});
