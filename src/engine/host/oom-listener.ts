import type { CgroupLayout } from "../../linux/cgroup-layout.ts";
import { openOomWatch, type OomWatch } from "../../linux/cgroup-oom-watch.ts";
import type { CgroupParent } from "../../linux/cgroup-parent.ts";

/** One look costs a system call; nobody looks while nothing is watched. */
const LOOK_EVERY_MS = 500;

/** Tells of containers whose memory ran out, within half a second. */
export class OomListener implements Disposable {
  readonly #watch: OomWatch | undefined;
  readonly #listeners = new Map<string, () => void>();
  #before: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(layout: CgroupLayout) {
    this.#watch = openOomWatch(layout);
  }

  add(parent: CgroupParent, name: string, listener: () => void): void {
    if (this.#watch?.add(parent, name) !== true) return;
    this.#listeners.set(name, listener);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#rest();
    this.#watch?.[Symbol.dispose]();
  }

  #look(): void {
    const taken = this.#watch?.take() ?? [];
    // v1 says that memory ran out before it has chosen whom to kill: a second look finds the count.
    for (const name of new Set([...this.#before, ...taken])) this.#listeners.get(name)?.();
    this.#before = taken;
    if (this.#watch?.size === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
  }
}
