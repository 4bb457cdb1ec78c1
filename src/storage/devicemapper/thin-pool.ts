import { poll } from "../../base/deadline.ts";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { O_RDONLY, O_RDWR } from "../../linux/constants/open.ts";
import type { DeviceMapperHandle, DeviceNumber, TableLine } from "../../linux/device-mapper/device-mapper.ts";
import type { DeviceNodes } from "../../linux/device-mapper/device-nodes.ts";
import { OwnedFd } from "../../linux/kernel/fd.ts";
import { takeFileSize } from "../../linux/mount/loop-device.ts";
import { statFd } from "../../linux/files/stat.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import type { StorageFinding } from "../driver.ts";
import type { DevicemapperOptions } from "./devicemapper-options.ts";
import type { PoolFiles } from "./pool-files.ts";
import {
  availableBytes,
  describeShortage,
  type DiskSpace,
  findShortage,
  formatPoolTable,
  parsePoolStatus,
  parsePoolTable,
  chooseGrowth,
  poolBlockSectors,
  type PoolUse,
  sectorBytes,
  type Shortage,
} from "./pool-use.ts";

/** An earlier life's pool goes by itself, when its last device has. */
const leavingMs = 10_000;
const usualLeastFreePercent = 10;
/** While writes may wait for space. */
const watchEveryMs = 1_000;

export interface PoolOptions {
  readonly mapper: DeviceMapperHandle;
  readonly nodes: DeviceNodes;
  /** The mapped device's name. */
  readonly name: string;
  readonly options: DevicemapperOptions;
}

/**
 * Opens the pool in two files of Tare: creates it, or takes it over if it is active (containers outlive their engine).
 * It stays while a process has it open or a device of it is in use. Then the kernel removes it with its loop devices,
 * even when this process is killed.
 */
