import { O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../constants/open.ts";
import { type Fd, OwnedFd } from "../../kernel/fd.ts";
import { type Stat, statFd } from "../../files/stat.ts";
import { attempt } from "../../kernel/syscall.ts";
import { listDirectories } from "./files.ts";

/** Cgroups that one walk visits at most: a container that may make its own could make very many. */
const mostVisits = 100_000;

export interface CgroupVisitor {
  /** Called for the directory itself and each below it, before those below. */
  readonly enter?: ((directory: Fd) => void) | undefined;
  /** Called with the parent when all below `name` has been left; not for the topmost. */
  readonly leave?: ((parent: Fd, name: string) => void) | undefined;
}

/**
 * Visits a cgroup and all below it, by descriptor and with two of them open at a time, however deep it is.
 * SAFETY: ".." is the directory that we came from; cgroups cannot be moved to another parent.
 * A tree that changes under the walk is visited in part: callers repeat until nothing is left.
 */
export function walkCgroups(parent: Fd, name: string, visitor: CgroupVisitor): void {
  let current = find(parent, name);
  if (current === undefined) return;
  try {
    visitor.enter?.(current.fd);
    if (isLeaf(statFd(current.fd))) return;
    const frames = [{ names: listDirectories(current.fd), next: 0 }];
    for (let visits = 0; visits < mostVisits; visits++) {
      const frame = frames.at(-1);
      if (frame === undefined) return;
      const child = frame.names[frame.next++];
      const to: OwnedFd | undefined = find(current.fd, child ?? "..");
      if (child !== undefined && to === undefined) continue; // gone meanwhile
      if (child === undefined) frames.pop();
      const above = frames.at(-1);
      if (to === undefined || above === undefined) {
        to?.[Symbol.dispose]();
        return;
      }
      current[Symbol.dispose]();
      current = to;
      if (child === undefined) {
        visitor.leave?.(current.fd, above.names[above.next - 1] ?? "");
      } else {
        visitor.enter?.(current.fd);
        frames.push({ names: listDirectories(current.fd), next: 0 });
      }
    }
  } finally {
    current[Symbol.dispose]();
  }
}

/**
 * Whether a cgroup has none below it; one that is gone has none.
 * KERNEL: kernfs counts a directory's directories as links to it; what is counted otherwise is listed.
 */
export function isLeaf(stat: Pick<Stat, "links"> | undefined): boolean {
  return stat === undefined || stat.links === 2;
}

function find(directory: Fd, name: string): OwnedFd | undefined {
  const fd = attempt("openat", directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return fd < 0 ? undefined : new OwnedFd(fd);
}
