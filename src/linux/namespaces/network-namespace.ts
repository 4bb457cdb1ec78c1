import { CLONE_NEWNET } from "../constants/clone.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../constants/open.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { AF_INET, requestUp, SIOCSIFFLAGS, SOCK_DGRAM } from "../kernel/netdevice.ts";
import { attempt, call } from "../kernel/syscall.ts";

/** The network namespace of this thread. */
export function openOwnNetworkNamespace(): OwnedFd {
  return new OwnedFd(call("openat", AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

/**
 * Creates a network namespace without processes, with its loopback interface up. Its rules are those of
 * inNetworkNamespace(). KERNEL: each namespace has an entry for /proc/sys/net/ipv6 in the same hash chain of the dentry
 * cache. The first lookup walks the entries of all others, three times (0.6 ms with 500 containers). The new entry then
 * leads the chain, so this function makes it.
 */
export function makeNetworkNamespace(): OwnedFd {
  return away(
    () => call("unshare", CLONE_NEWNET),
    () => {
      using made = openOwnNetworkNamespace();
      using socket = new OwnedFd(call("socket", AF_INET, SOCK_DGRAM | O_CLOEXEC, 0));
      call("ioctl", socket.fd, SIOCSIFFLAGS, requestUp("lo"));
      attempt("faccessat", AT_FDCWD, "/proc/sys/net/ipv6/conf", 0); // a kernel without IPv6 lacks it
      return new OwnedFd(made.move());
    },
  );
}

/**
 * Runs `work` with this thread in another network namespace: sockets made there belong to it, and so do the files of
 * /proc/sys/net. SAFETY: `work` must not wait for anything; nothing else runs on this thread until it is back. A
 * failure to come back ends the process: it would be in a container's network.
 */
export function inNetworkNamespace<T>(netnsFd: Fd, work: () => T): T {
  return away(() => call("setns", netnsFd, CLONE_NEWNET), work);
}

function away<T>(leave: () => void, work: () => T): T {
  using own = openOwnNetworkNamespace();
  leave();
  try {
    return work();
  } finally {
    try {
      call("setns", own.fd, CLONE_NEWNET);
    } catch {
      process.abort();
    }
  }
}
