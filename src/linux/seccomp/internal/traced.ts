import { required } from "../../../base/required.ts";
import type { SeccompAction, SeccompCondition } from "../../../spec/seccomp.ts";
import type { CapabilityName } from "../../process/capability.ts";
import type { Abi } from "./abi.ts";
import { encodeAction } from "./action.ts";
import { textArguments } from "./call-texts.ts";
import { compileDecisions } from "./compile.ts";
import { capabilityNeeds } from "./needed-capability.ts";
import type { AbiDecisions, Case, Decision } from "./resolve.ts";

/** Which calls a filter hands over to a listener instead of deciding on them itself. */
export interface SeccompWatch {
  /** Calls that the profile denies, and those that the kernel will, for want of a capability. */
  readonly denials: boolean;
  /** All others too; they are recorded by number. */
  readonly calls: boolean;
}

/** A call with these arguments is left to the filter: it happens before the keeper listens. */
export interface UntracedCall {
  readonly name: string;
  readonly conditions: readonly SeccompCondition[];
}

/** The bits of the policy program's verdict on a call; see native/plan.h. */
export const verdictBits = { error: 0xfff, textShift: 12, textMask: 7, coarse: 0x8000 } as const;

const NOTIFY: SeccompAction = { kind: "notify", data: 0 };

export interface TracedPrograms {
  /** The kernel's program. */
  readonly filter: Uint8Array;
  /** The listener's program: the profile's own decisions. */
  readonly policy: Uint8Array;
}

/**
 * Compiles a filter that hands calls over, and the program that reports the profile's decision on each. SAFETY: a call
 * that the profile allows or denies stays allowed or denied; actions that kill, trap or trace are unchanged.
 */
export function compileTraced(
  resolved: readonly AbiDecisions[],
  options: {
    readonly watch: SeccompWatch;
    readonly lacking: ReadonlySet<CapabilityName>;
    readonly untraced: readonly UntracedCall[];
  },
): TracedPrograms {
  const { watch } = options;
  const filter = transform(resolved, options, {
    decide: (action) => (action.kind === "errno" || (watch.calls && isAllowed(action)) ? NOTIFY : action),
    advise: () => NOTIFY,
  });
  const policy = transform(resolved, options, {
    decide: (action, text) => verdict(action, { text, isCoarse: isAllowed(action) || !watch.denials }),
    advise: (action, text) => verdict(action, { text, isCoarse: false }),
  });
  return { filter: compileDecisions(filter), policy: compileDecisions(policy) };
}

function isAllowed({ kind }: SeccompAction): boolean {
  return kind === "allow" || kind === "log";
}

function verdict(
  action: SeccompAction,
  { text, isCoarse }: { readonly text: number; readonly isCoarse: boolean },
): SeccompAction {
  const bits = isCoarse ? verdictBits.coarse : text << verdictBits.textShift;
  if (action.kind === "errno") return { kind: "errno", data: action.data | bits };
  return isAllowed(action) ? { kind: "allow", data: bits } : action;
}

interface Changes {
  readonly decide: (action: SeccompAction, text: number) => SeccompAction;
  /** For a call that the profile allows and the kernel won't. */
  readonly advise: (action: SeccompAction, text: number) => SeccompAction;
}

interface NumberFacts {
  readonly text: number;
  readonly needs: readonly (readonly SeccompCondition[])[];
  readonly untraced: readonly (readonly SeccompCondition[])[];
}

const nothing: NumberFacts = { text: 0, needs: [], untraced: [] };

function transform(
  resolved: readonly AbiDecisions[],
  options: Parameters<typeof compileTraced>[1],
  changes: Changes,
): readonly AbiDecisions[] {
  return resolved.map((part) => {
    const facts = factsOf(part.abi, options);
    const calls = new Map<number, Decision>();
    const isUniform = encodeAction(part.unnamed) === encodeAction(part.beyond);
    for (const [number, known] of facts) {
      // Above the profile's own numbers there is but one decision for all.
      if (number > part.greatest && !isUniform && !part.calls.has(number)) continue;
      const decision = part.calls.get(number) ?? { cases: [], otherwise: part.unnamed };
      calls.set(number, change(decision, known, changes));
    }
    for (const [number, decision] of part.calls)
      if (!calls.has(number)) calls.set(number, change(decision, nothing, changes));
    return {
      ...part,
      calls,
      unnamed: changes.decide(part.unnamed, 0),
      beyond: changes.decide(part.beyond, 0),
    };
  });
}

function factsOf(
  abi: Abi,
  { watch, lacking, untraced }: Parameters<typeof compileTraced>[1],
): ReadonlyMap<number, NumberFacts> {
  const facts = new Map<number, NumberFacts>();
  const add = (name: string, more: Partial<NumberFacts>): void => {
    const number = Object.hasOwn(abi.numbers, name) ? abi.numbers[name] : undefined;
    if (number === undefined) return;
    const { text, needs, untraced: free } = facts.get(number) ?? nothing;
    facts.set(number, {
      text: more.text ?? text,
      needs: [...needs, ...(more.needs ?? [])],
      untraced: [...free, ...(more.untraced ?? [])],
    });
  };
  for (const [name, argument] of textArguments) add(name, { text: argument + 1 });
  for (const { name, conditions } of untraced) add(name, { untraced: [conditions] });
  for (const { name, capability, conditions } of watch.denials ? capabilityNeeds : [])
    if (lacking.has(capability)) add(name, { needs: [conditions] });
  return facts;
}

function change(decision: Decision, { text, needs, untraced }: NumberFacts, changes: Changes): Decision {
  const cases = [...decision.cases, { conditions: [], action: decision.otherwise }].flatMap(
    ({ conditions, action }): readonly Case[] => {
      const own = { conditions, action: changes.decide(action, text) };
      if (!isAllowed(action)) return [own];
      return [
        ...untraced.map((more) => ({ conditions: [...conditions, ...more], action })),
        ...needs.map((more) => ({
          conditions: [...conditions, ...more],
          action: changes.advise(action, text),
        })),
        own,
      ];
    },
  );
  // The first without conditions decides for all that come to it.
  const last = cases.findIndex(({ conditions }) => conditions.length === 0);
  return { cases: cases.slice(0, last), otherwise: required(cases[last]).action };
}
