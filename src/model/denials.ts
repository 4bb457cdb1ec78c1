import type { WallMs } from "./time.ts";

/** A kind of call that a container's processes were refused. */
export interface Denial {
  /** Its name, or `call N` of one that we have no name for. */
  readonly call: string;
  /** `SCMP_ARCH_X86_64` … */
  readonly architecture: string;
  /** Of the first such call; not all of them mean something to the call. */
  readonly args: readonly bigint[];
  /** The path among them. */
  readonly text?: string | undefined;
  /** "EPERM"; absent when the kernel was let decide. */
  readonly error?: string | undefined;
  /** The mechanism: "the default profile", "the seccomp profile", "the kernel (it needs CAP_MKNOD)". */
  readonly by: string;
  /** The option that would allow it: "--cap-add SYS_ADMIN", "--security-opt seccomp=FILE with a rule for it". */
  readonly advice: string;
  readonly count: number;
  readonly firstAt: WallMs;
  readonly lastAt: WallMs;
  /** On the host, of the first. */
  readonly pid: number;
  /** The exec session that it came from; absent for the container's own processes. */
  readonly execId?: string | undefined;
}

/** The traced calls of a container with tracing. */
export interface TracedCallDetails {
  /** Of the last run, oldest first; with `explainDenials`. */
  readonly denials?: readonly Denial[] | undefined;
  /** The number of calls that the record had no free slot for, if any. */
  readonly unrecordedCalls?: number | undefined;
  /** The text of the smallest profile, in Docker's format, that the last run needed; with `recordCalls`. */
  readonly recordedProfile?: string | undefined;
}
