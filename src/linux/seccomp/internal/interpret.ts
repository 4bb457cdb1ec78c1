import type { SeccompAction } from "../../../spec/seccomp.ts";
import { decodeAction } from "./action.ts";
import { dataBytes, decodeInstructions, type Instruction, offset } from "./instruction.ts";

/** `struct seccomp_data`: a call as a filter sees it. */
export interface SeccompData {
  readonly nr: number;
  /** AUDIT_ARCH_*. */
  readonly arch: number;
  readonly instructionPointer: bigint;
  readonly args: readonly bigint[];
}

/** The action of a program that verifySeccomp() accepts, for one call. */
export function interpretSeccomp(program: Uint8Array, data: SeccompData): SeccompAction {
  return decodeAction(run(decodeInstructions(program), encodeData(data)));
}

function encodeData({ nr, arch, instructionPointer, args }: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(dataBytes));
  view.setUint32(offset.number, nr, true);
  view.setUint32(offset.architecture, arch, true);
  view.setBigUint64(offset.instructionPointer, instructionPointer, true);
  for (const [index, argument] of args.slice(0, 6).entries()) {
    view.setBigUint64(offset.arguments + 8 * index, argument, true);
  }
  return view;
}

/** Runs classic BPF, with the codes that seccomp takes; all arithmetic is unsigned with 32 bits. */
function run(instructions: readonly Instruction[], data: DataView): number {
  const memory = new Uint32Array(16);
  let a = 0;
  let x = 0;
  for (let index = 0; ; index++) {
    const instruction = instructions[index];
    if (instruction === undefined)
      throw new RangeError("a seccomp program ran past its end: it was not verified");
    const { code, jt, jf, k } = instruction;
    const operand = (code & 0x08) === 0 ? k : x;
    switch (code & 0x07) {
      case 0: // BPF_LD
        a = load(code, k, { data, memory });
        break;
      case 1: // BPF_LDX
        x = load(code, k, { data, memory });
        break;
      case 2: // BPF_ST
        memory[k] = a;
        break;
      case 3: // BPF_STX
        memory[k] = x;
        break;
      case 4: // BPF_ALU
        // KERNEL: a division by an X of 0 ends the program with 0, which kills.
        if (code === 0x3c && x === 0) return 0;
        a = compute(code & 0xf0, a, operand);
        break;
      case 5: // BPF_JMP
        if (code === 0x05) index += k;
        else index += test(code & 0xf0, a, operand) ? jt : jf;
        break;
      case 6: // BPF_RET
        return code === 0x16 ? a : k;
      default: // BPF_MISC
        if (code === 0x07) x = a;
        else a = x;
    }
  }
}

interface Sources {
  readonly data: DataView;
  readonly memory: Uint32Array;
}

function load(code: number, k: number, { data, memory }: Sources): number {
  switch (code & 0xe0) {
    case 0x00: // BPF_IMM
      return k;
    case 0x20: // BPF_ABS
      return data.getUint32(k, true);
    case 0x60: // BPF_MEM
      return memory[k] ?? 0;
    default: // BPF_LEN
      return dataBytes;
  }
}

function compute(operation: number, a: number, operand: number): number {
  switch (operation) {
    case 0x00:
      return (a + operand) >>> 0;
    case 0x10:
      return (a - operand) >>> 0;
    case 0x20:
      return Math.imul(a, operand) >>> 0;
    case 0x30:
      return Math.floor(a / operand);
    case 0x40:
      return (a | operand) >>> 0;
    case 0x50:
      return (a & operand) >>> 0;
    case 0x60:
      return (a << operand) >>> 0;
    case 0x70:
      return a >>> operand;
    case 0x80:
      return -a >>> 0;
    default: // BPF_XOR
      return (a ^ operand) >>> 0;
  }
}

function test(operation: number, a: number, operand: number): boolean {
  switch (operation) {
    case 0x10:
      return a === operand;
    case 0x20:
      return a > operand;
    case 0x30:
      return a >= operand;
    default: // BPF_JSET
      return (a & operand) !== 0;
  }
}
