import { posix } from "node:path";
import {
  O_CLOEXEC,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFREG,
} from "../../linux/constants/open.ts";
import { errno } from "../../linux/kernel/errno.ts";
import { addOpenChecked, addOpenTarget, encodeOpenHow } from "./paths.ts";
import type { PlanArgument, PlanBlob, PlanList } from "./plan.ts";
import { TargetChecks } from "./target-checks.ts";

const existing = { skip: { errors: [errno.EEXIST], count: 0 } } as const;

/**
 * Records which mounts a plan has attached where, to find the path to the next target. A tmpfs that the plan itself has
 * created is empty, and no other process has seen it: a target directly in it needs no lookup from the root. SAFETY: a
 * path below it is in it, even if a link of the image has redirected a later mount over it.
 */
export class AttachedMounts {
  readonly root: number;
  readonly #fresh = new Map<string, PlanArgument>();
  readonly #checks: TargetChecks;

  constructor(root: number, blob: PlanBlob) {
    this.root = root;
    this.#checks = new TargetChecks(blob);
  }

  /**
   * From here on no link may lead a mount over this file system where it is the container's own /dev, or that of its
   * cgroups.
   */
  protect(list: PlanList, fd: PlanArgument, destination: string): void {
    this.#checks.addOwn(list, fd, destination);
  }

  /** `fresh`: its descriptor, when it is a tmpfs that the plan has made. */
  add(destination: string, fresh?: PlanArgument): void {
    const normalized = normalize(destination);
    const below = normalized === "/" ? "/" : `${normalized}/`;
    for (const covered of this.#fresh.keys())
      if (covered === normalized || covered.startsWith(below)) this.#fresh.delete(covered);
    if (fresh !== undefined) this.#fresh.set(normalized, fresh);
  }

  /** A directory's descriptor; it is made when nothing is there. */
  addOpenDirectory(list: PlanList, blob: PlanBlob, path: string, about: string): PlanArgument {
    return (
      this.#fresh.get(normalize(path)) ??
      addOpenTarget(list, blob, this.root, path, { about, kind: "directory" })
    );
  }

  /** The descriptor of a place for a mount, which is made when nothing is there; checked, see TargetChecks. */
  addOpenTarget(
    list: PlanList,
    blob: PlanBlob,
    path: string,
    options: {
      readonly about: string;
      readonly kind: "directory" | "file";
      readonly symlinks: "follow" | "refuse";
    },
  ): PlanArgument {
    const { about, kind } = options;
    const normalized = normalize(path);
    const parent = this.#fresh.get(posix.dirname(normalized));
    if (parent === undefined || normalized === "/") {
      if (options.symlinks === "refuse") return addOpenTarget(list, blob, this.root, path, options);
      const check = (target: PlanArgument): void => {
        this.#checks.add(list, target, { destination: normalized, about });
      };
      return addOpenChecked(list, blob.reserve(4), { root: this.root, path, options, check });
    }
    const name = posix.basename(normalized);
    if (kind === "file") list.add(about, "mknodat", [parent, name, S_IFREG | 0o644, 0], existing);
    else list.add(about, "mkdirat", [parent, name, 0o755], existing);
    const how = encodeOpenHow(O_PATH | O_CLOEXEC, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    return list.add(about, "openat2", [parent, name, how, how.length]);
  }
}

/** Absolute, without an end in "/". */
function normalize(path: string): string {
  return posix.resolve("/", path);
}
