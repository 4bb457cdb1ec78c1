import { Failure, within } from "../../base/failure.ts";
import { O_RDWR } from "../constants/open.ts";
import type { DeviceNodes } from "./device-nodes.ts";
import {
  type DeviceNumber,
  DM_DEFERRED_REMOVE,
  DM_DEV_CREATE,
  DM_DEV_REMOVE,
  DM_DEV_STATUS,
  DM_DEV_SUSPEND,
  DM_GET_TARGET_VERSION,
  DM_LIST_DEVICES,
  DM_NOFLUSH_FLAG,
  DM_READONLY_FLAG,
  DM_STATUS_TABLE_FLAG,
  DM_TABLE_LOAD,
  DM_TABLE_STATUS,
  DM_TARGET_MSG,
  encodeRequest,
  isTruncated,
  type MapperDevice,
  type MapperState,
  parseDevices,
  parseLine,
  parseState,
  type RequestOptions,
  type TableLine,
} from "./internal/request.ts";
import { errno } from "../kernel/errno.ts";
import type { OwnedFd } from "../kernel/fd.ts";
import { attempt, callAsync, isErrno, SyscallFailure } from "../kernel/syscall.ts";

export type { DeviceNumber, MapperDevice, MapperState, TableLine };

/** /dev/mapper/control. SPEC: linux/miscdevice.h */
const control: DeviceNumber = { major: 10, minor: 236 };
const answerBytes = 16 * 1024;

/**
 * The kernel's device mapper, by its own ioctls, without udev and dmsetup. Devices are identified by name. The caller
 * disposes of it. Throws "unsupported", naming what the kernel lacks, when it has no device mapper or does not support
 * the target.
 */
export function openDeviceMapper(
  nodes: DeviceNodes,
  { target }: { readonly target: string },
): DeviceMapperHandle {
  const handle = new DeviceMapperHandle(openControl(nodes));
  try {
    handle.requireTarget(target);
    return handle;
  } catch (thrown) {
    handle[Symbol.dispose]();
    throw thrown;
  }
}

export class DeviceMapperHandle implements Disposable {
  readonly #control: OwnedFd;

  constructor(opened: OwnedFd) {
    this.#control = opened;
  }

  requireTarget(target: string): void {
    const result = this.#attempt(DM_GET_TARGET_VERSION, { name: target, bytes: 1024 }).result;
    if (result >= 0) return;
    const module = `dm_${target.replaceAll("-", "_")}`;
    const config = target === "thin-pool" ? "CONFIG_DM_THIN_PROVISIONING; " : "";
    throw new Failure(
      "unsupported",
      `this kernel's device mapper has no target "${target}" (${config}modprobe ${module})`,
      { cause: new SyscallFailure("ioctl", [this.#control.fd, DM_GET_TARGET_VERSION, target], -result) },
    );
  }

  /** A device without a table. Throws "conflict" when the name is taken. */
  async create(name: string): Promise<void> {
    await this.#call(DM_DEV_CREATE, { name }, `cannot create the device "${name}"`);
  }

  /** Gives it a table, by which it works after the next resume(). Its numbers are known from here on. */
  async load(
    name: string,
    line: TableLine,
    { readonly = false }: { readonly readonly?: boolean | undefined } = {},
  ): Promise<void> {
    const flags = readonly ? DM_READONLY_FLAG : 0;
    const about = `cannot give the device "${name}" the table "0 ${line.sectors} ${line.type} ${line.parameters}"`;
    await this.#call(DM_TABLE_LOAD, { name, flags, line }, about);
  }

  async resume(name: string): Promise<MapperState> {
    return parseState(await this.#call(DM_DEV_SUSPEND, { name }, `cannot resume the device "${name}"`));
  }

  /** To the device's target. Throws the kernel's errors as SyscallFailure. */
  async message(name: string, message: string): Promise<void> {
    await callAsync("ioctl", this.#control.fd, DM_TARGET_MSG, encodeRequest({ name, message }));
  }

  find(name: string): MapperState | undefined {
    const { result, answer } = this.#attempt(DM_DEV_STATUS, { name });
    if (result >= 0) return parseState(answer);
    if (result === -errno.ENXIO) return undefined;
    throw new SyscallFailure("ioctl", [this.#control.fd, DM_DEV_STATUS, name], -result);
  }

  /**
   * The status of its first target, or with `of: "table"` its table line; undefined when there is no such device or it
   * has no table. It flushes nothing to the disk first, so figures may be slightly old.
   */
  findLine(name: string, { of }: { readonly of: "status" | "table" }): TableLine | undefined {
    const flags = DM_NOFLUSH_FLAG | (of === "table" ? DM_STATUS_TABLE_FLAG : 0);
    const { result, answer } = this.#attempt(DM_TABLE_STATUS, { name, flags, bytes: answerBytes });
    if (result >= 0) return parseLine(answer);
    if (result === -errno.ENXIO) return undefined;
    throw new SyscallFailure("ioctl", [this.#control.fd, DM_TABLE_STATUS, name], -result);
  }

  list(): readonly MapperDevice[] {
    for (let bytes = answerBytes; ; bytes *= 4) {
      const { result, answer } = this.#attempt(DM_LIST_DEVICES, { bytes });
      if (result < 0) throw new SyscallFailure("ioctl", [this.#control.fd, DM_LIST_DEVICES], -result);
      if (!isTruncated(answer)) return parseDevices(answer);
    }
  }

  /**
   * True when the device is gone or was absent. A device that is open stays (false); with `whenUnused` the kernel
   * removes it after its last user closes it.
   */
  async remove(
    name: string,
    { whenUnused = false }: { readonly whenUnused?: boolean | undefined } = {},
  ): Promise<boolean> {
    try {
      const flags = whenUnused ? DM_DEFERRED_REMOVE : 0;
      await callAsync("ioctl", this.#control.fd, DM_DEV_REMOVE, encodeRequest({ name, flags }));
    } catch (thrown) {
      if (isErrno(thrown, "ENXIO")) return true;
      if (isErrno(thrown, "EBUSY")) return false;
      throw within(`cannot remove the device "${name}"`, thrown);
    }
    return !whenUnused || this.find(name) === undefined;
  }

  [Symbol.dispose](): void {
    this.#control[Symbol.dispose]();
  }

  #attempt(
    command: number,
    options: RequestOptions,
  ): { readonly result: number; readonly answer: Uint8Array } {
    const answer = encodeRequest(options);
    return { result: attempt("ioctl", this.#control.fd, command, answer), answer };
  }

  async #call(command: number, options: RequestOptions, about: string): Promise<Uint8Array> {
    const answer = encodeRequest(options);
    try {
      await callAsync("ioctl", this.#control.fd, command, answer);
    } catch (thrown) {
      throw within(about, thrown);
    }
    return answer;
  }
}

function openControl(nodes: DeviceNodes): OwnedFd {
  try {
    return nodes.open("character", control, { usual: "mapper/control", flags: O_RDWR });
  } catch (cause) {
    if (!isErrno(cause, "ENOENT", "ENXIO", "ENODEV")) throw within("cannot open the device mapper", cause);
    throw new Failure(
      "unsupported",
      "this kernel has no device mapper (CONFIG_BLK_DEV_DM; modprobe dm_mod)",
      {
        cause,
      },
    );
  }
}
