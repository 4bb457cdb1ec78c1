import { closeSync, fstatSync, ftruncateSync, openSync, statSync } from "node:fs";
import { Failure } from "../../base/failure.ts";
import type { OwnedFd } from "../../linux/kernel/fd.ts";
import { fileFailure } from "../../linux/files/file-failure.ts";
import { filesystemStatus } from "../../linux/mount/filesystem-status.ts";
import { listLoopDevices, openLoopDevice } from "../../linux/mount/loop-device.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import type { DevicemapperOptions } from "./devicemapper-options.ts";
import type { DiskSpace } from "./pool-use.ts";

const mebibyte = 2 ** 20;
/** As Docker's. */
const usualDataBytes = 100 * 2 ** 30;
const usualMetadataBytes = 2 * 2 ** 30;
const leastDataBytes = 64 * mebibyte;

/** The two files that a pool is in, with holes where nothing was written. */
export class PoolFiles {
  readonly data: string;
  readonly metadata: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.data = `${directory}/data`;
    this.metadata = `${directory}/metadata`;
  }

  /**
   * Creates missing files and enlarges files that are smaller than requested; never shrinks them. Without a requested
   * size, the data file may not exceed the free disk space. Throws "exhausted".
   */
  ensure({ loopDataBytes, loopMetadataBytes }: DevicemapperOptions): void {
    const space = this.#diskAvailable();
    const present = this.sizes();
    const dataBytes = Math.max(present.dataBytes, loopDataBytes ?? 0) || Math.min(usualDataBytes, space);
    if (dataBytes < leastDataBytes)
      throw new Failure(
        "exhausted",
        `cannot make a thin pool in "${this.#directory}": there is less free space on that disk than ${leastDataBytes / mebibyte} MiB`,
      );
    const metadataBytes =
      Math.max(present.metadataBytes, loopMetadataBytes ?? 0) ||
      Math.min(usualMetadataBytes, Math.max(8 * mebibyte, dataBytes / 50));
    enlarge(this.metadata, metadataBytes);
    enlarge(this.data, dataBytes);
  }

  /** 0 for what is not there yet. */
  sizes(): { readonly dataBytes: number; readonly metadataBytes: number } {
    const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return { dataBytes: size(this.data), metadataBytes: size(this.metadata) };
  }

  /** Loop devices of them; each is gone with the last that uses it. The caller disposes of both. */
  attach(): { readonly data: OwnedFd; readonly metadata: OwnedFd } {
    using undo = new DisposableStack();
    const metadata = undo.use(attach(this.metadata));
    const data = undo.use(attach(this.data));
    undo.move();
    return { data, metadata };
  }

  /** True while something has one of them as a device: the pool of an earlier life, on its way out. */
  isAttached(): boolean {
    return [this.data, this.metadata].some((path) => withFile(path, (fd) => listLoopDevices(fd).length > 0));
  }

  space(usedBytes: number): DiskSpace {
    const allocated = (statSync(this.data, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
    return {
      availableBytes: this.#diskAvailable(),
      allocatedUnusedBytes: Math.max(0, allocated - usedBytes),
    };
  }

  #diskAvailable(): number {
    using directory = openDirectoryPath(this.#directory);
    return filesystemStatus(directory.fd).availableBytes;
  }
}

/** A multiple of the pool's unit, and of a page. */
function enlarge(path: string, bytes: number): void {
  const rounded = Math.floor(bytes / 65_536) * 65_536;
  try {
    const fd = openSync(path, "a", 0o600);
    try {
      if (fstatSync(fd).size < rounded) ftruncateSync(fd, rounded);
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    throw fileFailure("cannot make a file for the thin pool", thrown);
  }
}

function attach(path: string): OwnedFd {
  return withFile(path, (fd) => openLoopDevice(fd, { writable: true }));
}

function withFile<T>(path: string, work: (fd: number) => T): T {
  const fd = openSync(path, "r+");
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}
