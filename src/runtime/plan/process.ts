import { Failure } from "../../base/failure.ts";
import {
  type CapabilityName,
  capabilityNames,
  encodeCapset,
  parseCapability,
} from "../../linux/process/capability.ts";
import { AT_EMPTY_PATH, O_CLOEXEC } from "../../linux/constants/open.ts";
import { architecture } from "../../linux/constants/architecture.ts";
import { errno } from "../../linux/kernel/errno.ts";
import type { RuntimeCapabilities, RuntimeProcess } from "../../spec/runtime-config.ts";
import {
  encodeResourceLimit,
  formatResourceLimit,
  type ResourceLimit,
  resourceNumber,
} from "../../linux/process/rlimit.ts";
import { auditArchitecture, interpretSeccomp } from "../../linux/seccomp/seccomp.ts";
import type { UntracedCall } from "../../linux/seccomp/watch.ts";
import { syscallNumber } from "../../linux/kernel/syscall.ts";
import { checkNotIn, type PlanArgument, PlanBlob, type PlanList, type PlanOp } from "./plan.ts";
import { addBarrier, type PlanClock, readyBarrier, takeListener } from "./report.ts";
import { addStreamOwner } from "./streams.ts";

// prctl(2), seccomp(2), signal(7)
const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const SIG_SETMASK = 2;
// personality(2)
const PER_LINUX32 = 8;
// fcntl(2)
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const SIGKILL = 9;
const signals = 64;

/** The first ops of each child: nothing inherited from the engine decides how it behaves. */
export function addFreshStart(list: PlanList): void {
  // SAFETY: before anything else, so that no process of the container can look into this one's descriptors.
  list.add("hide from ptrace", "prctl", [PR_SET_DUMPABLE, 0, 0, 0, 0]);
  list.add("set the file mode mask", "umask", [0]);
  list.add("begin a session", "setsid", []);
  const about = "reset the signals";
  const ordinary = new Uint8Array(32); // SIG_DFL, no flags, no mask
  const defaults = { skip: { errors: [errno.EINVAL], count: 0 } };
  for (let signal = 1; signal <= signals; signal++)
    list.add(about, "rt_sigaction", [signal, ordinary, null, 8], defaults);
  list.add(about, "rt_sigprocmask", [SIG_SETMASK, new Uint8Array(8), null, 8]);
}

/** Limits of setrlimit(2), clamped before to what this engine may set. */
export function addLimits(list: PlanList, limits: readonly ResourceLimit[]): void {
  for (const limit of limits) {
    const about = `set the limit ${formatResourceLimit(limit)}`;
    list.add(about, "prlimit64", [0, resourceNumber(limit.resource), encodeResourceLimit(limit), null]);
  }
}

/** A compiled profile. */
export interface PlannedSeccomp {
  /** An array of `struct sock_filter`. */
  readonly program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*, of seccomp(2). */
  readonly flags: number;
  /** Present: the program hands calls over to a listener, which the keeper takes; this is what it answers by. */
  readonly traced?: { readonly policy: Uint8Array; readonly profile: Uint8Array } | undefined;
}

/** `struct sock_fprog` and the load of a filter. */
export function addSeccomp(list: PlanList, blob: PlanBlob, { program, flags, traced }: PlannedSeccomp): void {
  const about = "load the seccomp profile";
  const filter = blob.put(program);
  const head = Buffer.alloc(16);
  head.writeUInt16LE(program.length / 8, 0);
  head.writeBigUInt64LE(blob.addressOf(filter), 8);
  if (traced === undefined) {
    list.add(about, "seccomp", [SECCOMP_SET_MODE_FILTER, flags, head]);
    return;
  }
  const barrier = blob.reserve(16);
  const listener = list.add(about, "seccomp", [SECCOMP_SET_MODE_FILTER, flags, head], {
    store: { offset: barrier.offset + 8, bytes: 8 },
  });
  // SAFETY: the holder of the listener decides; the program must not hold it.
  addBarrier(list, blob, barrier, takeListener, about);
  list.add(about, "close", [listener]);
}

/** The calls of addBarrier(): they happen after the load of a filter and before the keeper listens to it. */
export function barrierCalls(channel: number): readonly UntracedCall[] {
  return (["write", "read"] as const).map((name) => ({
    name,
    conditions: [
      { index: 0, op: "EQ", value: BigInt(channel), valueTwo: 0n },
      { index: 1, op: "GE", value: PlanBlob.address, valueTwo: 0n },
      { index: 1, op: "LT", value: PlanBlob.address + BigInt(PlanBlob.mostBytes), valueTwo: 0n },
    ],
  }));
}

