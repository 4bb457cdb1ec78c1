/** The kernel's action for a call; named as in seccomp(2). */
export type SeccompActionKind =
  | "kill-process"
  | "kill-thread"
  | "trap"
  | "errno"
  | "notify"
  | "trace"
  | "log"
  | "allow";

export interface SeccompAction {
  readonly kind: SeccompActionKind;
  /** The error number of "errno", the tracer's message of "trace", else 0. */
  readonly data: number;
}

export type SeccompComparison = "NE" | "LT" | "LE" | "EQ" | "GE" | "GT" | "MASKED_EQ";

/** One comparison of an argument, unsigned with 64 bits; MASKED_EQ is `(argument & value) == (valueTwo & value)`. */
export interface SeccompCondition {
  /** 0 to 5. */
  readonly index: number;
  readonly op: SeccompComparison;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

/** The scope of a rule; an empty list or absent kernel does not restrict it. */
export interface SeccompScope {
  /** `CAP_…`. In includes all are needed, in excludes one is enough. */
  readonly capabilities: readonly string[];
  /** Go's names (`amd64`, `arm64`), of which one is enough. */
  readonly architectures: readonly string[];
  /** `[major, minor]`. */
  readonly minKernel?: readonly [number, number] | undefined;
}

export interface SeccompRule {
  /** Names that an architecture doesn't have are passed over there. */
  readonly names: readonly string[];
  readonly action: SeccompAction;
  /** All must hold; but where two are on one argument, each by itself is enough (as runc reads them). */
  readonly conditions: readonly SeccompCondition[];
  readonly includes: SeccompScope;
  readonly excludes: SeccompScope;
}

export const seccompArchitectures = [
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
] as const;

export type SeccompArchitecture = (typeof seccompArchitectures)[number];

export const seccompFlags = [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
] as const;

export type SeccompFlag = (typeof seccompFlags)[number];

/** The architectures that a filter for one machine serves. */
export interface SeccompArchitectures {
  readonly architecture: SeccompArchitecture;
  readonly subArchitectures: readonly SeccompArchitecture[];
}

/** A profile in Docker's format, or the OCI runtime's, which has no scopes and names architectures directly. */
export interface SeccompProfile {
  readonly defaultAction: SeccompAction;
  /** Besides the machine's own. Not together with archMap. */
  readonly architectures: readonly SeccompArchitecture[];
  readonly archMap: readonly SeccompArchitectures[];
  readonly rules: readonly SeccompRule[];
  readonly flags: readonly SeccompFlag[];
  /** The socket that gets the listener's descriptor; present whenever a rule's action is "notify". */
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
}
