import { keysOf } from "../../base/keys.ts";
import type { SeccompComparison, SeccompCondition, SeccompRule, SeccompScope } from "./profile.ts";
import { readAction } from "./action.ts";
import type { Field } from "./field.ts";

const comparisons = {
  SCMP_CMP_NE: "NE",
  SCMP_CMP_LT: "LT",
  SCMP_CMP_LE: "LE",
  SCMP_CMP_EQ: "EQ",
  SCMP_CMP_GE: "GE",
  SCMP_CMP_GT: "GT",
  SCMP_CMP_MASKED_EQ: "MASKED_EQ",
} as const satisfies Readonly<Record<string, SeccompComparison>>;

const members = [
  "names",
  "name",
  "action",
  "errnoRet",
  "errno",
  "args",
  "includes",
  "excludes",
  "comment",
] as const;

export function readRule(field: Field): SeccompRule {
  const rule = field.members(members);
  const names = readNames(rule);
  const action = readAction(rule.action, { data: rule.errnoRet, name: rule.errno });
  // A listener sends its descriptor with write(2), and would wait for its own answer.
  if (action.kind === "notify" && names.includes("write"))
    throw rule.names.wrong("has write with SCMP_ACT_NOTIFY");
  return {
    names,
    action,
    conditions: rule.args.items().map(readCondition),
    includes: readScope(rule.includes),
    excludes: readScope(rule.excludes),
  };
}

function readNames(rule: Readonly<Record<"name" | "names", Field>>): readonly string[] {
  const names = rule.names.items();
  if (rule.name.present) {
    if (names.length > 0) throw rule.name.wrong("is given together with names: use one of them");
    return [rule.name.text()];
  }
  if (names.length === 0) throw rule.names.wrong("is missing or empty");
  return names.map((name) => name.text());
}

function readCondition(field: Field): SeccompCondition {
  const { index, value, valueTwo, op } = field.members(["index", "value", "valueTwo", "op"]);
  const max = 0xffff_ffff_ffff_ffffn;
  return {
    index: Number(index.integer(5n)),
    value: value.integer(max),
    valueTwo: valueTwo.present ? valueTwo.integer(max) : 0n,
    op: comparisons[op.oneOf(keysOf(comparisons))],
  };
}

function readScope(field: Field): SeccompScope {
  if (!field.present) return { capabilities: [], architectures: [] };
  const { caps, arches, minKernel } = field.members(["caps", "arches", "minKernel"]);
  return {
    capabilities: caps.items().map(readCapability),
    architectures: arches.items().map((item) => item.text()),
    minKernel: minKernel.present ? readKernel(minKernel) : undefined,
  };
}

function readCapability(field: Field): string {
  const text = field.text();
  if (!/^CAP_[A-Z_]{1,40}$/.test(text)) throw field.wrong(`"${text.slice(0, 80)}" is no capability's name`);
  return text;
}

function readKernel(field: Field): readonly [number, number] {
  const text = field.text();
  const parts = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (parts === null) throw field.wrong(`"${text.slice(0, 80)}" is no kernel version such as "5.14"`);
  return [Number(parts[1]), Number(parts[2])];
}
