import { Failure } from "../../base/failure.ts";
import type { PreserveFds } from "../../model/descriptors.ts";

/** KERNEL: as many as one message carries (SCM_MAX_FD). */
const mostFds = 253;
/** Below where a child has its channel to the keeper. */
const highestTarget = 511;

/** Number in the program → descriptor of this process. Throws "invalid" for what can't be. */
export function resolvePreserved(preserveFds: PreserveFds = []): ReadonlyMap<number, number> {
  const pairs = preserveFds.map((each, i) =>
    typeof each === "number" ? { fd: each, as: 3 + i } : { fd: each.fd, as: each.as },
  );
  checkTargets(pairs.map(({ as }) => as));
  const wrong = pairs.find(({ fd }) => !Number.isInteger(fd) || fd < 0);
  if (wrong !== undefined) throw new Failure("invalid", `cannot pass descriptor ${wrong.fd}: it is none`);
  return new Map(pairs.map(({ fd, as }) => [as, fd]));
}

/** Throws "invalid" for numbers that a program can't find descriptors at. */
export function checkTargets(targets: readonly number[]): void {
  if (targets.length > mostFds)
    throw new Failure("invalid", `cannot pass ${targets.length} descriptors: at most ${mostFds}`);
  for (const [i, target] of targets.entries()) {
    if (!Number.isInteger(target) || target < 3 || target > highestTarget) {
      throw new Failure(
        "invalid",
        `cannot pass a descriptor as number ${target}: it must be from 3 to ${highestTarget}`,
      );
    }
    if (targets.indexOf(target) !== i)
      throw new Failure("invalid", `cannot pass two descriptors as number ${target}`);
  }
}
