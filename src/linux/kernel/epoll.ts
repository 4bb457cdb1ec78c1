import { O_CLOEXEC } from "../constants/open.ts";
import { architecture, type MachineArchitecture } from "../constants/architecture.ts";
import { errno } from "./errno.ts";
import { type Fd, OwnedFd } from "./fd.ts";
import { attempt, call, SyscallFailure } from "./syscall.ts";

export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** The kernel packs this structure on x86 only. SPEC: epoll_event(3type) */
export const epollLayouts: Readonly<
  Record<MachineArchitecture, { readonly size: number; readonly data: number }>
> = {
  x86_64: { size: 12, data: 4 },
  arm64: { size: 16, data: 8 },
};
const layout = epollLayouts[architecture];
const mostEvents = 64;

export interface EpollEvent {
  readonly fd: Fd;
  readonly events: number;
}

/** A set of descriptors and what is waited for on each, level-triggered. SPEC: epoll(7) */
export class Epoll implements Disposable {
  readonly #own = new OwnedFd(call("epoll_create1", O_CLOEXEC));
  readonly #buffer = Buffer.alloc(mostEvents * layout.size);

  add(fd: Fd, events: number): void {
    call("epoll_ctl", this.#own.fd, EPOLL_CTL_ADD, fd, encode(fd, events));
  }

  change(fd: Fd, events: number): void {
    call("epoll_ctl", this.#own.fd, EPOLL_CTL_MOD, fd, encode(fd, events));
  }

  /** Before the descriptor is closed. Fine when it is not in the set. */
  remove(fd: Fd): void {
    attempt("epoll_ctl", this.#own.fd, EPOLL_CTL_DEL, fd, null);
  }

  /** Waits on the calling thread, at most so long; -1: for ever. A signal ends it early, with nothing. */
  wait(timeoutMs: number): readonly EpollEvent[] {
    // epoll_pwait, because arm64 has no epoll_wait.
    const count = attempt("epoll_pwait", this.#own.fd, this.#buffer, mostEvents, timeoutMs, null, 8);
    if (count === -errno.EINTR) return [];
    if (count < 0) throw new SyscallFailure("epoll_pwait", [this.#own.fd], -count);
    return Array.from({ length: count }, (_, at) => ({
      events: this.#buffer.readUInt32LE(at * layout.size),
      fd: this.#buffer.readInt32LE(at * layout.size + layout.data),
    }));
  }

  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]();
  }
}

function encode(fd: Fd, events: number): Buffer {
  const event = Buffer.alloc(layout.size);
  event.writeUInt32LE(events, 0);
  event.writeInt32LE(fd, layout.data);
  return event;
}
