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

/** Resource limits with Docker's meanings; what is absent is not limited. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  /** Memory and swap together; −1 is unlimited. Absent with a memory limit: twice that. */
  readonly memorySwapBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly oomKillDisable?: boolean;
  /** A share among neighbours: 2 to 262144, usual 1024. */
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  /** CPU time in each period; −1 is unlimited. */
  readonly cpuQuotaUs?: number;
  /** Instead of period and quota: 10⁹ is one CPU. */
  readonly nanoCpus?: number;
  /** `0-3,8` */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Processes and threads; 0 and −1 are unlimited. */
  readonly pidsLimit?: number;
  /** 0 to 100: how readily its memory is swapped out (v1 only). */
  readonly memorySwappiness?: number;
  /** Memory for buffers of TCP (v1 only). */
  readonly kernelTcpBytes?: number;
  /** CPU time that real-time scheduling may take in each period (v1 only). */
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  readonly blockIo?: BlockIoLimits;
  /** Bytes by the size of the pages: `2MB`. */
  readonly hugePages?: Readonly<Record<string, number>>;
  /** Files of v2 and what is written to them, as the caller says: `memory.high`. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** Limits of input and output on block devices. */
export interface BlockIoLimits {
  /** A share among neighbours: 10 to 1000, usual 500. */
  readonly weight?: number;
  readonly devices?: readonly BlockDeviceLimits[];
}

/** Of one block device; rates are a second's, 0 is unlimited. */
export interface BlockDeviceLimits extends BlockDeviceRates {
  readonly major: number;
  readonly minor: number;
}

/** Rates of one block device, in bytes or operations per second. */
export interface BlockDeviceRates {
  readonly weight?: number;
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}
