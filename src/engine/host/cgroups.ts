import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Cgroup } from "../../linux/cgroup/cgroup.ts";
import { type CgroupLayout, hierarchiesOf } from "../../linux/cgroup/layout.ts";
import { CgroupParent } from "../../linux/cgroup/parent.ts";
import { pathIn, readCgroupPaths } from "../../linux/cgroup/paths.ts";
import type { CgroupPlan } from "../../linux/cgroup/plan.ts";
import type { CgroupPart } from "../dependencies.ts";
import type { OomListener } from "./oom-listener.ts";

/** The cgroups of an engine's containers: below its own, or below one that the container was given. */
export class EngineCgroups implements CgroupPart, Disposable {
  readonly #own: CgroupParent;
  /** Parents that are in use, by path; and which container has which. */
  readonly #parents = new Map<string, CgroupParent>();
  readonly #assigned = new Map<string, string>();
  readonly #split = new Set<string>();
  /** Made when the first container with a limit runs. */
  #oom: Promise<OomListener> | undefined;
  #isDisposed = false;

  constructor(own: CgroupParent) {
    this.#own = own;
  }

  get layout(): CgroupLayout {
    return this.#own.layout;
  }

  get path(): string {
    return this.#own.path;
  }

  assign(
    name: string,
    parent: string,
    { split = false }: { readonly split?: boolean | undefined } = {},
  ): void {
    const path = parent.startsWith("/") ? parent.slice(1) : `${this.#own.path}/${parent}`;
    this.#assigned.set(name, path);
    if (split) this.#split.add(path);
  }

  current(): string {
    const paths = readCgroupPaths("self");
    const found = hierarchiesOf(this.layout).map((hierarchy) => pathIn(paths, hierarchy).slice(1));
    const longest = found.reduce((one, other) => (other.length > one.length ? other : one), "");
    const isAbove = (path: string): boolean =>
      path === "" || path === longest || longest.startsWith(`${path}/`);
    if (found.every(isAbove)) return longest;
    throw new Failure(
      "unsupported",
      `cannot split the engine's cgroup: it is in ${[...new Set(found)].map((path) => `"/${path}"`).join(" and ")} of different hierarchies`,
    );
  }

  release(name: string): void {
    this.#assigned.delete(name);
  }

  pathOf(name: string): string {
    return `${this.#assigned.get(name) ?? this.#own.path}/${name}`;
  }

  limitAbove(name: string, plan: CgroupPlan): void {
    const parent = this.#parentOf(name);
    for (const hierarchy of hierarchiesOf(this.layout)) parent.directoryIn(hierarchy);
    this.#own.open(parent.path.slice(this.#own.path.length + 1)).change(plan);
  }

  create(name: string, plan: CgroupPlan): Cgroup {
    return this.#parentOf(name).create(name, plan);
  }

  open(name: string): Cgroup {
    return this.#parentOf(name).open(name);
  }

  exists(name: string): boolean {
    const path = this.pathOf(name);
    return hierarchiesOf(this.layout).some(({ mountPath }) => existsSync(join(mountPath, path)));
  }

  list(): readonly string[] {
    const names = new Set<string>();
    for (const { mountPath } of hierarchiesOf(this.layout)) {
      for (const entry of readdirSync(join(mountPath, this.path), { withFileTypes: true })) {
        if (entry.isDirectory() && !this.#isParent(entry.name)) names.add(entry.name);
      }
    }
    for (const name of this.#assigned.keys()) if (this.exists(name)) names.add(name);
    return [...names];
  }

  #isParent(name: string): boolean {
    const path = `${this.path}/${name}`;
    return [...this.#assigned.values()].some((one) => one === path || one.startsWith(`${path}/`));
  }

  async watchOom(name: string, listener: () => void): Promise<void> {
    this.#oom ??= import("./oom-listener.ts").then(({ OomListener }) => new OomListener(this.layout));
    const oom = await this.#oom;
    if (this.#isDisposed) oom[Symbol.dispose]();
    else oom.add(this.#parentOf(name), name, listener);
  }

  missingAbove(name: string): readonly string[] {
    return this.#assigned.has(name) ? this.#parentOf(name).listMissing() : [];
  }

  claimAbove(name: string, paths: readonly string[]): void {
    if (this.#assigned.has(name)) this.#parentOf(name).claim(paths);
  }

  /** Takes the directories above it away that were made for it, unless others are below them. */
  leaveParent(name: string): void {
    const path = this.#assigned.get(name);
    if (path === undefined) return;
    this.#parentOf(name).removeMarked();
    this.#parents.delete(path);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    void this.#oom?.then((oom) => oom[Symbol.dispose]());
    for (const parent of this.#parents.values()) parent[Symbol.dispose]();
    this.#parents.clear();
  }

  #parentOf(name: string): CgroupParent {
    const path = this.#assigned.get(name);
    if (path === undefined) return this.#own;
    let parent = this.#parents.get(path);
    if (parent === undefined) {
      parent = new CgroupParent(path, this.#own.layout, {
        mark: this.#own.path,
        isShared: this.#split.has(path),
      });
      this.#parents.set(path, parent);
    }
    return parent;
  }
}
