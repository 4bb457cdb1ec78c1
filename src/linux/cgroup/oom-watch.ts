import { type CgroupLayout, findController } from "./layout.ts";
import type { CgroupParentDirectory } from "./internal/parent-directory.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../constants/open.ts";
import { Epoll, EPOLLIN } from "../kernel/epoll.ts";
import { type Fd, OwnedFd } from "../kernel/fd.ts";
import { attempt, call } from "../kernel/syscall.ts";

const IN_MODIFY = 0x2;
const IN_IGNORED = 0x8000;
const inotifyHeadBytes = 16;

/** Monitors cgroups for memory that ran out: one descriptor for any number of cgroups, polled at intervals. */
export interface OomWatch extends Disposable {
  /** False when this host cannot monitor that cgroup. A removed cgroup is forgotten automatically. */
  add(parent: CgroupParentDirectory, name: string): boolean;
  /** Names of those in which something happened since the last call. Does not wait. */
  take(): readonly string[];
  /** The number of monitored cgroups, including those whose end has not been read yet. */
  readonly size: number;
}

/** For the version of cgroups that has the memory; undefined when none has it. */
export function openOomWatch(layout: CgroupLayout): OomWatch | undefined {
  const version = findController(layout, "memory")?.version;
  if (version === undefined) return undefined;
  return version === 1 ? new EventfdWatch() : new InotifyWatch();
}

/** v2: the kernel reports changes of memory.events in the whole subtree. SPEC: cgroup-v2.rst, inotify(7) */
class InotifyWatch implements OomWatch {
  readonly #inotify = new OwnedFd(call("inotify_init1", O_NONBLOCK | O_CLOEXEC));
  readonly #names = new Map<number, string>();

  get size(): number {
    return this.#names.size;
  }

  add(parent: CgroupParentDirectory, name: string): boolean {
    const memory = findController(parent.layout, "memory");
    if (memory === undefined) return false;
    const path = `/proc/self/fd/${parent.directoryIn(memory)}/${name}/memory.events`;
    const watch = attempt("inotify_add_watch", this.#inotify.fd, path, IN_MODIFY);
    if (watch >= 0) this.#names.set(watch, name);
    return watch >= 0;
  }

  take(): readonly string[] {
    const found = new Set<string>();
    const events = Buffer.alloc(4096);
    for (;;) {
      const length = attempt("read", this.#inotify.fd, events, events.length);
      if (length <= 0) return [...found];
      for (let at = 0; at < length; at += inotifyHeadBytes + events.readUInt32LE(at + 12)) {
        const watch = events.readInt32LE(at);
        const name = this.#names.get(watch);
        if ((events.readUInt32LE(at + 4) & IN_IGNORED) !== 0) this.#names.delete(watch);
        else if (name !== undefined) found.add(name);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#inotify[Symbol.dispose]();
    this.#names.clear();
  }
}

/** v1: an eventfd each, counted up when its limit is hit and when it goes. SPEC: cgroup-v1/memory.rst, section 10 */
class EventfdWatch implements OomWatch {
  readonly #epoll = new Epoll();
  readonly #monitored = new Map<
    Fd,
    { readonly event: OwnedFd; readonly name: string; readonly parent: CgroupParentDirectory }
  >();

  get size(): number {
    return this.#monitored.size;
  }

  add(parent: CgroupParentDirectory, name: string): boolean {
    const memory = findController(parent.layout, "memory");
    if (memory === undefined) return false;
    const directory = parent.directoryIn(memory);
    using opened = new DisposableStack();
    const open = (file: string, flags: number): Fd => {
      const fd = attempt("openat", directory, `${name}/${file}`, flags | O_CLOEXEC);
      if (fd >= 0) opened.use(new OwnedFd(fd));
      return fd;
    };
    const control = open("memory.oom_control", O_RDONLY);
    const register = open("cgroup.event_control", O_WRONLY);
    if (control < 0 || register < 0) return false;
    using event = new OwnedFd(call("eventfd2", 0, O_NONBLOCK | O_CLOEXEC));
    const line = `${event.fd} ${control}`;
    if (attempt("write", register, line, line.length) < 0) return false;
    this.#epoll.add(event.fd, EPOLLIN);
    const owned = new OwnedFd(event.move());
    this.#monitored.set(owned.fd, { event: owned, name, parent });
    return true;
  }

  take(): readonly string[] {
    const found: string[] = [];
    for (;;) {
      const ready = this.#epoll.wait(0);
      if (ready.length === 0) return found;
      for (const { fd } of ready) {
        const monitored = this.#monitored.get(fd);
        attempt("read", fd, Buffer.alloc(8), 8);
        if (monitored === undefined) continue;
        if (isThere(monitored.parent, monitored.name)) found.push(monitored.name);
        else this.#forget(fd);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { event } of this.#monitored.values()) event[Symbol.dispose]();
    this.#monitored.clear();
    this.#epoll[Symbol.dispose]();
  }

  #forget(fd: Fd): void {
    this.#monitored.get(fd)?.event[Symbol.dispose]();
    this.#monitored.delete(fd);
  }
}

/** By its whole path: a look must not make a parent anew that went with it. */
function isThere({ layout, path }: CgroupParentDirectory, name: string): boolean {
  const memory = findController(layout, "memory");
  if (memory === undefined) return false;
  return attempt("faccessat", AT_FDCWD, `${memory.mountPath}/${path}/${name}`, 0) === 0;
}
