import { within } from "../base/failure.ts";
import { CLONE_NEWNS } from "../linux/constants/clone.ts";
import type { Fd, OwnedFd } from "../linux/kernel/fd.ts";
import { cloneTree } from "../linux/mount/mount.ts";
import { takeFd } from "../linux/process/process.ts";
import type { MountSource, OverlayOrder, MountHelper } from "../linux/mount/mount-helper.ts";
import { runHelperProcess } from "./keeper/helper-process.ts";
import { Inheritance } from "./keeper/inheritance.ts";
import { type Plan, PlanBlob } from "./plan/plan.ts";
import { takeMount } from "./plan/report.ts";
import { planMountHelper, type TreePath } from "./plan/mount-helper.ts";
import type { KeeperProgram } from "./keeper-program.ts";

/** The mount helper; its process is a short-lived keeper. */
export class KeeperMountHelper implements MountHelper {
  readonly #program: KeeperProgram;
  readonly #runRoot: string;

  constructor(program: KeeperProgram, runRoot: string) {
    this.#program = program;
    this.#runRoot = runRoot;
  }

  async mountOverlay({ lowers, writable, options }: OverlayOrder): Promise<OwnedFd> {
    using opened = new DisposableStack();
    const trees = new Trees(opened);
    const order = {
      lowers: lowers.map((lower) => trees.addPath(lower)),
      writable: writable && { upper: trees.addPath(writable.upper), work: trees.addPath(writable.work) },
      options,
      trees: trees.inherited,
    };
    const plan = (path: string): Pick<Plan, "child" | "blob" | "cloneFlags"> => {
      const blob = new PlanBlob();
      return { child: planMountHelper({ ...order, path }, blob), blob, cloneFlags: CLONE_NEWNS };
    };
    const { inheritance } = trees;
    try {
      return await runHelperProcess(
        this.#program,
        { name: "mount-helper", runRoot: this.#runRoot, plan, inheritance, barrier: takeMount },
        ({ pidfd, value }) => takeFd(pidfd, value),
      );
    } catch (thrown) {
      throw within("cannot mount in the mount helper", thrown);
    }
  }
}

/** One detached mount for each descriptor with paths below it. */
class Trees {
  readonly inheritance: Inheritance = new Inheritance();
  readonly inherited: number[] = [];
  readonly #opened: DisposableStack;
  readonly #known = new Map<Fd, number>();

  constructor(opened: DisposableStack) {
    this.#opened = opened;
  }

  addPath({ fd, path, detached = false }: MountSource): TreePath {
    let tree = this.#known.get(fd);
    if (tree === undefined) {
      const mount = detached ? fd : this.#opened.use(cloneTree(fd)).fd;
      tree = this.inherited.push(this.inheritance.add(mount)) - 1;
      this.#known.set(fd, tree);
    }
    return { tree, path };
  }
}
