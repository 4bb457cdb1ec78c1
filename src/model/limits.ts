import type { BlockDeviceRates, CgroupLimits } from "../linux/cgroup/limits.ts";

/** Limits with Docker's meanings; what is absent is not limited. */
export interface ContainerLimits extends Omit<CgroupLimits, "blockIo"> {
  readonly blockIo?: {
    /** A share among neighbours: 10 to 1000, usual 500. */
    readonly weight?: number;
    readonly devices?: readonly BlockDeviceSpec[];
  };
}

/** Rates are a second's; 0 is unlimited. */
export interface BlockDeviceSpec extends BlockDeviceRates {
  /** Of a block device on the host. */
  readonly path: string;
}
