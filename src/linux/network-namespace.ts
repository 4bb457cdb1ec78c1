import { CLONE_NEWNET } from "./constants/clone.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "./constants/open.ts";
import { type Fd, OwnedFd } from "./fd.ts";
import { call } from "./syscall.ts";

/** The network namespace of this thread. */
export function openOwnNetworkNamespace(): OwnedFd {
  return new OwnedFd(call("openat", AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

/**
 * Runs `work` with this thread in another network namespace: sockets made there belong to it, and so do the files of
 * /proc/sys/net. SAFETY: `work` must not wait for anything; nothing else runs on this thread until it is back. A failure to come back ends
 * the process: it would be in a container's network.
 */
export function inNetworkNamespace<T>(netnsFd: Fd, work: () => T): T {
  using own = openOwnNetworkNamespace();
  call("setns", netnsFd, CLONE_NEWNET);
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
