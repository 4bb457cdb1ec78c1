import { rmSync } from "node:fs";
import { join } from "node:path";
import { MadeAhead } from "../base/made-ahead.ts";
import { SpareKeeper } from "./keeper/spare-keeper.ts";
import type { KeeperProgram } from "./types.ts";

/** A start needs not wait for a program to be executed. */
export class SpareKeepers extends MadeAhead<SpareKeeper> {
  readonly #directory: string;

  constructor(program: KeeperProgram, runRoot: string) {
    const directory = join(runRoot, "lib", "spare-keeper");
    super(() => SpareKeeper.start(program, directory));
    this.#directory = directory;
    this.#clear(); // those of an engine that was killed have ended with it
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.#clear();
  }

  #clear(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
