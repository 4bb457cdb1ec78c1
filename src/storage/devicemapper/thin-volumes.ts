import { parseTrustedJson } from "../../base/trusted-json.ts";
import { randomInt } from "node:crypto";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { poll } from "../../base/deadline.ts";
import { Failure, kindOf, within } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { discardDevice } from "../../linux/mount/block-device.ts";
import { O_RDONLY, O_RDWR } from "../../linux/constants/open.ts";
import type { DeviceMapperHandle, DeviceNumber } from "../../linux/device-mapper/device-mapper.ts";
import type { DeviceNodes } from "../../linux/device-mapper/device-nodes.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { codeOf, fileFailure } from "../../linux/files/file-failure.ts";
import { isErrno } from "../../linux/kernel/syscall.ts";
import { sectorBytes } from "./pool-use.ts";
import { syncDirectory } from "./pool-settings.ts";
import { openMapped, type ThinPool } from "./thin-pool.ts";

/** A volume of the pool, as its user's directory records it. */
export interface Volume {
  readonly id: number;
  readonly bytes: number;
}

/** An active volume; disposing of it lets it go as soon as nothing else uses it. */
export interface ActiveVolume extends Disposable {
  readonly device: DeviceNumber;
  /** Open for what it was asked for. */
  readonly fd: number;
}

/** 24 bits; below are the ids that LVM gives in a pool. */
const lowestId: number = 1 << 20;
const highestId: number = 1 << 24;
const attempts = 64;
/** For one that was closed a moment ago. */
const closingMs = 500;
const busyMs = 10_000;

/**
 * Tare's volumes of a pool. The id of each becomes a file name in `ids` before the volume exists, so that a volume
 * without a record after a crash is found.
 */
export class ThinVolumes {
  readonly prefix: string;
  readonly #pool: ThinPool;
  readonly #mapper: DeviceMapperHandle;
  readonly #nodes: DeviceNodes;
  readonly #ids: string;
  readonly #lock = new KeyedLock();

  constructor(
    pool: ThinPool,
    {
      mapper,
      nodes,
      prefix,
      ids,
    }: {
      readonly mapper: DeviceMapperHandle;
      readonly nodes: DeviceNodes;
      readonly prefix: string;
      readonly ids: string;
    },
  ) {
    this.#pool = pool;
    this.#mapper = mapper;
    this.#nodes = nodes;
    this.prefix = prefix;
    this.#ids = ids;
  }

  nameOf({ id }: Pick<Volume, "id">): string {
    return `${this.prefix}-${id}`;
  }

