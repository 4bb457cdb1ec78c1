import { readFileSync } from "node:fs";
import { codeOf, Failure, within } from "../../base/failure.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../constants/open.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { attempt, call, isErrno, SyscallFailure } from "../kernel/syscall.ts";

/** A pidfd, which stays with this process though the pid is used again. "not-found" when there is none. */
export function openProcess(pid: number): OwnedFd {
  try {
    return new OwnedFd(call("pidfd_open", pid, 0));
  } catch (thrown) {
    if (isErrno(thrown, "ESRCH")) {
      throw new Failure("not-found", `cannot open process ${pid}: no such process`, { cause: thrown });
    }
    throw within(`cannot open process ${pid}`, thrown);
  }
}

/** A pidfd for the process that had this pid at this start time; undefined when that one has ended. */
export function findProcess(identity: ProcessIdentity): OwnedFd | undefined {
  const fd = attempt("pidfd_open", identity.pid, 0);
  if (fd < 0) return undefined;
  using pidfd = new OwnedFd(fd);
  // The pidfd is held, so the pid cannot pass to another process between this check and its use.
  return isSameProcess(identity.pid, identity.startTime) ? new OwnedFd(pidfd.move()) : undefined;
}

/**
 * The root directory of that process (O_PATH), in its own mount namespace: all its mounts are seen from there.
 * Undefined when it has ended. To be used with openInRoot() only: what is below belongs to the process.
 */
export function findProcessRoot(identity: ProcessIdentity): OwnedFd | undefined {
  using pidfd = findProcess(identity);
  if (pidfd === undefined) return undefined;
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const fd = attempt("openat", AT_FDCWD, `/proc/${identity.pid}/root`, flags);
  if (fd === -errno.ENOENT || fd === -errno.ESRCH) return undefined;
  if (fd < 0) throw new SyscallFailure("openat", [AT_FDCWD, `/proc/${identity.pid}/root`, flags], -fd);
  using root = new OwnedFd(fd);
  // SAFETY: the process still exists, so its pid belonged to no other process when the link was followed.
  return isAlive(pidfd.fd) ? new OwnedFd(root.move()) : undefined;
}

/** Sends a signal. False when the process has ended already. */
export function signalProcess(pidfd: Fd, signal: number): boolean {
  try {
    call("pidfd_send_signal", pidfd, signal, null, 0);
    return true;
  } catch (thrown) {
    if (isErrno(thrown, "ESRCH")) return false;
    throw thrown;
  }
}

/** Kills all processes of the group that this process leads. Fine when it leads none. */
export function killProcessGroup(pidfd: Fd, pid: number): void {
  const SIGKILL = 9;
  // SAFETY: the pid is not free, and no other group's, as long as its process has not been waited for.
  if (!isAlive(pidfd)) return;
  const result = attempt("kill", -pid, SIGKILL);
  if (result < 0 && result !== -errno.ESRCH) throw new SyscallFailure("kill", [-pid, SIGKILL], -result);
}

/** True until the process has been waited for: a zombie still counts, its pid is not free yet. */
export function isAlive(pidfd: Fd): boolean {
  const result = attempt("pidfd_send_signal", pidfd, 0, null, 0);
  return result === 0 || result === -errno.EPERM;
}

/** A copy of descriptor number `fd` of another process (its own number is meant), close-on-exec here. */
export function takeFd(pidfd: Fd, fd: Fd): OwnedFd {
  return new OwnedFd(call("pidfd_getfd", pidfd, fd, 0));
}

/** A process for good: pids come round again, a start time since boot does not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
}

export interface ProcessStatistics {
  readonly name: string;
  /** One letter of proc_pid_stat(5): R S D Z T … */
  readonly state: string;
  readonly parentPid: number;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
}

/** Reads one `/proc/PID/stat` line. The name in parentheses may hold anything, `)` and line ends included. */
export function parseProcessStatistics(text: string): ProcessStatistics {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ");
  const startTime = fields[19];
  if (open < 0 || close < open || startTime === undefined || !/^\d{1,20}$/.test(startTime)) {
    throw new Failure("corrupt", `cannot read process statistics: ${JSON.stringify(text.slice(0, 80))}`);
  }
  return {
    name: text.slice(open + 1, close),
    state: fields[0] ?? "",
    parentPid: Number(fields[1]),
    startTime: BigInt(startTime),
  };
}

/** Of `/proc/PID/stat`; undefined when there is no such process. */
export function findProcessStatistics(pid: number | "self"): ProcessStatistics | undefined {
  try {
    return parseProcessStatistics(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (thrown) {
    if (["ENOENT", "ESRCH"].includes(codeOf(thrown) ?? "")) return undefined;
    throw within(`cannot read the statistics of process ${pid}`, thrown);
  }
}

/**
 * Where the process has its arguments in its memory; undefined when there is none, or it is not ours to look into.
 * KERNEL: while a program is being executed the place is not the last one yet. SPEC: proc_pid_stat(5), arg_start.
 */
export function findArgumentsAddress(pid: number): bigint | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const field = text.slice(text.lastIndexOf(")") + 2).split(" ")[45] ?? "0";
    return field === "0" ? undefined : BigInt(field);
  } catch {
    return undefined;
  }
}

/** In clock ticks since boot. Fails with "not-found" when there is no such process. */
export function processStartTime(pid: number | "self"): bigint {
  const statistics = findProcessStatistics(pid);
  if (statistics !== undefined) return statistics.startTime;
  throw new Failure("not-found", `cannot read the start time of process ${pid}: no such process`);
}

/** Whether the pid still stands for the process that started then (a zombie counts). */
export function isSameProcess(pid: number, startTime: bigint): boolean {
  return findProcessStatistics(pid)?.startTime === startTime;
}

let knownBootId: string | undefined;

/** Differs after each boot: run state with another one is void. */
export function bootId(): string {
  knownBootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return knownBootId;
}
