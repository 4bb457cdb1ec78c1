import { sentenceOf } from "../../base/failure.ts";
import { MOUNT_ATTR_RDONLY } from "../constants/mount.ts";
import type { Fd, OwnedFd } from "../kernel/fd.ts";
import { filesystemMagic } from "../mount/filesystem-status.ts";
import { openLoopDevice } from "../mount/loop-device.ts";
import { createFilesystem } from "../mount/mount.ts";
import { isForcedAbsent } from "../kernel/without.ts";

const EXT_SUPER_MAGIC = 0xef53;

/** How images are mounted: the file itself, or a loop device in between. */
export type ErofsWay = "file" | "loop";

export interface FoundErofsWay {
  readonly way: ErofsWay;
  /** With "loop": why it is not the file itself, for people. */
  readonly reason?: string | undefined;
}

/**
 * The way for files on the file system that `file`, an image, is on: found by mounting it. KERNEL(6.12): EROFS reads
 * files itself. KERNEL(6.18): on ext4 that makes the kernel log a WARNING (ext4_check_map_extents_env: EROFS reads its
 * index through the page cache, without the lock that ext4 has begun to look for), and a host with panic_on_warn would
 * stop: there it is a loop device. Some file systems, tmpfs among them, can't be read that way at all. Throws when
 * neither way works.
 */
export function findErofsWay(file: Fd): FoundErofsWay {
  let reason = "TARE_WITHOUT says so";
  if (filesystemMagic(file) === EXT_SUPER_MAGIC) {
    reason = "on ext4 the kernel would log a warning for each file that it mounts";
  } else if (!isForcedAbsent("erofs-file")) {
    try {
      mountErofs(file, "file")[Symbol.dispose]();
      return { way: "file" };
    } catch (thrown) {
      reason = `this kernel can't mount files of that file system: ${sentenceOf(thrown)}`;
    }
  }
  // When this fails, too, its error is more precise.
  mountErofs(file, "loop")[Symbol.dispose]();
  return { way: "loop", reason };
}

/** The image in the file as a detached mount, read-only; the caller disposes of it. */
export function mountErofs(file: Fd, way: ErofsWay): OwnedFd {
  if (way === "file") return mount(file);
  using device = openLoopDevice(file);
  return mount(device.fd);
}

function mount(source: Fd): OwnedFd {
  return createFilesystem("erofs", [["ro", true]], {
    source: `/proc/self/fd/${source}`,
    attributes: MOUNT_ATTR_RDONLY,
  });
}
