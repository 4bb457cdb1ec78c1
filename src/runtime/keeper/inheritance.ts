import type { Fd } from "../../linux/kernel/fd.ts";

/** Which descriptors a keeper gets, and what their numbers are there. */
export class Inheritance {
  readonly #fds: Fd[] = [];
  readonly #firstFd: number;

  /** `firstFd`: the number of the first one in the keeper. */
  constructor({ firstFd = firstInheritedFd }: { readonly firstFd?: number | undefined } = {}) {
    this.#firstFd = firstFd;
  }

  /** The number that `fd` will have in the keeper. */
  add(fd: Fd): number {
    this.#fds.push(fd);
    return this.#firstFd + this.#fds.length - 1;
  }

  get fds(): readonly Fd[] {
    return this.#fds;
  }
}

/** A keeper's inherited descriptors follow its standard streams and its listening socket. */
export const firstInheritedFd = 4;