  /**
   * An empty one, or a snapshot: `of` must not be written to meanwhile. `note` records the id, before there is a
   * volume.
   */
  async create(
    bytes: number,
    { of, note }: { readonly of?: Volume | undefined; readonly note: (volume: Volume) => void },
  ): Promise<Volume> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const volume = { id: this.#takeId(), bytes };
      note(volume);
      fault("thin.noted");
      try {
        await this.#pool.message(
          of === undefined ? `create_thin ${volume.id}` : `create_snap ${volume.id} ${of.id}`,
        );
        fault("thin.made");
        return volume;
      } catch (thrown) {
        if (!isErrno(thrown, "EEXIST")) throw within("cannot make a volume in the thin pool", thrown);
        this.#giveBack(volume); // it belongs to other software
      }
    }
    throw new Failure("exhausted", "cannot make a volume in the thin pool: each id that was tried is taken");
  }

  /** `exclusive`: throws "conflict" when another holder has it, and also "not-found". The caller disposes of it. */
  async activate(
    volume: Volume,
    {
      readonly = false,
      exclusive = false,
    }: { readonly readonly?: boolean | undefined; readonly exclusive?: boolean | undefined } = {},
  ): Promise<ActiveVolume> {
    const name = this.nameOf(volume);
    using _ = await this.#lock.acquire(name);
    if (exclusive) await this.#waitUntilFree(name, closingMs);
    const { device, opened } = await poll(() => this.#tryActivate(volume, { readonly, exclusive }), {
      timeoutMs: busyMs,
      what: `activate the device "${name}"`,
    });
    try {
      // From here on it goes by itself, whatever becomes of this process.
      await this.#mapper.remove(name, { whenUnused: true });
    } catch (thrown) {
      opened[Symbol.dispose]();
      throw thrown;
    }
    return { device, fd: opened.fd, [Symbol.dispose]: () => opened[Symbol.dispose]() };
  }

  async #tryActivate(
    volume: Volume,
    { readonly, exclusive }: { readonly readonly: boolean; readonly exclusive: boolean },
  ): Promise<{ readonly device: DeviceNumber; readonly opened: OwnedFd } | undefined> {
    const name = this.nameOf(volume);
    let device: DeviceNumber;
    const found = this.#mapper.find(name);
    if (found !== undefined) {
      if (exclusive) throw inUse(name);
      if (!found.isActive || found.isSuspended) {
        await this.#mapper.remove(name); // one that was not finished
        return undefined;
      }
      device = found;
    } else {
      await this.#mapper.create(name);
      try {
        const parameters = `${this.#pool.number} ${volume.id}`;
        const line = { sectors: volume.bytes / sectorBytes, type: "thin", parameters };
        await this.#mapper.load(name, line, { readonly });
        device = await this.#mapper.resume(name);
      } catch (thrown) {
        await this.#mapper.remove(name);
        throw codeOf(thrown instanceof Error ? thrown.cause : undefined) === "ENODATA"
          ? new Failure("not-found", `cannot find volume ${volume.id} in the thin pool`, { cause: thrown })
          : thrown;
      }
    }
    const opened = openMapped(this.#nodes, device, readonly ? O_RDONLY : O_RDWR);
    return opened === undefined ? undefined : { device, opened };
  }

  /** When all that used it is closed, also what another process had for a moment. Throws "deadline". */
  async waitUntilUnused(volume: Volume): Promise<void> {
    await this.#waitUntilFree(this.nameOf(volume), busyMs);
  }

  /**
   * Gives its blocks back, and its id. Fine where it is none of ours. Throws "conflict" while it is mounted anywhere.
   */
  async remove(volume: Volume): Promise<void> {
    if (!existsSync(`${this.#ids}/${volume.id}`)) return;
    try {
      // The pool would keep to itself, not give back to its file's disk, what a deleted volume had.
      using active = await this.activate(volume, { exclusive: true });
      await discardDevice(active.fd, volume.bytes);
    } catch (thrown) {
      if (kindOf(thrown) !== "not-found") throw thrown;
      this.#giveBack(volume);
      return;
    }
    await this.#waitUntilFree(this.nameOf(volume), busyMs);
    await poll(() => this.#tryDelete(volume), {
      timeoutMs: busyMs,
      what: `delete volume ${volume.id} of the thin pool`,
    });
    fault("thin.deleted");
    this.#giveBack(volume);
  }

  /** Undefined: its device, whose name is gone, is not. */
  async #tryDelete({ id }: Volume): Promise<true | undefined> {
    try {
      await this.#pool.message(`delete ${id}`);
    } catch (thrown) {
      if (isErrno(thrown, "EBUSY")) return undefined;
      if (!isErrno(thrown, "ENODATA")) throw within(`cannot delete volume ${id} of the thin pool`, thrown);
    }
    return true;
  }

  /**
   * Removes volumes without a record (`bytes`: how large they were), and devices that an earlier engine left
   * unfinished.
   */
  async sweep(known: ReadonlySet<number>, { bytes }: { readonly bytes: number }): Promise<void> {
    for (const { name } of this.#mapper.list()) {
      if (name.startsWith(`${this.prefix}-`) && /-\d+$/.test(name))
        await this.#mapper.remove(name, { whenUnused: true });
    }
    for (const id of readdirSync(this.#ids).map(Number)) {
      if (known.has(id)) continue;
      try {
        await this.remove({ id, bytes });
      } catch (thrown) {
        if (kindOf(thrown) !== "conflict") throw thrown; // the next life tries again
      }
    }
  }

  async #waitUntilFree(name: string, timeoutMs: number): Promise<void> {
    const free = (): true | undefined => (this.#mapper.find(name) === undefined ? true : undefined);
    try {
      await poll(free, { timeoutMs, what: "see the device free" });
    } catch (thrown) {
      if (kindOf(thrown) === "deadline") throw inUse(name);
      throw thrown;
    }
  }

  #takeId(): number {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const id = randomInt(lowestId, highestId);
      try {
        closeSync(openSync(`${this.#ids}/${id}`, "wx", 0o600));
        syncDirectory(this.#ids);
        return id;
      } catch (thrown) {
        if (codeOf(thrown) !== "EEXIST") throw fileFailure("cannot note the id of a volume", thrown);
      }
    }
    throw new Failure("exhausted", "cannot note the id of a volume: each that was tried is taken");
  }

  #giveBack({ id }: Volume): void {
    rmSync(`${this.#ids}/${id}`, { force: true });
  }
}

function inUse(name: string): Failure {
  return new Failure("conflict", `the device "${name}" is in use: a mount of it is held somewhere`);
}

/**
 * Records which volume the directory `path` of a snapshot or view stands for. SAFETY: next to the directory and never
 * in it, because it contains a layer's own files: content of an image is no record.
 */
export function writeVolume(path: string, volume: Volume): void {
  writeFileSync(`${path}.volume`, JSON.stringify(volume), { mode: 0o600 });
}

/** Undefined where none was recorded, or a power loss took it. */
export function findVolume(path: string): Volume | undefined {
  try {
    return parseTrustedJson<Volume>(readFileSync(`${path}.volume`, "utf8"));
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
