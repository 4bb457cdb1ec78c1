import { rmSync } from "node:fs";
import { join } from "node:path";
import { SpareKeeper } from "./keeper/spare-keeper.ts";
import type { KeeperProgram } from "./types.ts";

/** So long after the last start: nobody waits for the end of a short one then. */
const restMs = 10;

/** At most one at a time, made when nothing has been started for a moment: a start needs not wait for a program to be executed. */
export class SpareKeepers implements Disposable {
  readonly #program: KeeperProgram;
  readonly #directory: string;
  #spare: SpareKeeper | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(program: KeeperProgram, runRoot: string) {
    this.#program = program;
    this.#directory = join(runRoot, "lib", "spare-keeper");
  }

  /** For the caller to use up and to dispose of. Undefined when there is none: then one is started as ever. */
  take(): SpareKeeper | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare?.isAlive === true) return spare;
    spare?.[Symbol.dispose]();
    return undefined;
  }

  /** For the time of a start, which is not to be disturbed: when that is over, the next one is made. */
  hold(): Disposable {
    clearTimeout(this.#timer);
    return { [Symbol.dispose]: () => this.#makeSoon() };
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.take()?.[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #makeSoon(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#spare !== undefined) return;
    this.#timer = setTimeout(() => void this.#make(), restMs);
    this.#timer.unref();
  }

  async #make(): Promise<void> {
    const made = await SpareKeeper.start(this.#program, this.#directory).catch(() => undefined); // who starts next says why
    if (this.#isClosed || this.#spare !== undefined) made?.[Symbol.dispose]();
    else this.#spare = made;
  }
}
