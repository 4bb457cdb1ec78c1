import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { type KeeperProgram, openKeeperProgram } from "../../src/runtime/keeper-program.ts";
import { KeeperMountHelper } from "../../src/runtime/mount-helper.ts";
import type { OverlayOrder, MountHelper } from "../../src/linux/mount/mount-helper.ts";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { keeperPath } from "./runtime.ts";
import { Scratch } from "./scratch.ts";

function openBuiltKeeper(): KeeperProgram {
  execFileSync("make", ["-s", "-C", dirname(dirname(keeperPath))]);
  return openKeeperProgram(keeperPath);
}

/** A mount helper of a test's own, which counts what was ordered. */
export class TestMountHelper implements MountHelper, Disposable {
  orders = 0;
  readonly #scratch = new Scratch("mount-helper");
  readonly #program = openBuiltKeeper();
  readonly #mountHelper = new KeeperMountHelper(this.#program, this.#scratch.path);

  async mountOverlay(order: OverlayOrder): Promise<OwnedFd> {
    this.orders++;
    return await this.#mountHelper.mountOverlay(order);
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    this.#scratch[Symbol.dispose]();
  }
}
