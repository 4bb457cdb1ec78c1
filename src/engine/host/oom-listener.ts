import type { CgroupLayout } from "../../linux/cgroup/layout.ts";
import { openOomWatch, type OomWatch } from "../../linux/cgroup/oom-watch.ts";

/** Each check costs a system call; the listener checks only while it monitors a cgroup. */
const LOOK_EVERY_MS = 500;

/** v1 reports exhausted memory before it has chosen a process to kill: a second check finds the count. */
const LOOKS = 2;

/**
 * Checks cgroups whose memory may have run out, within half a second: those that the kernel reports, and each new one,
 * because its memory may have run out before it was monitored.
 */
export class OomListener implements Disposable {
  readonly #watch: OomWatch | undefined;
  readonly #listeners = new Map<string, () => void>();
  /** By name, how many looks are still due. */
  readonly #due = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(layout: CgroupLayout) {
    this.#watch = openOomWatch(layout);
  }

  add(parent: Parameters<OomWatch["add"]>[0], name: string, listener: () => void): void {
    if (this.#watch?.add(parent, name) !== true) return;
    this.#listeners.set(name, listener);
    this.#due.set(name, LOOKS);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#rest();
    this.#watch?.[Symbol.dispose]();
  }

  #look(): void {
    for (const name of this.#watch?.take() ?? []) this.#due.set(name, LOOKS);
    for (const [name, looks] of this.#due) {
      if (looks > 1) this.#due.set(name, looks - 1);
      else this.#due.delete(name);
      this.#listeners.get(name)?.();
    }
    if (this.#watch?.size === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
    this.#due.clear();
  }
}
