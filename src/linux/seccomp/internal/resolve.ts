import { required } from "../../../base/required.ts";
import { Failure } from "../../../base/failure.ts";
import type {
  SeccompAction,
  SeccompCondition,
  SeccompProfile,
  SeccompRule,
  SeccompScope,
} from "../../../spec/seccomp.ts";
import type { CapabilityName } from "../../process/capability.ts";
import type { MachineArchitecture } from "../../constants/architecture.ts";
import { errno } from "../../kernel/errno.ts";
import { type Abi, type Machine, machines } from "./abi.ts";
import { encodeAction, isPermissive } from "./action.ts";
import { findMultiplexed } from "./multiplexed.ts";

/** The circumstances that a profile is resolved for. */
export interface SeccompCircumstances {
  readonly capabilities: ReadonlySet<CapabilityName>;
  readonly architecture: MachineArchitecture;
  /** `[major, minor]` of the running kernel. */
  readonly kernel: readonly [number, number];
}

export interface Case {
  /** All must hold. */
  readonly conditions: readonly SeccompCondition[];
  readonly action: SeccompAction;
}

/** The decision on one call: the first case that holds, or `otherwise`. */
export interface Decision {
  readonly cases: readonly Case[];
  readonly otherwise: SeccompAction;
}

/** A profile for one ABI, by number. */
export interface AbiDecisions {
  readonly abi: Abi;
  readonly calls: ReadonlyMap<number, Decision>;
  /** The greatest number that the profile names, −1 when it names none. */
  readonly greatest: number;
  /** For the other numbers up to that. */
  readonly unnamed: SeccompAction;
  /** For numbers above it: calls younger than the profile. */
  readonly beyond: SeccompAction;
}

/** Far more cases than fit into a program, yet few enough that a hostile profile costs neither time nor memory. */
const maxCases = 65_536;

const ENOSYS: SeccompAction = { kind: "errno", data: errno.ENOSYS };

/**
 * Resolves the applicable rules of a profile for each ABI that it serves; the machine's own is first. As in libseccomp
 * and runc: a rule without conditions wins over those with conditions; a rule that equals the default is ignored. A
 * call that is newer than the profile gets ENOSYS, so that programs fall back, unless the default allows it.
 */
export function resolveProfile(
  profile: SeccompProfile,
  circumstances: SeccompCircumstances,
): readonly AbiDecisions[] {
  const machine = machines[circumstances.architecture];
  const rules = profile.rules.filter((rule) => holds(rule, circumstances, machine));
  return abisOf(profile, machine).map((abi) => resolveAbi(abi, rules, profile.defaultAction));
}

function abisOf(profile: SeccompProfile, machine: Machine): readonly Abi[] {
  const mapped = profile.archMap.filter((entry) => entry.architecture === machine.native.name);
  const named = new Set([...profile.architectures, ...mapped.flatMap((entry) => entry.subArchitectures)]);
  return [machine.native, ...machine.others.filter((abi) => named.has(abi.name))];
}

function holds(rule: SeccompRule, circumstances: SeccompCircumstances, machine: Machine): boolean {
  const { includes, excludes } = rule;
  const { kernel } = circumstances;
  const held: ReadonlySet<string> = circumstances.capabilities;
  const has = (name: string): boolean => held.has(name);
  const here = (scope: SeccompScope): boolean => scope.architectures.includes(machine.goName);
  if (here(excludes) || excludes.capabilities.some(has)) return false;
  if (excludes.minKernel !== undefined && isAtLeast(kernel, excludes.minKernel)) return false;
  if (includes.architectures.length > 0 && !here(includes)) return false;
  if (!includes.capabilities.every(has)) return false;
  return includes.minKernel === undefined || isAtLeast(kernel, includes.minKernel);
}

function isAtLeast(kernel: readonly [number, number], least: readonly [number, number]): boolean {
  return kernel[0] > least[0] || (kernel[0] === least[0] && kernel[1] >= least[1]);
}

function resolveAbi(abi: Abi, rules: readonly SeccompRule[], unnamed: SeccompAction): AbiDecisions {
  const cases = new Map<number, Case[]>();
  let count = 0;
  const add = (number: number, ...added: readonly Case[]): void => {
    count += added.length;
    if (count > maxCases) {
      throw new Failure("invalid", `cannot compile the seccomp profile: it has more than ${maxCases} rules`);
    }
    const present = cases.get(number);
    if (present === undefined) cases.set(number, [...added]);
    else present.push(...added);
  };
  let greatest = -1;
  for (const rule of rules) {
    const idle = encodeAction(rule.action) === encodeAction(unnamed);
    const own = idle ? [] : casesOf(rule);
    for (const name of rule.names) {
      const number = numberOf(abi, name);
      if (number !== undefined) {
        greatest = Math.max(greatest, number);
        if (!idle) add(number, ...own);
      }
      if (idle || abi.name !== "SCMP_ARCH_X86") continue;
      const multiplexed = findMultiplexed(name, rule);
      if (multiplexed === undefined) continue;
      const by = required(numberOf(abi, multiplexed.name));
      greatest = Math.max(greatest, by);
      add(by, { conditions: [multiplexed.condition], action: rule.action });
    }
  }
  const fallsBack = greatest >= 0 && !isPermissive(unnamed);
  return {
    abi,
    calls: new Map([...cases].map(([number, list]) => [number, decide(list, unnamed)])),
    greatest,
    unnamed,
    beyond: fallsBack ? ENOSYS : unnamed,
  };
}

function numberOf(abi: Abi, name: string): number | undefined {
  return Object.hasOwn(abi.numbers, name) ? abi.numbers[name] : undefined;
}

/** SPEC: libseccomp compares an argument once in a rule; runc and crun make a rule of each comparison then. */
function casesOf({ conditions, action }: SeccompRule): readonly Case[] {
  const indices = new Set(conditions.map((condition) => condition.index));
  if (indices.size === conditions.length) return [{ conditions, action }];
  return conditions.map((condition) => ({ conditions: [condition], action }));
}

function decide(cases: readonly Case[], unnamed: SeccompAction): Decision {
  const whole = cases.find(({ conditions }) => conditions.length === 0);
  return whole === undefined ? { cases, otherwise: unnamed } : { cases: [], otherwise: whole.action };
}