/** From root's full rights to the user's: bounding set, groups, ids, capabilities, in the only order that works. */
export function addIdentity(
  list: PlanList,
  process: RuntimeProcess,
  available: ReadonlySet<CapabilityName>,
): void {
  const { user } = process;
  const about = `become user ${user.uid}:${user.gid}`;
  const sets = parseSets(process.capabilities ?? {}, available);
  capabilityNames.forEach((name, number) => {
    // EINVAL: the kernel is older than the capability.
    if (!sets.bounding.has(name)) {
      list.add(`drop ${name}`, "prctl", [PR_CAPBSET_DROP, number, 0, 0, 0], {
        skip: { errors: [errno.EINVAL], count: 0 },
      });
    }
  });
  if (user.uid !== 0) list.add(about, "prctl", [PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  const groups = user.additionalGids ?? [];
  const encoded = Buffer.alloc(4 * groups.length);
  groups.forEach((gid, i) => encoded.writeUInt32LE(gid, 4 * i));
  list.add(about, "setgroups", [groups.length, groups.length === 0 ? null : encoded]);
  list.add(about, "setresgid", [user.gid, user.gid, user.gid]);
  list.add(about, "setresuid", [user.uid, user.uid, user.uid]);
  // SAFETY: inheritable stays empty; a file's inheritable bits must gain nothing.
  const { header, data } = encodeCapset(0, { effective: sets.effective, permitted: sets.permitted });
  list.add("set the capabilities", "capset", [header, data]);
  list.add("set the capabilities", "prctl", [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0]);
  for (const name of sets.ambient) {
    list.add(`raise ${name}`, "prctl", [
      PR_CAP_AMBIENT,
      PR_CAP_AMBIENT_RAISE,
      capabilityNames.indexOf(name),
      0,
      0,
    ]);
  }
  if (process.noNewPrivileges === true)
    list.add("set no-new-privileges", "prctl", [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  list.add("set the file mode mask", "umask", [user.umask ?? 0o022]);
  // After the last change of credentials, which would clear it: the end of the keeper is the container's end.
  list.add("die with the keeper", "prctl", [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0]);
}

function parseSets(
  capabilities: RuntimeCapabilities,
  available: ReadonlySet<CapabilityName>,
): Record<"bounding" | "effective" | "permitted" | "ambient", ReadonlySet<CapabilityName>> {
  const parse = (names: readonly string[] = []): ReadonlySet<CapabilityName> =>
    new Set(
      names
        .map(parseCapability)
        .filter((name): name is CapabilityName => name !== "ALL" && available.has(name)),
    );
  return {
    bounding: parse(capabilities.bounding),
    effective: parse(capabilities.effective),
    permitted: parse(capabilities.permitted),
    ambient: parse(capabilities.ambient),
  };
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * execve, once for a name with a slash, else once for each directory of the process's own PATH; the first that
 * is there runs. The last op of every child list: going on after it is a failure.
 */
export function addExecute(list: PlanList, blob: PlanBlob, process: RuntimeProcess, init?: number): void {
  const [name] = process.args;
  if (name === undefined || name === "")
    throw new Failure("invalid", "cannot start a process: no command was given");
  const args = init === undefined ? process.args : ["tare-init", "--", ...process.args];
  const argv: PlanArgument = { addressOf: blob.textArray(args) };
  const envp: PlanArgument = { addressOf: blob.textArray(process.env) };
  if (init !== undefined) {
    list.add("execute the init", "execveat", [init, "", argv, envp, AT_EMPTY_PATH]);
    return;
  }
  const path = process.env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? defaultPath;
  const candidates = name.includes("/")
    ? [name]
    : path.split(":").map((directory) => `${directory || "."}/${name}`);
  const tryNext = { errors: [errno.ENOENT, errno.ENOTDIR, errno.EACCES], count: 0 };
  candidates.forEach((candidate, i) => {
    const last = i === candidates.length - 1;
    list.add(`execute "${name}"`, "execve", [candidate, argv, envp], last ? {} : { skip: tryNext });
  });
}

/** A process with all that was decided about its rights. */
export interface PlannedProcess {
  readonly process: RuntimeProcess;
  /** The descriptor of an init to execute the program; it goes with execve. */
  readonly init?: number | undefined;
  /** Absent: no filter. */
  readonly seccomp?: PlannedSeccomp | undefined;
  /** Capabilities that this engine has itself: no process can get others. */
  readonly available: ReadonlySet<CapabilityName>;
  /** Stop before the first instruction until the engine permits it. */
  readonly announce: boolean;
  /** Descriptors of the caller's, as the keeper inherits them, and the numbers at which the program finds them. */
  readonly preserved?: readonly PreservedFd[] | undefined;
}

export interface PreservedFd {
  readonly fd: number;
  readonly target: number;
}

/** Where a child that passes descriptors on has its channel: above all of them. */
export const raisedChannel = 512;
const firstFree = raisedChannel + 1;

/**
 * Puts the caller's descriptors where the program finds them, and closes all others but the channel. From here on
 * nothing of the engine's can be used; before limits are set, which may be lower than the numbers that this needs.
 */
export function addPreserved(list: PlanList, { preserved, init }: PlannedProcess): void {
  if (preserved === undefined) return;
  const about = "pass the caller's descriptors on";
  const kept = [...preserved.map(({ fd }) => fd), ...(init === undefined ? [] : [init])];
  // Two steps: a number that is wanted may be one that is still to be passed.
  kept.forEach((fd, i) => list.add(about, "dup3", [fd, firstFree + i, O_CLOEXEC]));
  list.add(about, "close_range", [3, raisedChannel - 1, 0]);
  list.add(about, "close_range", [firstFree + kept.length, 0xffffffff, 0]);
  preserved.forEach(({ target }, i) => list.add(about, "dup3", [firstFree + i, target, 0]));
  if (preserved.length > 0) list.add(about, "close_range", [firstFree, firstFree + preserved.length - 1, 0]);
}

function pathOfInit({ preserved = [], init }: PlannedProcess): number | undefined {
  return init === undefined ? undefined : firstFree + preserved.length;
}

/**
 * The last part of every child list: streams to the user, host descriptors closed, rights given up, filter loaded,
 * the program executed.
 */
export function addCredentials(
  list: PlanList,
  blob: PlanBlob,
  planned: PlannedProcess,
  clock: PlanClock,
  options: {
    readonly stdin: boolean;
    readonly streams?: "own" | "owned" | undefined;
    /** The name of the time at the engine's barrier. */
    readonly awaited?: string | undefined;
  },
): void {
  const { process, seccomp } = planned;
  if (process.personality === "LINUX32")
    list.add("set the personality LINUX32", "personality", [PER_LINUX32]);
  if (options.streams !== "owned") addStreamOwner(list, process.user.uid, options);
  // SAFETY: closed, not just close-on-exec: a process that is looked into before it executes, while it waits most
  // of all, must hold nothing of the host. The channel (3) goes with execve.
  const isArranged = planned.preserved !== undefined;
  const init = isArranged ? pathOfInit(planned) : planned.init;
  const about = "close the engine's descriptors";
  if (isArranged) {
    // By addPreserved().
  } else if (init === undefined) list.add(about, "close_range", [4, 0xffffffff, 0]);
  else {
    // Sealed or read-only: the one thing of the engine's that the container's first process is.
    if (init > 4) list.add(about, "close_range", [4, init - 1, 0]);
    list.add(about, "close_range", [init + 1, 0xffffffff, 0]);
    list.add(about, "fcntl", [init, F_SETFD, FD_CLOEXEC]);
  }
  if (planned.announce) addBarrier(list, blob, blob.reserve(16), readyBarrier, "wait for the engine");
  if (options.awaited !== undefined) clock.stamp(list, options.awaited);
  const early = process.noNewPrivileges !== true; // without it only a privileged thread may load a filter
  let loaded = list.ops.length;
  if (seccomp !== undefined && early) addSeccomp(list, blob, seccomp);
  addIdentity(list, process, planned.available);
  if (seccomp !== undefined && !early) {
    loaded = list.ops.length;
    addSeccomp(list, blob, seccomp);
  }
  clock.stamp(list, "identity");
  clock.report(list);
  addExecute(list, blob, process, init);
  if (seccomp !== undefined)
    checkTail(list.ops.slice(loaded + 1), seccomp.traced?.profile ?? seccomp.program);
}

const checked = new WeakMap<Uint8Array, Set<string>>();
/** Users and groups differ; each is checked again some time. */
const mostPassed = 1_000;

/**
 * Refuses a profile that would break the rest of the plan, by the name of the call: the filter is interpreted as
 * the kernel would, with some address for each pointer. What passed once is remembered for the program.
 */
function checkTail(ops: readonly PlanOp[], program: Uint8Array): void {
  const arch = auditArchitecture(architecture);
  let passed = checked.get(program);
  if (passed === undefined) checked.set(program, (passed = new Set()));
  for (const op of ops) {
    if (op.call === checkNotIn) continue; // the kernel sees nothing of it
    const key = `${op.call} ${op.args.map((argument) => (typeof argument === "number" ? argument : "")).join(" ")}`;
    if (passed.has(key)) continue;
    const args = Array.from({ length: 6 }, (_, i) => addressOrValue(op.args[i]));
    const { kind } = interpretSeccomp(program, {
      nr: syscallNumber(op.call),
      arch,
      instructionPointer: 0n,
      args,
    });
    if (kind !== "allow" && kind !== "log") {
      throw new Failure(
        "invalid",
        `cannot use the seccomp profile: it denies "${op.call}", which starting the process needs; allow it in the profile`,
      );
    }
    if (passed.size >= mostPassed) passed.clear();
    passed.add(key);
  }
}

function addressOrValue(argument: PlanArgument | undefined): bigint {
  if (typeof argument === "number" || typeof argument === "bigint")
    return BigInt.asUintN(64, BigInt(argument));
  return argument === undefined || argument === null ? 0n : PlanBlob.address;
}
