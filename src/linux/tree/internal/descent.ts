import { required } from "../../../base/required.ts";
import { Failure } from "../../../base/failure.ts";
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../constants/open.ts";
import type { Fd } from "../../kernel/fd.ts";
import { openBeneath } from "../../files/open.ts";
import { isSameFile, type Stat, statFd } from "../../files/stat.ts";
import { attempt, call } from "../../kernel/syscall.ts";

/** So many ancestors stay open; those above are found again through "..". */
const OPEN_LEVELS = 64;

interface Level {
  /** −1: closed for now. */
  fd: Fd;
  readonly identity: Stat;
}

/**
 * A way down into a tree and up again, of any depth, with a bounded number of descriptors. Never goes through a
 * symbolic link, nor onto another mount unless it is to. SAFETY: going up through ".." is checked against the inode
 * that was there on the way down, so moving directories about in the meantime leads nowhere else.
 */
export class Descent implements Disposable {
  readonly #levels: Level[] = [];

  readonly #resolve: number;

  /** Takes the descriptor of the top over; readable. */
  constructor(top: Fd, { crossesMounts = false }: { readonly crossesMounts?: boolean | undefined } = {}) {
    this.#resolve = RESOLVE_NO_SYMLINKS | (crossesMounts ? 0 : RESOLVE_NO_XDEV);
    this.#levels.push({ fd: top, identity: statFd(top) });
  }

  /** 1 at the top. */
  get depth(): number {
    return this.#levels.length;
  }

  /** The directory it is in now; only until the next move. */
  get fd(): Fd {
    return required(this.#levels.at(-1)).fd;
  }

  get identity(): Stat {
    return required(this.#levels.at(-1)).identity;
  }

  down(name: string): void {
    const opened = openBeneath(this.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, this.#resolve);
    const fd = opened.move();
    this.#levels.push({ fd, identity: statFd(fd) });
    const old = this.#levels[this.#levels.length - 1 - OPEN_LEVELS];
    if (old !== undefined && old.fd >= 0) {
      attempt("close", old.fd);
      old.fd = -1;
    }
  }

  up(): void {
    const left = required(this.#levels.pop());
    const now = this.#levels.at(-1);
    try {
      if (now !== undefined && now.fd < 0) this.#reopen(now, left.fd);
    } finally {
      attempt("close", left.fd);
    }
  }

  #reopen(level: Level, child: Fd): void {
    const fd = call("openat", child, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    level.fd = fd;
    if (!isSameFile(statFd(fd), level.identity)) {
      throw new Failure("conflict", "cannot go back up a tree: a directory was moved meanwhile");
    }
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#levels) if (fd >= 0) attempt("close", fd);
    this.#levels.length = 0;
  }
}
