import type { SeccompAction, SeccompCondition } from "../../../spec/seccomp.ts";
import { badArchitecture, encodeAction } from "./action.ts";
import type { AbiDecisions, Decision } from "./resolve.ts";

/** Numbers from `first` to the next span that share a decision. */
export interface Span {
  readonly first: number;
  readonly decision: Decision;
  /** Equal for equal decisions. */
  readonly key: string;
}

const top = 0xffff_ffff;

/** All 2³² numbers of one audit architecture, in order; adjacent spans differ. */
export function spansOf(parts: readonly AbiDecisions[]): readonly Span[] {
  const spans: Span[] = [];
  const add = (first: number, decision: Decision): void => {
    const key = keyOf(decision);
    if (spans.at(-1)?.key !== key) spans.push({ first, decision, key });
  };
  let next = 0;
  let beyond = badArchitecture;
  for (const part of parts.toSorted((one, other) => one.abi.first - other.abi.first)) {
    for (const [number, decision] of [...part.calls].toSorted(([one], [other]) => one - other)) {
      if (number > next) add(next, constant(part.unnamed));
      add(number, part.abi.bits === 32 ? narrow(decision) : decision);
      next = number + 1;
    }
    if (next <= part.greatest) {
      add(next, constant(part.unnamed));
      next = part.greatest + 1;
    }
    ({ beyond } = part);
    if (next <= part.abi.last) add(next, constant(beyond));
    next = part.abi.last + 1;
  }
  if (next <= top) {
    // x86_64 without x32. KERNEL: a tracer skips a call by the number −1, which is no call of another ABI.
    add(next, constant(badArchitecture));
    add(top, constant(beyond));
  }
  return spans;
}

function constant(action: SeccompAction): Decision {
  return { cases: [], otherwise: action };
}

/** For registers of 32 bits: −1 is written with 64 bits in profiles, so equality looks at the lower half. */
function narrow(decision: Decision): Decision {
  return {
    ...decision,
    cases: decision.cases.map((each) => ({ ...each, conditions: each.conditions.map(narrowCondition) })),
  };
}

function narrowCondition(condition: SeccompCondition): SeccompCondition {
  const { op, value, valueTwo } = condition;
  if (op !== "EQ" && op !== "NE" && op !== "MASKED_EQ") return condition;
  return { ...condition, value: value & 0xffff_ffffn, valueTwo: valueTwo & 0xffff_ffffn };
}

function keyOf({ cases, otherwise }: Decision): string {
  const texts = cases.map(({ conditions, action }) => {
    const all = conditions.map(({ index, op, value, valueTwo }) => `${index} ${op} ${value} ${valueTwo}`);
    return `${all.join(" & ")} : ${encodeAction(action)}`;
  });
  return [...texts, encodeAction(otherwise)].join(" | ");
}
