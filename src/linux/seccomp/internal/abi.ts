import type { SeccompArchitecture } from "../../../spec/seccomp.ts";
import type { MachineArchitecture } from "../../constants/architecture.ts";
import { arm64 } from "../../kernel/syscalls/arm64.ts";
import { x86_64 } from "../../kernel/syscalls/x86-64.ts";
import { arm } from "./numbers/arm.ts";
import { i386 } from "./numbers/i386.ts";
import type { CallNumbers } from "./numbers/table.ts";
import { x32, x32Bit } from "./numbers/x32.ts";

/** One way to number and pass system calls; several may share an audit architecture and split its numbers. */
export interface Abi {
  readonly name: SeccompArchitecture;
  /** The value of seccomp_data.arch. Source: linux/audit.h. */
  readonly audit: number;
  readonly numbers: CallNumbers;
  /** The numbers that are its own, as unsigned; `last` included. */
  readonly first: number;
  readonly last: number;
  /** How wide an argument's register is. */
  readonly bits: 32 | 64;
}

export interface Machine {
  readonly native: Abi;
  readonly others: readonly Abi[];
  /** Go's name, by which Docker's profiles choose rules. */
  readonly goName: string;
}

const top = 0xffff_ffff;
const x86Audit = 0xc000_003e;

export const machines: Readonly<Record<MachineArchitecture, Machine>> = {
  x86_64: {
    goName: "amd64",
    native: {
      name: "SCMP_ARCH_X86_64",
      audit: x86Audit,
      numbers: x86_64,
      first: 0,
      last: x32Bit - 1,
      bits: 64,
    },
    others: [
      { name: "SCMP_ARCH_X86", audit: 0x4000_0003, numbers: i386, first: 0, last: top, bits: 32 },
      { name: "SCMP_ARCH_X32", audit: x86Audit, numbers: x32, first: x32Bit, last: top, bits: 64 },
    ],
  },
  arm64: {
    goName: "arm64",
    native: { name: "SCMP_ARCH_AARCH64", audit: 0xc000_00b7, numbers: arm64, first: 0, last: top, bits: 64 },
    others: [{ name: "SCMP_ARCH_ARM", audit: 0x4000_0028, numbers: arm, first: 0, last: top, bits: 32 }],
  },
};
