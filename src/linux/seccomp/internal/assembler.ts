import type { SeccompAction } from "../../../spec/seccomp.ts";
import { encodeAction } from "./action.ts";
import { code, type Instruction } from "./instruction.ts";

/** An instruction by its distance from the end: it stays the same while more is put before it. */
export type Label = number;

/** A conditional jump reaches 255 instructions; one trampoline may still come between. */
const reach = 254;

/**
 * Writes a program from its last instruction to its first, so that the target of each jump is known when the jump is
 * written: classic BPF jumps only forward. What is out of reach is jumped to by an unconditional jump in between,
 * which has 32 bits.
 */
export class Assembler {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  return(action: SeccompAction): Label {
    const k = encodeAction(action);
    const present = this.#returns.get(k);
    if (present !== undefined && this.#isNear(present)) return present;
    const label = this.#put({ code: code.return, jt: 0, jf: 0, k });
    this.#returns.set(k, label);
    return label;
  }

  /** Loads a word of seccomp_data, then goes on at `next`. */
  load(at: number, next: Label): Label {
    return this.#before(next, { code: code.load, jt: 0, jf: 0, k: at });
  }

  and(mask: number, next: Label): Label {
    return this.#before(next, { code: code.and, jt: 0, jf: 0, k: mask });
  }

  branch(
    test: "ifEqual" | "ifGreater" | "ifAtLeast",
    k: number,
    to: { readonly yes: Label; readonly no: Label },
  ): Label {
    if (to.yes === to.no) return to.yes;
    const no = this.#near(to.no);
    const yes = this.#near(to.yes);
    const size = this.#reversed.length;
    return this.#put({ code: code[test], jt: size - yes, jf: size - no, k });
  }

  /** The program that begins with what was written last. */
  finish(): readonly Instruction[] {
    return this.#reversed.toReversed();
  }

  #before(next: Label, instruction: Instruction): Label {
    if (next !== this.#reversed.length) this.#jump(next);
    return this.#put(instruction);
  }

  #near(target: Label): Label {
    return this.#isNear(target) ? target : this.#jump(target);
  }

  #isNear(target: Label): boolean {
    return this.#reversed.length - target <= reach;
  }

  #jump(target: Label): Label {
    return this.#put({ code: code.jump, jt: 0, jf: 0, k: this.#reversed.length - target });
  }

  #put(instruction: Instruction): Label {
    this.#reversed.push(instruction);
    return this.#reversed.length;
  }
}
