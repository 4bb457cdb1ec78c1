import type { SeccompCondition } from "../../../spec/seccomp.ts";
import type { Assembler, Label } from "./assembler.ts";
import { offset } from "./instruction.ts";

export interface Ways {
  readonly yes: Label;
  readonly no: Label;
}

/** Writes a comparison of one 64-bit argument, as two of 32 bits. */
export function writeCondition(assembler: Assembler, condition: SeccompCondition, ways: Ways): Label {
  const { value, valueTwo } = condition;
  const { yes, no } = ways;
  const low = offset.arguments + 8 * condition.index;
  switch (condition.op) {
    case "EQ":
      return writeEqual(assembler, { low, value, mask: everyBit }, ways);
    case "NE":
      return writeEqual(assembler, { low, value, mask: everyBit }, { yes: no, no: yes });
    case "MASKED_EQ":
      return writeEqual(assembler, { low, value: valueTwo & value, mask: value }, ways);
    case "GT":
      return writeOrder(assembler, { low, value, test: "ifGreater" }, ways);
    case "GE":
      return writeOrder(assembler, { low, value, test: "ifAtLeast" }, ways);
    case "LE":
      return writeOrder(assembler, { low, value, test: "ifGreater" }, { yes: no, no: yes });
    case "LT":
      return writeOrder(assembler, { low, value, test: "ifAtLeast" }, { yes: no, no: yes });
    default:
      return condition.op satisfies never;
  }
}

const everyBit = 0xffff_ffff_ffff_ffffn;

function lowWord(value: bigint): number {
  return Number(value & 0xffff_ffffn);
}

function highWord(value: bigint): number {
  return Number(value >> 32n);
}

interface Equal {
  readonly low: number;
  readonly value: bigint;
  readonly mask: bigint;
}

function writeEqual(assembler: Assembler, { low, value, mask }: Equal, { yes, no }: Ways): Label {
  let next = yes;
  for (const [at, word, bits] of [
    [low, lowWord(value), lowWord(mask)],
    [low + 4, highWord(value), highWord(mask)],
  ] as const) {
    if (bits === 0) continue;
    const test = assembler.branch("ifEqual", word, { yes: next, no });
    next = assembler.load(at, bits === 0xffff_ffff ? test : assembler.and(bits, test));
  }
  return next;
}

interface Order {
  readonly low: number;
  readonly value: bigint;
  /** Of the low word, where the high words are equal. */
  readonly test: "ifGreater" | "ifAtLeast";
}

function writeOrder(assembler: Assembler, { low, value, test }: Order, { yes, no }: Ways): Label {
  if (value === 0n && test === "ifAtLeast") return yes;
  const lower = assembler.load(low, assembler.branch(test, lowWord(value), { yes, no }));
  const equal = assembler.branch("ifEqual", highWord(value), { yes: lower, no });
  return assembler.load(low + 4, assembler.branch("ifGreater", highWord(value), { yes, no: equal }));
}
