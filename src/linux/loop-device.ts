import { Failure } from "../base/failure.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_RDWR } from "./constants/open.ts";
import { errno } from "./errno.ts";
import { type Fd, OwnedFd } from "./fd.ts";
import { attempt, call, SyscallFailure } from "./syscall.ts";

// SPEC: linux/loop.h
const LOOP_CTL_GET_FREE = 0x4c82;
const LOOP_CONFIGURE = 0x4c0a;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
const LO_FLAGS_DIRECT_IO = 16;
/** struct loop_config: u32 fd, u32 block_size, struct loop_info64 (232 bytes, lo_flags at 52), u64 reserved[8] */
const configBytes = 304;
const flagsAt: number = 8 + 52;
/** Others look for free devices, too. */
const attempts = 64;

/**
 * A block device, for reading only, that has the file's bytes; direct I/O where the file's own file system can, so that they are
 * cached once. It is gone when its last descriptor is closed and nothing of it is mounted. The caller disposes of the descriptor.
 * KERNEL(5.8): LOOP_CONFIGURE. Throws "unsupported" where there are no loop devices.
 */
export function openLoopDevice(file: Fd): OwnedFd {
  using control = openDevice("/dev/loop-control", O_RDWR);
  const config = new Uint8Array(configBytes);
  const view = new DataView(config.buffer);
  view.setUint32(0, file, true);
  view.setUint32(flagsAt, LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO, true);
  for (let count = 0; count < attempts; count++) {
    const number = call("ioctl", control.fd, LOOP_CTL_GET_FREE, 0);
    using device = openDevice(`/dev/loop${number}`, O_RDONLY);
    const result = attempt("ioctl", device.fd, LOOP_CONFIGURE, config);
    if (result >= 0) return new OwnedFd(device.move());
    if (result !== -errno.EBUSY)
      throw new SyscallFailure("ioctl", [device.fd, LOOP_CONFIGURE, config], -result);
  }
  throw new Failure("conflict", "cannot get a loop device: others take each that is free");
}

function openDevice(path: string, flags: number): OwnedFd {
  const result = attempt("openat", AT_FDCWD, path, flags | O_CLOEXEC);
  if (result >= 0) return new OwnedFd(result);
  if ([errno.ENOENT, errno.ENXIO, errno.ENODEV].some((each) => each === -result)) {
    throw new Failure("unsupported", `this kernel has no loop devices, or no "${path}" (modprobe loop)`);
  }
  throw new SyscallFailure("openat", [AT_FDCWD, path, flags], -result);
}
