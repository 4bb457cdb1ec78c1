import type { ExitStatus } from "../../../model/container-state.ts";
import type { ContainerId } from "../../../model/ids.ts";

type Moment = "exit" | "removed";

/** The callers that wait for a container's end. */
export class Waiters {
  readonly #waiting = new Map<string, Set<(status: ExitStatus) => void>>();

  /** From this call on, nothing is missed. */
  add(id: ContainerId, moment: Moment, resolve: (status: ExitStatus) => void): Disposable {
    const key = `${moment} ${id}`;
    let waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(key, waiting);
    }
    waiting.add(resolve);
    return {
      [Symbol.dispose]: () => {
        waiting.delete(resolve);
        if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      },
    };
  }

  wake(id: ContainerId, moment: Moment, status: ExitStatus): void {
    const key = `${moment} ${id}`;
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const resolve of waiting) resolve(status);
  }
}
