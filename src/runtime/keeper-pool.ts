import { rmSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "../base/pool.ts";
import { PrewarmedKeeper } from "./keeper/prewarmed-keeper.ts";
import type { KeeperProgram } from "./types.ts";

/** A start needs not wait for a program to be executed. */
export class KeeperPool extends Pool<PrewarmedKeeper> {
  readonly #directory: string;

  constructor(program: KeeperProgram, runRoot: string) {
    const directory = join(runRoot, "lib", "spare-keeper");
    super(() => PrewarmedKeeper.start(program, directory));
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
