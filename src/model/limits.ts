/** Limits with Docker's meanings; what is absent is not limited. */
export interface ContainerLimits extends Omit<CgroupLimits, "blockIo"> {
  readonly blockIo?:
    | {
        /** A weight relative to other cgroups: 10 to 1000, usual 500. */
        readonly weight?: number | undefined;
        readonly devices?: readonly BlockDeviceSpec[] | undefined;
      }
    | undefined;
}

/** Rates are a second's; 0 is unlimited. */
export interface BlockDeviceSpec extends BlockDeviceRates {
  /** Of a block device on the host. */
  readonly path: string;
}

/** Resource limits with Docker's meanings; what is absent is not limited. */
export interface CgroupLimits {
  readonly memoryBytes?: number | undefined;
  /** Memory and swap together; −1 is unlimited. Absent with a memory limit: twice that. */
  readonly memorySwapBytes?: number | undefined;
  readonly memoryReservationBytes?: number | undefined;
  readonly oomKillDisable?: boolean | undefined;
  /** A weight relative to other cgroups: 2 to 262144, usual 1024. */
  readonly cpuShares?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  /** CPU time in each period; −1 is unlimited. */
  readonly cpuQuotaUs?: number | undefined;
  /** Instead of period and quota: 10⁹ is one CPU. */
  readonly nanoCpus?: number | undefined;
  /** `0-3,8` */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  /** Processes and threads; 0 and −1 are unlimited. */
  readonly pidsLimit?: number | undefined;
  /** 0 to 100: how readily its memory is swapped out (v1 only). */
  readonly memorySwappiness?: number | undefined;
  /** Memory for buffers of TCP (v1 only). */
  readonly kernelTcpBytes?: number | undefined;
  /** CPU time that real-time scheduling may take in each period (v1 only). */
  readonly cpuRealtimePeriodUs?: number | undefined;
  readonly cpuRealtimeRuntimeUs?: number | undefined;
  readonly blockIo?: BlockIoLimits | undefined;
  /** Bytes by the size of the pages: `2MB`. */
  readonly hugePages?: Readonly<Record<string, number>> | undefined;
  /** Files of v2 and the values to write, in the caller's terms: `memory.high`. */
  readonly unified?: Readonly<Record<string, string>> | undefined;
}

/** Limits of input and output on block devices. */
export interface BlockIoLimits {
  /** A weight relative to other cgroups: 10 to 1000, usual 500. */
  readonly weight?: number | undefined;
  readonly devices?: readonly BlockDeviceLimits[] | undefined;
}

/** Of one block device; rates are a second's, 0 is unlimited. */
export interface BlockDeviceLimits extends BlockDeviceRates {
  readonly major: number;
  readonly minor: number;
}

/** Rates of one block device, in bytes or operations per second. */
export interface BlockDeviceRates {
  readonly weight?: number | undefined;
  readonly readBps?: number | undefined;
  readonly writeBps?: number | undefined;
  readonly readIops?: number | undefined;
  readonly writeIops?: number | undefined;
}
