import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import type { KeeperProgram } from "../../src/runtime/types.ts";
import { openKeeperProgram } from "../../src/runtime/keeper-program.ts";
import { KeeperWorkshop } from "../../src/runtime/workshop.ts";
import type { OverlayOrder, Workshop } from "../../src/linux/mount/workshop.ts";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { keeperPath } from "./runtime.ts";
import { Scratch } from "./scratch.ts";

function openBuiltKeeper(): KeeperProgram {
  execFileSync("make", ["-s", "-C", dirname(dirname(keeperPath))]);
  return openKeeperProgram(keeperPath);
}

/** A workshop of a test's own, which counts what was ordered. */
export class TestWorkshop implements Workshop, Disposable {
  orders = 0;
  readonly #scratch = new Scratch("workshop");
  readonly #program = openBuiltKeeper();
  readonly #workshop = new KeeperWorkshop(this.#program, this.#scratch.path);

  async mountOverlay(order: OverlayOrder): Promise<OwnedFd> {
    this.orders++;
    return await this.#workshop.mountOverlay(order);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.#scratch[Symbol.dispose]();
  }
}
