import { isKeyOf, isOneOf } from "../../base/keys.ts";
import { required } from "../../base/required.ts";
import { Failure, type FailureKind } from "../../base/failure.ts";
import { addon, type Argument } from "./addon.ts";
import { architecture } from "../constants/architecture.ts";
import { errno, type ErrnoName, errnoName } from "./errno.ts";
import { arm64 } from "./syscalls/arm64.ts";
import { x86_64 } from "./syscalls/x86-64.ts";

/** Calls that both architectures have: the only ones that Tare itself uses. */
export type SyscallName = keyof typeof arm64 & keyof typeof x86_64;

const table: Readonly<Record<string, number>> = architecture === "arm64" ? arm64 : x86_64;

/** The number of a call on the machine that this runs on. */
export function syscallNumber(name: SyscallName): number {
  return required(table[name]);
}

/** A system call that failed, printed as a call: `openat2(7, "etc", …): ENOENT`. */
export class SyscallFailure extends Failure {
  readonly syscall: SyscallName;
  readonly errno: number;
  readonly code: string;

  constructor(syscall: SyscallName, args: readonly Argument[], number: number) {
    const code = errnoName(number);
    super(failureKindOfErrno(number), `${formatCall(syscall, args)}: ${code}`, { details: { code } });
    this.syscall = syscall;
    this.errno = number;
    this.code = code;
  }
}

/** The raw result: ≥ 0, or −errno. For callers that expect some errors. */
export function attempt(name: SyscallName, ...args: Argument[]): number {
  return addon().call(syscallNumber(name), ...args);
}

/** The result; throws SyscallFailure naming the call and its arguments. Retries on EINTR. */
export function call(name: SyscallName, ...args: Argument[]): number {
  for (;;) {
    const result = addon().call(syscallNumber(name), ...args);
    if (result >= 0) return result;
    if (result !== -errno.EINTR) throw new SyscallFailure(name, args, -result);
  }
}

/** As call(), on the thread pool. Never for calls that change per-thread state (setns, unshare, chdir). */
export async function callAsync(name: SyscallName, ...args: Argument[]): Promise<number> {
  for (;;) {
    const result = await addon().callAsync(syscallNumber(name), ...args);
    if (result >= 0) return result;
    if (result !== -errno.EINTR) throw new SyscallFailure(name, args, -result);
  }
}

/** Where the bytes lie, for structures with pointers; keep the array reachable until the call returned. */
export function addressOf(bytes: Uint8Array): bigint {
  return addon().addressOf(bytes);
}

/** True when `thrown` is a SyscallFailure with one of these errors. */
export function isErrno(thrown: unknown, ...codes: ErrnoName[]): thrown is SyscallFailure {
  return thrown instanceof SyscallFailure && isOneOf(codes, thrown.code);
}

function formatCall(name: SyscallName, args: readonly Argument[]): string {
  return `${name}(${args.map(formatArgument).join(", ")})`;
}

function formatArgument(argument: Argument): string {
  if (typeof argument === "string") return JSON.stringify(argument);
  if (argument === null) return "NULL";
  if (argument instanceof Uint8Array) return `[${argument.length} bytes]`;
  if (argument === -100) return "AT_FDCWD";
  return argument > 0xffff ? `0x${argument.toString(16)}` : String(argument);
}

const kinds: Partial<Record<ErrnoName, FailureKind>> = {
  ENOENT: "not-found",
  ENOTDIR: "invalid",
  ELOOP: "invalid",
  ENAMETOOLONG: "invalid",
  EINVAL: "invalid",
  EEXIST: "conflict",
  ENOTEMPTY: "conflict",
  EBUSY: "conflict",
  EPERM: "not-permitted",
  EACCES: "not-permitted",
  EROFS: "not-permitted",
  ENOSYS: "unsupported",
  ERANGE: "invalid",
  EOPNOTSUPP: "unsupported",
  ENODEV: "unsupported",
  ENOSPC: "exhausted",
  EDQUOT: "exhausted",
  ENOMEM: "exhausted",
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  EAGAIN: "unavailable",
};

/** The failure kind of an error number. */
export function failureKindOfErrno(number: number): FailureKind {
  const name = errnoName(number);
  return isKeyOf(kinds, name) ? (kinds[name] ?? "internal") : "internal";
}
