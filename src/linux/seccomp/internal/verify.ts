import { required } from "../../../base/required.ts";
import { Failure } from "../../../base/failure.ts";
import {
  dataBytes,
  decodeInstructions,
  type Instruction,
  instructionBytes,
  maxInstructions,
} from "./instruction.ts";

/**
 * Throws "invalid" for a program that the kernel would refuse, and for what it lets pass but never runs right.
 * KERNEL: bpf_check_classic() and seccomp_check_filter().
 */
export function verifySeccomp(program: Uint8Array): void {
  if (program.length === 0 || program.length % instructionBytes !== 0) {
    throw refused(`${program.length} bytes are no whole number of instructions`);
  }
  const instructions = decodeInstructions(program);
  if (instructions.length > maxInstructions) {
    throw refused(`it has ${instructions.length} instructions, at most ${maxInstructions} are allowed`);
  }
  for (const [index, instruction] of instructions.entries())
    verifyInstruction(instruction, index, instructions.length);
  const last = required(instructions.at(-1));
  if (last.code !== 0x06 && last.code !== 0x16) throw refused("it does not end with a return");
  verifyScratch(instructions);
}

function refused(detail: string): Failure {
  return new Failure("invalid", `cannot use the seccomp program: ${detail}`);
}

/** BPF_ALU with ADD SUB MUL DIV AND OR LSH RSH XOR by K and by X, and NEG. MOD is not for seccomp. */
const arithmetic: ReadonlySet<number> = new Set([
  ...[0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0xa4].flatMap((code) => [code, code + 8]),
  0x84,
]);
/** JEQ JGT JGE JSET by K and by X. */
const conditional: ReadonlySet<number> = new Set(
  [0x15, 0x25, 0x35, 0x45].flatMap((code) => [code, code + 8]),
);
/** RET K and A; LD and LDX of LEN and IMM; TAX, TXA. */
const plain: ReadonlySet<number> = new Set([0x06, 0x16, 0x80, 0x81, 0x00, 0x01, 0x07, 0x87]);
/** LD and LDX of MEM, ST, STX. */
const scratch: ReadonlySet<number> = new Set([0x60, 0x61, 0x02, 0x03]);

function verifyInstruction({ code, jt, jf, k }: Instruction, index: number, length: number): void {
  const rest = length - index - 1;
  const wrong = (detail: string): Failure => refused(`instruction ${index} ${detail}`);
  if (code === 0x20) {
    if (k >= dataBytes || k % 4 !== 0) throw wrong(`loads from ${k}, which is no word of the call's data`);
  } else if (conditional.has(code)) {
    if (jt >= rest || jf >= rest) throw wrong("jumps beyond the end");
  } else if (code === 0x05) {
    if (k >= rest) throw wrong("jumps beyond the end");
  } else if (arithmetic.has(code)) {
    if (code === 0x34 && k === 0) throw wrong("divides by 0");
    if ((code === 0x64 || code === 0x74) && k >= 32) throw wrong(`shifts by ${k}`);
  } else if (scratch.has(code)) {
    if (k >= 16) throw wrong(`uses the scratch word ${k} of 16`);
  } else if (!plain.has(code)) throw wrong(`has the code 0x${code.toString(16)}, which seccomp has not`);
}

/** KERNEL: check_load_and_stores(): a scratch word is read only where every way has written it. */
function verifyScratch(instructions: readonly Instruction[]): void {
  const valid = new Uint16Array(instructions.length).fill(0xffff);
  const meet = (target: number, words: number): void => {
    valid[target] = (valid[target] ?? 0) & words;
  };
  let words = 0;
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    words &= valid[index] ?? 0;
    if (code === 0x02 || code === 0x03) words |= 1 << k;
    else if ((code === 0x60 || code === 0x61) && (words & (1 << k)) === 0) {
      throw refused(`instruction ${index} reads the scratch word ${k} before it is written`);
    } else if (code === 0x05) {
      meet(index + 1 + k, words);
      words = 0xffff;
    } else if (conditional.has(code)) {
      meet(index + 1 + jt, words);
      meet(index + 1 + jf, words);
      words = 0xffff;
    }
  }
}
