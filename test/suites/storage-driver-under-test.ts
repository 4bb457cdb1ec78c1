import type { Fd, OwnedFd } from "../../src/linux/kernel/fd.ts";
import type { Digest } from "../../src/spec/digest.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";

/** The driver that a run of the contract suite is about, open on a data root of the present test's own. */
export interface DriverUnderTest {
  readonly driver: string;
  readonly dataRoot: string;
  readonly storage: StorageDriver;
  /** Closes it and opens it again, as after a restart. */
  readonly reopen: () => Promise<StorageDriver>;
  /** Another one of it, to be disposed of by the test. */
  readonly open: (dataRoot: string) => Promise<StorageDriver>;
  readonly addTar: (tar: Uint8Array, storage?: StorageDriver) => Promise<Digest>;
  /** Of what `fill` puts into a directory. */
  readonly addLayer: (fill: (directory: string) => void) => Promise<Digest>;
  /** A path through a descriptor: a detached mount has no other. */
  readonly at: (root: OwnedFd | Fd, path?: string) => string;
  readonly text: (root: OwnedFd, path: string) => string;
  /** All that find(1) tells of each file. */
  readonly listing: (root: OwnedFd) => string[];
}
