import { required } from "../../base/required.ts";
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { codeOf, Failure, within } from "../../base/failure.ts";
import * as clone from "../constants/clone.ts";
import { errno } from "../kernel/errno.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { isAlive } from "../process/process.ts";
import { attempt } from "../kernel/syscall.ts";
import { isForcedAbsent } from "../kernel/without.ts";

/** The names that the OCI runtime specification uses. */
export type NamespaceType = "mount" | "uts" | "ipc" | "pid" | "network" | "user" | "cgroup" | "time";

export interface NamespaceKind {
  readonly type: NamespaceType;
  readonly cloneFlag: number;
  /** Its name below `/proc/PID/ns` and in the link's text, `mnt:[4026531841]`. */
  readonly file: string;
  /** The ioctl on a pidfd that opens it (Linux 6.11). */
  readonly pidfdRequest: number;
  /**
   * The objects that a process without its own namespace shares with the host. `native/hello.c` contains the same
   * clauses.
   */
  readonly sharedWithout: string;
}

/** All eight, in the order in which they are shown. */
export const namespaceKinds: readonly NamespaceKind[] = [
  {
    type: "mount",
    cloneFlag: clone.CLONE_NEWNS,
    file: "mnt",
    pidfdRequest: clone.PIDFD_GET_MNT_NAMESPACE,
    sharedWithout: "the host's mount table, and with it every file",
  },
  {
    type: "pid",
    cloneFlag: clone.CLONE_NEWPID,
    file: "pid",
    pidfdRequest: clone.PIDFD_GET_PID_NAMESPACE,
    sharedWithout: "all processes of the host, to see and to signal",
  },
  {
    type: "network",
    cloneFlag: clone.CLONE_NEWNET,
    file: "net",
    pidfdRequest: clone.PIDFD_GET_NET_NAMESPACE,
    sharedWithout: "interfaces, addresses, ports and firewall of the host",
  },
  {
    type: "ipc",
    cloneFlag: clone.CLONE_NEWIPC,
    file: "ipc",
    pidfdRequest: clone.PIDFD_GET_IPC_NAMESPACE,
    sharedWithout: "System V IPC and POSIX message queues",
  },
  {
    type: "uts",
    cloneFlag: clone.CLONE_NEWUTS,
    file: "uts",
    pidfdRequest: clone.PIDFD_GET_UTS_NAMESPACE,
    sharedWithout: "host name and domain name",
  },
  {
    type: "cgroup",
    cloneFlag: clone.CLONE_NEWCGROUP,
    file: "cgroup",
    pidfdRequest: clone.PIDFD_GET_CGROUP_NAMESPACE,
    sharedWithout: "the view of the host's whole cgroup tree",
  },
  {
    type: "user",
    cloneFlag: clone.CLONE_NEWUSER,
    file: "user",
    pidfdRequest: clone.PIDFD_GET_USER_NAMESPACE,
    sharedWithout: "user ids: root here is root there",
  },
  {
    type: "time",
    cloneFlag: clone.CLONE_NEWTIME,
    file: "time",
    pidfdRequest: clone.PIDFD_GET_TIME_NAMESPACE,
    sharedWithout: "the monotonic and boot-time clocks",
  },
];

const kindOfType: ReadonlyMap<string, NamespaceKind> = new Map(
  namespaceKinds.map((kind) => [kind.type, kind]),
);

/** The table's row. */
export function getNamespaceKind(type: NamespaceType): NamespaceKind {
  return required(kindOfType.get(type));
}

/** The inode numbers that identify namespaces; a type that the kernel lacks is left out. */
export type NamespaceInodes = Readonly<Partial<Record<NamespaceType, number>>>;

/** Reads `/proc/PID/ns`. Fails with "not-found" when there is no such process. A zombie has only some. */
export function readNamespaces(pid: number | "self"): NamespaceInodes {
  const inodes: Partial<Record<NamespaceType, number>> = {};
  for (const kind of namespaceKinds) {
    const inode = readInode(`/proc/${pid}/ns/${kind.file}`);
    if (inode !== undefined) inodes[kind.type] = inode;
  }
  if (inodes.mount === undefined && inodes.user === undefined) {
    throw new Failure("not-found", `cannot read the namespaces of process ${pid}: no such process`);
  }
  return inodes;
}

function readInode(path: string): number | undefined {
  try {
    const inode = /\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch (thrown) {
    if (["ENOENT", "ESRCH"].includes(codeOf(thrown) ?? "")) return undefined;
    throw new Failure("not-permitted", `cannot read "${path}": ${String(thrown)}`, { cause: thrown });
  }
}

/**
 * A descriptor of one namespace of the process that `pidfd` stands for, for setns(2). Never that of another
 * process which got the same pid: the kernel opens it from the pidfd (6.11), or, before that, the process is
 * still there after its file was opened.
 */
export function openNamespace(
  process: { readonly pid: number; readonly pidfd: Fd },
  type: NamespaceType,
): OwnedFd {
  const kind = getNamespaceKind(type);
  const opened = isForcedAbsent("pidfd-namespaces")
    ? -errno.ENOTTY
    : attempt("ioctl", process.pidfd, kind.pidfdRequest, 0);
  if (opened >= 0) return new OwnedFd(opened);
  const sentence = `cannot open the ${type} namespace of process ${process.pid}`;
  if (opened === -errno.ESRCH) throw new Failure("not-found", `${sentence}: it has ended`);
  // KERNEL(6.11): drop this way when that is the minimum.
  let fd: Fd;
  try {
    fd = openSync(`/proc/${process.pid}/ns/${kind.file}`, constants.O_RDONLY);
  } catch (cause) {
    if (!isAlive(process.pidfd)) throw new Failure("not-found", `${sentence}: it has ended`, { cause });
    throw within(sentence, cause);
  }
  if (isAlive(process.pidfd)) return new OwnedFd(fd);
  closeSync(fd);
  throw new Failure("not-found", `${sentence}: it has ended`);
}
