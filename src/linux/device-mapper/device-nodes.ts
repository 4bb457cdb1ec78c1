import { statSync } from "node:fs";
import { AT_FDCWD, O_CLOEXEC, S_IFBLK, S_IFCHR } from "../constants/open.ts";
import type { DeviceNumber } from "./internal/request.ts";
import { errno } from "../kernel/errno.ts";
import { OwnedFd } from "../kernel/fd.ts";
import { createFilesystem } from "../mount/mount.ts";
import { makeDevice } from "../files/stat.ts";
import { attempt, call, SyscallFailure } from "../kernel/syscall.ts";

export type NodeKind = "block" | "character";

/**
 * Device nodes that may be missing in /dev. A correct node in /dev is used; otherwise it creates one on a file system
 * that no mount table shows. The caller disposes of it; paths are valid until then.
 */
export class DeviceNodes implements Disposable {
  readonly #directory: string;
  #own: OwnedFd | undefined;

  constructor({ directory = "/dev" }: { readonly directory?: string | undefined } = {}) {
    this.#directory = directory;
  }

  /** `usual`: the path that devtmpfs gives it below /dev. For this process alone. */
  path(kind: NodeKind, device: DeviceNumber, { usual }: { readonly usual: string }): string {
    const path = `${this.#directory}/${usual}`;
    if (isNode(path, kind, device)) return path;
    // SAFETY: not in the data root, which may be on a mount that has no devices.
    this.#own ??= createFilesystem("tmpfs", [["mode", "0700"]]);
    const name = `${kind}-${device.major}-${device.minor}`;
    const mode = (kind === "block" ? S_IFBLK : S_IFCHR) | 0o600;
    const number = makeDevice(device.major, device.minor);
    const result = attempt("mknodat", this.#own.fd, name, mode, number);
    if (result < 0 && result !== -errno.EEXIST)
      throw new SyscallFailure("mknodat", [this.#own.fd, name, mode, number], -result);
    return `/proc/self/fd/${this.#own.fd}/${name}`;
  }

  /** Throws SyscallFailure: ENXIO where there is no such device. */
  open(
    kind: NodeKind,
    device: DeviceNumber,
    { usual, flags }: { readonly usual: string; readonly flags: number },
  ): OwnedFd {
    return new OwnedFd(call("openat", AT_FDCWD, this.path(kind, device, { usual }), flags | O_CLOEXEC));
  }

  [Symbol.dispose](): void {
    this.#own?.[Symbol.dispose]();
    this.#own = undefined;
  }
}

function isNode(path: string, kind: NodeKind, { major, minor }: DeviceNumber): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.rdev !== makeDevice(major, minor)) return false;
  return kind === "block" ? found.isBlockDevice() : found.isCharacterDevice();
}
