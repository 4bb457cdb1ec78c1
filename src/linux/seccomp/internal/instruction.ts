/** One `struct sock_filter`. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const instructionBytes = 8;
/** KERNEL: BPF_MAXINSNS. */
export const maxInstructions = 4096;
/** `sizeof(struct seccomp_data)`. */
export const dataBytes = 64;

/** Where things lie in seccomp_data, on a little-endian machine. */
export const offset = { number: 0, architecture: 4, instructionPointer: 8, arguments: 16 } as const;

/** The codes that a compiled filter uses. Source: linux/bpf_common.h. */
export const code = {
  load: 0x20, // BPF_LD | BPF_W | BPF_ABS
  and: 0x54, // BPF_ALU | BPF_AND | BPF_K
  jump: 0x05, // BPF_JMP | BPF_JA
  ifEqual: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  ifGreater: 0x25, // BPF_JMP | BPF_JGT | BPF_K
  ifAtLeast: 0x35, // BPF_JMP | BPF_JGE | BPF_K
  return: 0x06, // BPF_RET | BPF_K
} as const;

/** As the kernel of a little-endian machine reads them. */
export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(instructions.length * instructionBytes));
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    const at = index * instructionBytes;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, true);
  }
  return new Uint8Array(view.buffer);
}

/** A rest of less than eight bytes is left out: verifySeccomp() refuses it. */
export function decodeInstructions(program: Uint8Array): Instruction[] {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  return Array.from({ length: Math.floor(program.length / instructionBytes) }, (_, index) => {
    const at = index * instructionBytes;
    return {
      code: view.getUint16(at, true),
      jt: view.getUint8(at + 2),
      jf: view.getUint8(at + 3),
      k: view.getUint32(at + 4, true),
    };
  });
}
