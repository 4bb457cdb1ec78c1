import { existsSync, readdirSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_RDWR } from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { statFd } from "../files/stat.ts";
import { attempt, call, SyscallFailure } from "../kernel/syscall.ts";

// SPEC: linux/loop.h
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_GET_STATUS64 = 0x4c05;
const LOOP_SET_CAPACITY = 0x4c07;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
const LO_FLAGS_DIRECT_IO = 16;
/** struct loop_info64: u64 lo_device and lo_inode of the file, …, u32 lo_flags at 52 */
const infoBytes = 232;
/** struct loop_config: u32 fd, u32 block_size, struct loop_info64, u64 reserved[8] */
const configBytes: number = 8 + infoBytes + 64;
const flagsAt: number = 8 + 52;
/** Others look for free devices, too. */
const attempts = 64;

/**
 * A block device that has the file's bytes, for reading only or, of a file that is open for both, `writable`; direct
 * I/O where the file's own file system can, so that they are cached once. It is gone when its last descriptor is closed
 * and nothing of it is mounted or mapped. The caller disposes of the descriptor. KERNEL(5.8): LOOP_CONFIGURE. Throws
 * "unsupported" where there are no loop devices.
 */
export function openLoopDevice(
  file: Fd,
  { writable = false }: { readonly writable?: boolean | undefined } = {},
): OwnedFd {
  using control = openDevice("/dev/loop-control", O_RDWR);
  const config = new Uint8Array(configBytes);
  const view = new DataView(config.buffer);
  view.setUint32(0, file, true);
  const access = writable ? 0 : LO_FLAGS_READ_ONLY;
  view.setUint32(flagsAt, access | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO, true);
  for (let count = 0; count < attempts; count++) {
    const number = call("ioctl", control.fd, LOOP_CTL_GET_FREE, 0);
    using device = openDevice(`/dev/loop${number}`, writable ? O_RDWR : O_RDONLY);
    const result = attempt("ioctl", device.fd, LOOP_CONFIGURE, config);
    if (result >= 0) return new OwnedFd(device.move());
    if (result !== -errno.EBUSY)
      throw new SyscallFailure("ioctl", [device.fd, LOOP_CONFIGURE, config], -result);
  }
  throw new Failure("conflict", "cannot get a loop device: others take each that is free");
}

/** Lets a loop device, open for writing, be as large as its file has become. */
export function takeFileSize(device: Fd): void {
  call("ioctl", device, LOOP_SET_CAPACITY, 0);
}

/** The numbers of the loop devices with this backing file, created by any process. */
export function listLoopDevices(file: Fd): readonly number[] {
  const { inode, device } = statFd(file);
  return readdirSync("/sys/block")
    .map((name) => Number(/^loop(\d+)$/.exec(name)?.[1] ?? -1))
    .filter((number) => number >= 0 && existsSync(`/sys/block/loop${number}/loop/backing_file`))
    .filter((number) => {
      const opened = attempt("openat", AT_FDCWD, `/dev/loop${number}`, O_RDONLY | O_CLOEXEC);
      if (opened < 0) return false; // it has gone
      using loop = new OwnedFd(opened);
      const info = new Uint8Array(infoBytes);
      if (attempt("ioctl", loop.fd, LOOP_GET_STATUS64, info) < 0) return false;
      const view = new DataView(info.buffer);
      return view.getBigUint64(8, true) === inode && Number(view.getBigUint64(0, true)) === device;
    });
}

function openDevice(path: string, flags: number): OwnedFd {
  const result = attempt("openat", AT_FDCWD, path, flags | O_CLOEXEC);
  if (result >= 0) return new OwnedFd(result);
  if ([errno.ENOENT, errno.ENXIO, errno.ENODEV].some((each) => each === -result)) {
    throw new Failure("unsupported", `this kernel has no loop devices, or no "${path}" (modprobe loop)`);
  }
  throw new SyscallFailure("openat", [AT_FDCWD, path, flags], -result);
}
