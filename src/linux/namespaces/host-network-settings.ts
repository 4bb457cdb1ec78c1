import { IN_MODIFY, IN_NONBLOCK, IN_CLOEXEC } from "../constants/inotify.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { makeNetworkNamespace } from "./network-namespace.ts";
import { attempt, callAsync } from "../kernel/syscall.ts";

/**
 * Where the settings are that a network namespace takes over when it is created. KERNEL: those of the first namespace;
 * devinet_init_net(), tcp_sk_init().
 */
const directories = [
  "core",
  "ipv4",
  "ipv4/conf/all",
  "ipv4/conf/default",
  "ipv4/neigh/default",
  "ipv4/route",
  "ipv6",
  "ipv6/conf/all",
  "ipv6/conf/default",
  "ipv6/icmp",
  "ipv6/neigh/default",
  "ipv6/route",
  "mptcp",
  "netfilter",
  "unix",
].map((name) => `/proc/sys/net/${name}`);

/** A network namespace that no process is in, for a later container. */
export class PrewarmedNetworkNamespace extends OwnedFd {
  readonly #settings: HostNetworkSettings;

  constructor(fd: Fd, settings: HostNetworkSettings) {
    super(fd);
    this.#settings = settings;
  }

  /** False when it would differ from one that is created now. */
  get isAlive(): boolean {
    return !this.#settings.haveChanged();
  }
}

/** Reports whether a process has written to the host's network settings, through the /proc that this process sees. */
export class HostNetworkSettings implements Disposable {
  /** Absent where the limit of inotify instances is reached: then a write has to be expected. */
  readonly #inotify: OwnedFd | undefined;

  constructor() {
    const fd = attempt("inotify_init1", IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return;
    this.#inotify = new OwnedFd(fd);
    // Settings that the kernel lacks are skipped.
    for (const directory of directories) attempt("inotify_add_watch", fd, directory, IN_MODIFY);
  }

  /** Since the last call. */
  haveChanged(): boolean {
    if (this.#inotify === undefined) return true;
    const events = Buffer.alloc(4096);
    let changed = false;
    while (attempt("read", this.#inotify.fd, events, events.length) > 0) changed = true;
    return changed;
  }

  createNamespace(): PrewarmedNetworkNamespace {
    this.haveChanged(); // it takes over what they are now
    using created = makeNetworkNamespace();
    return new PrewarmedNetworkNamespace(created.move(), this);
  }

  [Symbol.dispose](): void {
    // KERNEL: close() waits for every reader of its marks (10 to 20 ms), so a thread of the pool calls it.
    if (this.#inotify !== undefined) void callAsync("close", this.#inotify.move()).catch(() => {});
  }
}
