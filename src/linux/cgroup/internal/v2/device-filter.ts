import { Failure, sentenceOf } from "../../../../base/failure.ts";
import { type BpfInstruction, encodeInstructions } from "../../../bpf/instructions.ts";
import { attachToCgroup, loadProgram, takesProgram } from "../../../bpf/program.ts";
import type { DeviceRule } from "../../device-rules.ts";
import type { Fd } from "../../../kernel/fd.ts";

const deviceTypes = { b: 1, c: 2 } as const;
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const anyAccess = 7;
const license = "Apache-2.0";

/** Lets processes of a v2 cgroup use the listed devices and no other: bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE. */
export function attachDeviceFilter(cgroup: Fd, rules: readonly DeviceRule[]): void {
  try {
    using program = loadProgram("cgroup-device", encodeDeviceFilter(rules), { license });
    attachToCgroup(cgroup, program.fd, "cgroup-device");
  } catch (cause) {
    throw new Failure("unsupported", `cannot limit devices: ${sentenceOf(cause)}`, { cause });
  }
}

/**
 * The filter as eBPF instructions. Its context is `struct bpf_cgroup_dev_ctx`: access (type in the
 * low half, r/w/m in the high), major, minor. Each rule is a run of jumps to the next rule; the last answer is 0.
 */
export function encodeDeviceFilter(rules: readonly DeviceRule[]): Uint8Array {
  const [R0, R1, TYPE, ACCESS, MAJOR, MINOR, SCRATCH] = [0, 1, 2, 3, 4, 5, 6] as const;
  const code: BpfInstruction[] = [];
  const loadWord = (to: number, offset: number): void => void code.push([0x61, to, R1, offset, 0]);
  loadWord(TYPE, 0);
  code.push([0x54, TYPE, 0, 0, 0xffff]); // and
  loadWord(ACCESS, 0);
  code.push([0x74, ACCESS, 0, 0, 16]); // shift right
  loadWord(MAJOR, 4);
  loadWord(MINOR, 8);
  let everything = false;
  for (const rule of rules) {
    const tests: [number, number, number, number, number][] = [];
    if (rule.type !== "a") tests.push([0x55, TYPE, 0, 0, deviceTypes[rule.type]]); // jump if not equal
    const access = [...rule.access].reduce((bits, letter) => bits | (accessBits[letter] ?? 0), 0);
    if (access !== anyAccess) {
      tests.push([0xbc, SCRATCH, ACCESS, 0, 0]); // copy
      tests.push([0x54, SCRATCH, 0, 0, anyAccess & ~access]); // keep what the rule does not allow
      tests.push([0x55, SCRATCH, 0, 0, 0]);
    }
    if (rule.major !== undefined) tests.push([0x55, MAJOR, 0, 0, rule.major]);
    if (rule.minor !== undefined) tests.push([0x55, MINOR, 0, 0, rule.minor]);
    const answer: readonly BpfInstruction[] = [
      [0xb7, R0, 0, 0, 1],
      [0x95, 0, 0, 0, 0], // exit
    ];
    tests.forEach((test, index) => {
      if (test[0] === 0x55) test[3] = tests.length - 1 - index + answer.length;
    });
    code.push(...tests, ...answer);
    everything = tests.length === 0;
    if (everything) break; // KERNEL: instructions that nothing leads to are EINVAL
  }
  if (!everything) code.push([0xb7, R0, 0, 0, 0], [0x95, 0, 0, 0, 0]);
  return encodeInstructions(code);
}

/** Whether this kernel takes such a program at all; asks it once with the shortest. */
export function hasDeviceFilters(): boolean {
  return takesProgram("cgroup-device", encodeDeviceFilter([]), { license });
}
