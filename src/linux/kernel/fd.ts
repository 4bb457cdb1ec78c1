import { attempt, call } from "./syscall.ts";

/** A file descriptor of this process. */
export type Fd = number;

/** A descriptor with one owner: the scope that opens it disposes of it (`using`). Closing twice does nothing. */
export class OwnedFd implements Disposable {
  #fd: Fd;

  constructor(fd: Fd) {
    this.#fd = fd;
  }

  /** Use only while this object is alive and not moved. */
  get fd(): Fd {
    if (this.#fd < 0) throw new Error("a closed descriptor was used");
    return this.#fd;
  }

  /** Gives ownership away: the caller closes it from now on. */
  move(): Fd {
    const fd = this.fd;
    this.#fd = -1;
    return fd;
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    attempt("close", this.#fd);
    this.#fd = -1;
  }
}

// fcntl(2)
const F_DUPFD_CLOEXEC = 1030;

/** A second descriptor of the same open file, close-on-exec. */
export function duplicateFd(fd: Fd): OwnedFd {
  return new OwnedFd(call("fcntl", fd, F_DUPFD_CLOEXEC, 0));
}
