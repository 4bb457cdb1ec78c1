/**
 * One instruction: opcode, destination, source, offset, immediate. SPEC: the kernel's
 * Documentation/bpf/standardization/instruction-set.rst
 */
export type BpfInstruction = readonly [
  opcode: number,
  destination?: number,
  source?: number,
  offset?: number,
  immediate?: number,
];

const INSTRUCTION_BYTES = 8;

/** As the kernel takes them, 8 bytes each. */
export function encodeInstructions(code: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(code.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  code.forEach(([opcode, destination = 0, source = 0, offset = 0, immediate = 0], index) => {
    const at = index * INSTRUCTION_BYTES;
    bytes[at] = opcode;
    bytes[at + 1] = destination | (source << 4);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
  return bytes;
}
