import { Failure } from "../../base/failure.ts";
import {
  type CapabilityName,
  capabilityNames,
  encodeCapset,
  parseCapability,
} from "../../linux/capability.ts";
import { errno } from "../../linux/errno.ts";
import type { RuntimeCapabilities, RuntimeProcess } from "../../spec/runtime-config.ts";
import type { PlanArgument, PlanBlob, PlanList } from "./plan.ts";

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

/** Limits of setrlimit(2); the numbers were clamped to what this engine may set. */
export function addLimits(
  list: PlanList,
  limits: readonly {
    readonly resource: number;
    readonly name: string;
    readonly soft: bigint;
    readonly hard: bigint;
  }[],
): void {
  for (const { resource, name, soft, hard } of limits) {
    const pair = Buffer.alloc(16);
    pair.writeBigUInt64LE(BigInt.asUintN(64, soft), 0);
    pair.writeBigUInt64LE(BigInt.asUintN(64, hard), 8);
    list.add(`set the limit ${name} to ${soft}:${hard}`, "prlimit64", [0, resource, pair, null]);
  }
}

/** `struct sock_fprog` and the load of a filter. */
export function addSeccomp(list: PlanList, blob: PlanBlob, program: Uint8Array): void {
  const filter = blob.put(program);
  const head = Buffer.alloc(16);
  head.writeUInt16LE(program.length / 8, 0);
  head.writeBigUInt64LE(blob.addressOf(filter), 8);
  list.add("load the seccomp profile", "seccomp", [SECCOMP_SET_MODE_FILTER, 0, head]);
}

/** From root's full rights to the user's: bounding set, groups, ids, capabilities, in the only order that works. */
export function addIdentity(list: PlanList, process: RuntimeProcess): void {
  const { user } = process;
  const about = `become user ${user.uid}:${user.gid}`;
  const sets = parseSets(process.capabilities ?? {});
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
): Record<"bounding" | "effective" | "permitted" | "ambient", ReadonlySet<CapabilityName>> {
  const parse = (names: readonly string[] = []): ReadonlySet<CapabilityName> =>
    new Set(names.map(parseCapability).filter((name): name is CapabilityName => name !== "ALL"));
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
export function addExecute(list: PlanList, blob: PlanBlob, process: RuntimeProcess): void {
  const [name] = process.args;
  if (name === undefined || name === "")
    throw new Failure("invalid", "cannot start a process: no command was given");
  const argv: PlanArgument = { addressOf: blob.textArray(process.args) };
  const envp: PlanArgument = { addressOf: blob.textArray(process.env) };
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

/** Which of the two filters-loading places is right: without no-new-privileges only a privileged thread may load. */
export function loadsSeccompEarly(process: RuntimeProcess): boolean {
  return process.noNewPrivileges !== true;
}

/** The capabilities that the profile's conditions see: the effective set. */
export function effectiveCapabilities(process: RuntimeProcess): ReadonlySet<CapabilityName> {
  return parseSets(process.capabilities ?? {}).effective;
}