export async function openFilePool(files: PoolFiles, given: PoolOptions): Promise<ThinPool> {
  const { mapper, name } = given;
  files.ensure(given.options);
  const hold = await poll(() => takeOver(files, given), {
    timeoutMs: leavingMs,
    what: `take the files of the thin pool "${name}" over from the loop device that has them`,
  });
  const pool = new ThinPool(given, { files, hold });
  try {
    await mapper.remove(name, { whenUnused: true });
    await pool.applySizes();
    return pool;
  } catch (thrown) {
    await pool[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** A pool that others made and keep. Throws "invalid" where it is none. */
export function openForeignPool(given: PoolOptions): ThinPool {
  const line = given.mapper.findLine(given.name, { of: "table" });
  if (line?.type !== "thin-pool") {
    const what = line === undefined ? "there is no such device" : `it is of the kind "${line.type}"`;
    throw new Failure(
      "invalid",
      `cannot use "${given.name}" as a thin pool: ${what} (dmsetup table shows all)`,
    );
  }
  return new ThinPool(given, {});
}

/** The pool's device, open; undefined: not yet. */
async function takeOver(files: PoolFiles, given: PoolOptions): Promise<OwnedFd | undefined> {
  const { mapper, nodes, name } = given;
  const found = mapper.find(name);
  if (found !== undefined) {
    if (!found.isActive) {
      await mapper.remove(name); // one that was not finished
      return undefined;
    }
    const state = found.isSuspended ? await mapper.resume(name) : found;
    return openMapped(nodes, state);
  }
  if (files.isAttached()) return undefined;
  const attached = files.attach();
  // From the table on the pool holds them.
  using _data = attached.data;
  using _metadata = attached.metadata;
  await mapper.create(name);
  try {
    await mapper.load(name, {
      sectors: Math.floor(files.sizes().dataBytes / sectorBytes / poolBlockSectors) * poolBlockSectors,
      type: "thin-pool",
      parameters: tableOf(files, given.options, {
        data: numberOf(attached.data),
        metadata: numberOf(attached.metadata),
      }),
    });
    return openMapped(nodes, await mapper.resume(name));
  } catch (thrown) {
    await mapper.remove(name);
    throw within("cannot make the thin pool", thrown);
  }
}

function numberOf(device: OwnedFd): string {
  const { major, minor } = statFd(device.fd);
  return `${major}:${minor}`;
}

/** Undefined: it has gone in the moment. */
export function openMapped(
  nodes: DeviceNodes,
  device: DeviceNumber,
  flags: number = O_RDONLY,
): OwnedFd | undefined {
  try {
    return nodes.open("block", device, { usual: `dm-${device.minor}`, flags });
  } catch (thrown) {
    if (isErrno(thrown, "ENXIO", "ENODEV", "ENOENT")) return undefined;
    throw thrown;
  }
}

function tableOf(
  files: PoolFiles,
  { loopDataMostBytes = 0, leastFreePercent = usualLeastFreePercent }: DevicemapperOptions,
  devices: { readonly data: string; readonly metadata: string },
): string {
  const { dataBytes } = files.sizes();
  const blocks = dataBytes / sectorBytes / poolBlockSectors;
  return formatPoolTable({
    ...devices,
    lowBlocks: Math.floor((blocks * leastFreePercent) / 100),
    // Where it can be enlarged a write waits for that; else it fails at once, and nothing hangs.
    waits: dataBytes < loopDataMostBytes,
  });
}

export class ThinPool implements AsyncDisposable {
  readonly name: string;
  readonly blockSectors: number;
  readonly files: PoolFiles | undefined;
  readonly leastFreePercent: number;
  readonly #given: PoolOptions;
  readonly #lock = new KeyedLock();
  #hold: OwnedFd | undefined;
  readonly #watch: ReturnType<typeof setInterval> | undefined;
  #trouble: string | undefined;

  constructor(
    given: PoolOptions,
    { files, hold }: { readonly files?: PoolFiles | undefined; readonly hold?: OwnedFd | undefined },
  ) {
    this.name = given.name;
    this.#given = given;
    this.files = files;
    this.#hold = hold;
    this.leastFreePercent = given.options.leastFreePercent ?? usualLeastFreePercent;
    this.blockSectors = parsePoolTable(this.#table().parameters).blockSectors;
    if (this.#mostBytes > 0) {
      this.#watch = setInterval(() => void this.#growWhenShort().catch(() => undefined), watchEveryMs);
      this.#watch.unref();
    }
  }

  /** As a table names it: "253:0". */
  get number(): string {
    const state = this.#given.mapper.find(this.name);
    if (state === undefined) throw new Failure("unavailable", `the thin pool "${this.name}" is gone`);
    return `${state.major}:${state.minor}`;
  }

  use(): PoolUse {
    const line = this.#given.mapper.findLine(this.name, { of: "status" });
    return parsePoolStatus(line?.parameters ?? "", this);
  }

  /** The space for new data, for display. */
  availableBytes(use: PoolUse): number {
    return availableBytes(use, this.#disk(use));
  }

  async message(message: string): Promise<void> {
    await this.#given.mapper.message(this.name, message);
  }

  /**
   * Enlarges the pool when required and allowed. Throws "exhausted" when there is not enough space for a new operation.
   */
  async requireSpace(): Promise<void> {
    await this.#growWhenShort();
    const { use, shortage } = this.#look();
    if (use.mode === "read-only" || use.mode === "failed") {
      throw new Failure("corrupt", `the thin pool "${this.name}" takes no writes: ${brokenAdvice}`);
    }
    if (shortage === undefined) return;
    const { leastFreePercent, files } = this;
    const isFile = files !== undefined;
    throw new Failure("exhausted", describeShortage(shortage, { use, leastFreePercent, isFile }));
  }

  /** Adapts the pool to the size of its files, and to the options on waiting. Does nothing on a foreign pool. */
  async applySizes(): Promise<void> {
    const { files } = this;
    if (files === undefined) return;
    const { mapper, nodes, options } = this.#given;
    await this.#lock.run("table", async () => {
      const before = this.#table();
      const devices = parsePoolTable(before.parameters);
      for (const device of [devices.data, devices.metadata]) {
        const [major = 0, minor = 0] = device.split(":").map(Number);
        using loop = nodes.open("block", { major, minor }, { usual: `loop${minor}`, flags: O_RDWR });
        takeFileSize(loop.fd);
      }
      const blocks = Math.floor(files.sizes().dataBytes / sectorBytes / this.blockSectors);
      const sectors = blocks * this.blockSectors;
      const parameters = tableOf(files, options, devices);
      const metadataGrows = files.sizes().metadataBytes > this.use().metadataTotalBytes;
      if (sectors <= before.sectors && parameters === before.parameters && !metadataGrows) return;
      await mapper.load(this.name, { sectors, type: "thin-pool", parameters });
      await mapper.resume(this.name);
    });
  }

  findings(): readonly StorageFinding[] {
    const { use, shortage } = this.#look();
    const subject = `the thin pool "${this.name}"`;
    if (use.mode === "read-only" || use.mode === "failed")
      return [{ subject, problem: "it takes no writes", advice: brokenAdvice }];
    const { leastFreePercent, files } = this;
    return [
      ...(shortage === undefined
        ? []
        : [
            {
              subject,
              problem: "there is not enough space in it for a new operation",
              advice: describeShortage(shortage, { use, leastFreePercent, isFile: files !== undefined }),
            },
          ]),
      ...(this.#trouble === undefined
        ? []
        : [
            {
              subject,
              problem: "it could not be enlarged",
              advice: this.#trouble,
            },
          ]),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    const hold = this.#hold;
    this.#hold = undefined;
    if (hold === undefined) return; // of others, or closed already
    hold[Symbol.dispose]();
    const { mapper } = this.#given;
    // Where others have it open, or containers live on, it goes later and by itself.
    const leaving = (): true | undefined => {
      const state = mapper.find(this.name);
      if (state === undefined) return this.files?.isAttached() === true ? undefined : true;
      return state.openCount > 0 ? true : undefined;
    };
    await poll(leaving, { timeoutMs: leavingMs, what: "see the thin pool leave" }).catch(
      (thrown: unknown) => {
        if (kindOf(thrown) !== "deadline") throw thrown;
      },
    );
  }

  get #mostBytes(): number {
    return this.files === undefined ? 0 : (this.#given.options.loopDataMostBytes ?? 0);
  }

  #look(): { readonly use: PoolUse; readonly shortage: Shortage | undefined } {
    const use = this.use();
    const { leastFreePercent } = this;
    return { use, shortage: findShortage(use, { disk: this.#disk(use), leastFreePercent }) };
  }

  #disk(use: PoolUse): DiskSpace | undefined {
    return this.files?.space(use.dataUsedBytes);
  }

  async #growWhenShort(): Promise<void> {
    const { files } = this;
    if (files === undefined || this.#mostBytes === 0) return;
    const { shortage } = this.#look();
    if (shortage === undefined || shortage === "disk") return;
    const { dataBytes, metadataBytes } = files.sizes();
    const mostBytes = this.#mostBytes;
    const wanted =
      shortage === "data"
        ? { loopDataBytes: chooseGrowth(dataBytes, { mostBytes }) }
        : // Never more than a fiftieth of what the data may become is needed.
          { loopMetadataBytes: chooseGrowth(metadataBytes, { mostBytes: mostBytes / 50 }) };
    try {
      files.ensure(wanted);
      await this.applySizes();
      this.#trouble = undefined;
    } catch (thrown) {
      this.#trouble = within("enlarging it failed", thrown).message;
      throw thrown;
    }
  }

  #table(): TableLine {
    const line = this.#given.mapper.findLine(this.name, { of: "table" });
    if (line === undefined) throw new Failure("unavailable", `the thin pool "${this.name}" is gone`);
    return line;
  }
}

const brokenAdvice =
  "look into the kernel's log; then stop all, and repair it with thin_repair (Debian's package \"thin-provisioning-tools\")";
