import { parseSeccompProfile, type SeccompProfile } from "../../src/spec/seccomp.ts";

/** At which comparisons of 64 bits by halves turn. */
export const argumentValues: readonly bigint[] = [
  0n,
  1n,
  2n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0x8000_0000_0000_0000n,
  2n ** 64n - 1n,
];
const operators = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

/**
 * A profile with 60 rules on calls of these names, before the rest; each has its own error, so an answer names its
 * rule.
 */
export function randomProfile(
  random: (below: number) => number,
  {
    names,
    syscalls,
    ...rest
  }: { readonly names: readonly string[]; readonly syscalls: readonly object[] } & Readonly<
    Record<string, unknown>
  >,
): SeccompProfile {
  const value = (): string => `#${argumentValues[random(argumentValues.length)]}`;
  const rules = Array.from({ length: 60 }, (_, index) => ({
    names: [names[random(names.length)]],
    action: "SCMP_ACT_ERRNO",
    errnoRet: 200 + index,
    args: Array.from({ length: 1 + random(3) }, () => ({
      index: random(6),
      op: `SCMP_CMP_${operators[random(operators.length)]}`,
      value: value(),
      valueTwo: value(),
    })),
  }));
  const text = JSON.stringify({ ...rest, syscalls: [...rules, ...syscalls] });
  return parseSeccompProfile(text.replaceAll(/"#(\d+)"/g, "$1"));
}
