import { sleep } from "../base/deadline.ts";
import { kindOf } from "../base/failure.ts";
import { isServed } from "./start-daemon.ts";

const leavingWithinMs = 5_000;

/**
 * Does what needs the roots for itself. Waits for a daemon that serves no more and is about to leave them; one that
 * serves is a conflict at once.
 */
export async function whenFree<T>(socketPath: string | undefined, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + leavingWithinMs;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (kindOf(thrown) !== "conflict" || Date.now() > deadline) throw thrown;
      if (socketPath !== undefined && (await isServed(socketPath))) throw thrown;
      await sleep(20);
    }
  }
}
