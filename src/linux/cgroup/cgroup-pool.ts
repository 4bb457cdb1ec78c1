import { Cgroup, type CgroupJoin } from "./cgroup.ts";
import type { CgroupHierarchy } from "./layout.ts";
import type { CgroupParent } from "./parent.ts";
import type { CgroupPlan } from "./plan.ts";
import { openJoin } from "./internal/join.ts";
import { AT_REMOVEDIR } from "../constants/open.ts";
import { restMs } from "../files/directory-pool.ts";
import { attempt } from "../kernel/syscall.ts";

/** So long one waits for somebody who wants it, and so long for whom it was promised to. */
const keptMs = 10_000;
const promisedMs = 1_000;

interface Made {
  readonly name: string;
  readonly key: string;
  readonly hierarchies: readonly CgroupHierarchy[];
  readonly join: CgroupJoin;
  isPromised: boolean;
}

/**
 * A cgroup that is made before it is needed, a moment after the last one: with the name that whoever comes next is told to use, and
 * the limits of the last, once two in a row had the same. What lies there and nobody wanted goes after ten seconds. Where many
 * are wanted at once, all but one are made by those who want them.
 */
export class CgroupPool implements Disposable {
  readonly #parent: CgroupParent;
  readonly #newName: () => string;
  #made: Made | undefined;
  /** Of the one that was taken last, until it is asked for. */
  #join: { readonly name: string; readonly join: CgroupJoin } | undefined;
  #lastKey: string | undefined;
  #making: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #isOpen = true;

  /** `newName` gives one that nobody has or will have. */
  constructor(parent: CgroupParent, newName: () => string) {
    this.#parent = parent;
    this.#newName = newName;
  }

  /** The name of the one that is there and nobody's yet. */
  get name(): string | undefined {
    return this.#made?.name;
  }

  /** A name for one that is about to be made, because it is there already; each is given once. */
  promise(): string | undefined {
    const made = this.#made;
    if (made === undefined || made.isPromised) return undefined;
    made.isPromised = true;
    this.#expireIn(promisedMs);
    return made.name;
  }

  /** As CgroupParent.create(). */
  create(name: string, plan: CgroupPlan): Cgroup {
    const key = keyOf(plan);
    const isUsual = key === this.#lastKey;
    this.#lastKey = key;
    if (isUsual) this.#makeSoon(plan);
    if (this.#made?.name !== name) return this.#parent.create(name, plan);
    const made = this.#made;
    this.#made = undefined;
    clearTimeout(this.#expiry);
    if (made.key !== key || !this.#isThere(made)) {
      this.#remove(made);
      return this.#parent.create(name, plan);
    }
    try {
      this.#parent.create(name, partOf(plan, isLate));
    } catch (thrown) {
      this.#remove(made);
      throw thrown;
    }
    this.#closeJoin();
    this.#join = { name, join: made.join };
    return this.open(name);
  }

  /** As CgroupParent.open(): how to join one that was prewarmed is at hand, once. */
  open(name: string): Cgroup {
    return this.#join?.name === name
      ? new Cgroup(this.#parent, name, { ahead: () => this.#takeJoin(name) })
      : this.#parent.open(name);
  }

  [Symbol.dispose](): void {
    this.#isOpen = false;
    clearTimeout(this.#making);
    this.#closeJoin();
    this.#drop();
  }

  #makeSoon(plan: CgroupPlan): void {
    this.#making ??= setTimeout(() => {
      this.#making = undefined;
      this.#closeJoin();
      if (this.#isOpen && this.#made === undefined) this.#make(plan);
    }, restMs).unref();
  }

  /** Whoever wants one makes it, and says what fails. */
  #make(plan: CgroupPlan): void {
    const name = this.#newName();
    const hierarchies = plan.hierarchies.map(({ hierarchy }) => hierarchy).filter(isEarly);
    try {
      this.#parent.create(name, partOf(plan, isEarly));
    } catch {
      return;
    }
    try {
      const join = openJoin(this.#parent, name, { only: isEarly });
      this.#made = { name, key: keyOf(plan), hierarchies, join, isPromised: false };
      this.#expireIn(keptMs);
    } catch {
      this.#removeFrom(hierarchies, name);
    }
  }

  #expireIn(ms: number): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#drop(), ms).unref();
  }

  #drop(): void {
    clearTimeout(this.#expiry);
    if (this.#made !== undefined) this.#remove(this.#made);
    this.#made = undefined;
  }

  #remove({ name, hierarchies, join }: Made): void {
    join[Symbol.dispose]();
    this.#removeFrom(hierarchies, name);
  }

  #removeFrom(hierarchies: readonly CgroupHierarchy[], name: string): void {
    try {
      for (const hierarchy of hierarchies)
        attempt("unlinkat", this.#parent.directoryIn(hierarchy), name, AT_REMOVEDIR);
    } catch {
      // The one above is gone, and can't be made again now: nobody waits for this, and the next open looks.
    }
  }

  /** Anybody may have removed it. */
  #isThere({ name, hierarchies }: Made): boolean {
    return hierarchies.every(
      (hierarchy) => attempt("faccessat", this.#parent.directoryIn(hierarchy), name, 0) === 0,
    );
  }

  #takeJoin(name: string): CgroupJoin | undefined {
    if (this.#join?.name !== name) return undefined;
    using opened = new DisposableStack();
    const ahead = opened.use(this.#join.join);
    this.#join = undefined;
    const rest = opened.use(openJoin(this.#parent, name, { only: isLate }));
    const owned = opened.move();
    return {
      ...ahead,
      writeZeroFds: [...ahead.writeZeroFds, ...rest.writeZeroFds],
      [Symbol.dispose]: () => owned.dispose(),
    };
  }

  #closeJoin(): void {
    this.#join?.join[Symbol.dispose]();
    this.#join = undefined;
  }
}

/**
 * KERNEL: a v1 cpuset is a copy of the one above, as that is when it is made, and who makes that one smaller is refused (EBUSY) as
 * long as one below has more. So it is made with its container.
 */
function isEarly(hierarchy: CgroupHierarchy): boolean {
  return hierarchy.version === 2 || !hierarchy.controllers.includes("cpuset");
}

function isLate(hierarchy: CgroupHierarchy): boolean {
  return !isEarly(hierarchy);
}

function partOf(plan: CgroupPlan, isIn: (hierarchy: CgroupHierarchy) => boolean): CgroupPlan {
  return { ...plan, hierarchies: plan.hierarchies.filter(({ hierarchy }) => isIn(hierarchy)) };
}

/** The same for plans that do the same, on one host. */
function keyOf({ hierarchies, deviceFilter }: CgroupPlan): string {
  return JSON.stringify([hierarchies.map(({ writes }) => writes), deviceFilter]);
}
