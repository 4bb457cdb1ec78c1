import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { parseDevicemapperOptions } from "../../../src/storage/devicemapper/devicemapper-options.ts";
import {
  devicePrefix,
  openSettings,
  writeSettings,
} from "../../../src/storage/devicemapper/pool-settings.ts";
import {
  availableBytes,
  describeShortage,
  findShortage,
  formatPoolTable,
  parsePoolStatus,
  parsePoolTable,
  chooseGrowth,
} from "../../../src/storage/devicemapper/pool-use.ts";
import { openStorage } from "../../../src/storage/drivers.ts";
import { Scratch } from "../../support/scratch.ts";

const mebibyte = 2 ** 20;

describe("parseDevicemapperOptions()", () => {
  test("reads Docker's names; the last of a name counts", () => {
    expect(
      parseDevicemapperOptions([
        "dm.loopdatasize=2g",
        "dm.loopmetadatasize=16m",
        "dm.loopdatamax=4g",
        "dm.basesize=1g",
        "dm.basesize=20G",
        "dm.fs=xfs",
        "dm.min_free_space=5%",
      ]),
    ).toEqual({
      loopDataBytes: 2 ** 31,
      loopMetadataBytes: 16 * mebibyte,
      loopDataMostBytes: 2 ** 32,
      baseBytes: 20 * 2 ** 30,
      filesystem: "xfs",
      leastFreePercent: 5,
    });
    expect(parseDevicemapperOptions(["dm.thinpooldev=/dev/mapper/vg-pool"])).toEqual({
      thinPoolDevice: "vg-pool",
    });
    expect(parseDevicemapperOptions([])).toEqual({});
  });

  test.each([
    ["dm.speed=1", /"dm.speed": the driver devicemapper has no such option \(known: dm.thinpooldev, dm.loop/],
    ["constructor=1", /"constructor": the driver devicemapper has no such option/],
    ["size=1g", /"size": the driver devicemapper has no such option/],
    [
      "dm.directlvm_device=/dev/sdb",
      /not needed here: make the pool with LVM, then name it by dm.thinpooldev/,
    ],
    ["dm.use_deferred_removal=true", /not needed here: devices are always removed so/],
    ["dm.fs", /"dm.fs": it has no value/],
    ["dm.fs=zfs", /"dm.fs=zfs": "zfs" is no file system for it \(ext4, xfs\)/],
    ["dm.basesize=1m", /"dm.basesize=1m": "1m" is less than 16m/],
    ["dm.basesize=much", /"dm.basesize=much": cannot read size "much"/],
    ["dm.min_free_space=100%", /no percentage from 0% to 99%/],
    ["dm.min_free_space=10", /no percentage/],
    ["dm.thinpooldev=/dev/sda1", /no name of a mapped device \(dmsetup ls/],
  ])("refuses %s in a sentence", (option, sentence) => {
    expect(() => parseDevicemapperOptions([option])).toThrow(sentence);
    expect(() => parseDevicemapperOptions([option])).toThrow(/^cannot use the storage option "/);
  });

  test("refuses what does not go together", () => {
    expect(() => parseDevicemapperOptions(["dm.thinpooldev=p", "dm.loopdatasize=1g"])).toThrow(
      'cannot use the storage option "dm.loopdatasize" together with "dm.thinpooldev"',
    );
    expect(() => parseDevicemapperOptions(["dm.fs=xfs", "dm.basesize=299m"])).toThrow("xfs needs 300m");
  });

  test("other drivers have none", async () => {
    await expect(
      openStorage("/nowhere", { driver: "vfs", storageOptions: ["dm.fs=xfs"] }),
    ).rejects.toMatchObject({
      kind: "invalid",
      message:
        'cannot use the storage option "dm.fs=xfs": the storage driver vfs has no options (those of devicemapper begin with dm.)',
    });
  });
});

describe("tables and status of a pool", () => {
  test("writes wait where the pool can grow, else they fail at once", () => {
    const table = { metadata: "7:0", data: "7:1", lowBlocks: 51 };
    expect(formatPoolTable({ ...table, waits: false })).toBe("7:0 7:1 128 51 1 error_if_no_space");
    expect(formatPoolTable({ ...table, waits: true })).toBe("7:0 7:1 128 51 0");
    expect(parsePoolTable("7:0 7:1 256 0 1 skip_block_zeroing")).toEqual({
      metadata: "7:0",
      data: "7:1",
      blockSectors: 256,
    });
    expect(() => parsePoolTable("linear")).toThrow("cannot read the table of a thin pool");
  });

  test.each([
    ["1 10/512 20/1024 - rw discard_passdown error_if_no_space - 1024", "writable"],
    ["0 10/512 20/1024 - out_of_data_space no_discard_passdown queue_if_no_space - 1024", "full"],
    ["0 10/512 20/1024 7 ro discard_passdown error_if_no_space needs_check 1024", "read-only"],
  ] as const)("%s", (status, mode) => {
    expect(parsePoolStatus(status, { blockSectors: 128 })).toEqual({
      dataUsedBytes: 20 * 65_536,
      dataTotalBytes: 64 * mebibyte,
      metadataUsedBytes: 40_960,
      metadataTotalBytes: 2 * mebibyte,
      mode,
    });
  });

  test("a pool that has failed says only that", () => {
    expect(parsePoolStatus("Fail", { blockSectors: 128 })).toMatchObject({
      mode: "failed",
      dataTotalBytes: 0,
    });
  });
});

describe("room in a pool", () => {
  const use = {
    dataUsedBytes: 80 * mebibyte,
    dataTotalBytes: 100 * mebibyte,
    metadataUsedBytes: mebibyte,
    metadataTotalBytes: 2 * mebibyte,
    mode: "writable",
  } as const;
  const find = (
    changes: Partial<typeof use> | { readonly [name in keyof typeof use]?: number },
    disk?: { readonly availableBytes: number; readonly allocatedUnusedBytes: number },
  ): string | undefined => findShortage({ ...use, ...changes } as typeof use, { disk, leastFreePercent: 10 });

  test("findShortage() stops before data or metadata are full", () => {
    expect(find({})).toBeUndefined();
    expect(find({ dataUsedBytes: 89 * mebibyte })).toBeUndefined();
    expect(find({ dataUsedBytes: 90 * mebibyte })).toBe("data");
    expect(find({ metadataUsedBytes: 1.9 * mebibyte })).toBe("metadata");
    expect(
      findShortage({ ...use, dataUsedBytes: 99 * mebibyte }, { disk: undefined, leastFreePercent: 0 }),
    ).toBe(undefined);
  });

  test("findShortage() and availableBytes() count what the disk below has", () => {
    const little = { availableBytes: 3 * mebibyte, allocatedUnusedBytes: 2 * mebibyte };
    expect(availableBytes(use, little)).toBe(5 * mebibyte);
    expect(availableBytes(use, undefined)).toBe(20 * mebibyte);
    expect(find({}, little)).toBe("disk");
    expect(find({}, { ...little, allocatedUnusedBytes: 12 * mebibyte })).toBeUndefined();
  });

  test("describeShortage() says what helps", () => {
    const say = (shortage: "data" | "disk" | "metadata", isFile: boolean): string =>
      describeShortage(shortage, { use, leastFreePercent: 10, isFile });
    expect(say("data", true)).toBe(
      "of the thin pool's data 20.97MB of 104.9MB are free, not more than dm.min_free_space (10%) asks for: " +
        "remove images or containers, or enlarge it with --storage-opt dm.loopdatasize",
    );
    expect(say("metadata", false)).toContain("enlarge the pool (lvextend --poolmetadatasize)");
    expect(say("disk", true)).toContain("or free space on that disk");
  });

  test("chooseGrowth() takes a fifth, 64 MiB at least, and never more than the most", () => {
    expect(chooseGrowth(2 ** 30, { mostBytes: 2 ** 31 })).toBe(Math.ceil(2 ** 30 * 1.2));
    expect(chooseGrowth(64 * mebibyte, { mostBytes: 2 ** 31 })).toBe(128 * mebibyte);
    expect(chooseGrowth(64 * mebibyte, { mostBytes: 100 * mebibyte })).toBe(100 * mebibyte);
    expect(chooseGrowth(128 * mebibyte, { mostBytes: 100 * mebibyte })).toBe(128 * mebibyte);
  });
});

describe("settings of a pool", () => {
  test("are kept, and options that contradict them are refused", () => {
    using scratch = new Scratch("settings");
    const directory = scratch.join("pool");
    const first = openSettings(directory, {});
    expect(openSettings(directory, {})).toEqual(first);
    writeSettings(directory, {
      ...first,
      base: { id: 5, bytes: 2 ** 30, filesystem: "ext4", hasQuotas: true },
    });
    expect(openSettings(directory, { filesystem: "ext4", baseBytes: 2 ** 30 }).base?.id).toBe(5);
    expect(() => openSettings(directory, { filesystem: "xfs" })).toThrow(
      'cannot use the storage option "dm.fs=xfs": this data root was created with ext4; leave the option out, or take another --data-root',
    );
    expect(() => openSettings(directory, { baseBytes: 2 ** 31 })).toThrow('"dm.basesize=2147483648"');
    expect(() => openSettings(directory, { thinPoolDevice: "p" })).toThrow("a pool in files of its own");
  });

  test("a copy of a data root has devices of other names", () => {
    using scratch = new Scratch("settings");
    for (const name of ["a", "b"]) mkdirSync(scratch.join(name));
    const settings = { seed: "0123" };
    const prefix = devicePrefix(settings, scratch.join("a"));
    expect(prefix).toMatch(/^tare-[0-9a-f]{12}$/);
    expect(devicePrefix(settings, scratch.join("a"))).toBe(prefix);
    expect(devicePrefix(settings, scratch.join("b"))).not.toBe(prefix);
  });
});
