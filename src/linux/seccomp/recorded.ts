import type { SeccompAction, SeccompActionKind, SeccompProfile } from "../../spec/seccomp.ts";
import { errno } from "../kernel/errno.ts";
import { parseKernelRelease, type SeccompOptions } from "./seccomp.ts";
import { findCall } from "./calls.ts";
import type { AbiDecisions, Case, Decision } from "./internal/resolve.ts";
import { resolveProfile } from "./internal/resolve.ts";

/** A profile as Docker reads it from a file. */
export interface ProfileDocument {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number | undefined;
    readonly args?:
      | readonly {
          readonly index: number;
          readonly value: number | bigint;
          readonly valueTwo?: number | bigint | undefined;
          readonly op: string;
        }[]
      | undefined;
  }[];
}

/** A call that was made, whatever came of it. */
export interface UsedCall {
  readonly audit: number;
  readonly number: number;
}

type Rule = ProfileDocument["syscalls"][number];

const actionNames: Readonly<Record<SeccompActionKind, string>> = {
  "kill-process": "SCMP_ACT_KILL_PROCESS",
  "kill-thread": "SCMP_ACT_KILL_THREAD",
  trap: "SCMP_ACT_TRAP",
  errno: "SCMP_ACT_ERRNO",
  notify: "SCMP_ACT_NOTIFY",
  trace: "SCMP_ACT_TRACE",
  log: "SCMP_ACT_LOG",
  allow: "SCMP_ACT_ALLOW",
};

/**
 * The smallest profile under which these calls get the answers that `profile` gives: it decides on each of them as
 * that one does, by its arguments too, and refuses all others with EPERM. So it never allows more than that one.
 */
export function profileOfCalls(
  profile: SeccompProfile,
  used: Iterable<UsedCall>,
  options: SeccompOptions,
): ProfileDocument {
  const resolved = resolveProfile(profile, { ...options, kernel: parseKernelRelease(options.kernel) });
  const decisions = new Map<string, Decision>();
  const abis = new Set([resolved[0]?.abi.name ?? ""]);
  // The machine's own ABI is the first, and its decision the one that a name stands for.
  const sorted = [...used].toSorted(
    (one, other) => Number(isNative(other, resolved)) - Number(isNative(one, resolved)),
  );
  for (const { audit, number } of sorted) {
    const found = findCall(audit, number);
    const part = resolved.find(({ abi }) => abi.name === found?.architecture);
    if (found?.name === undefined || part === undefined) continue;
    abis.add(part.abi.name);
    if (!decisions.has(found.name)) decisions.set(found.name, decisionOf(part, number));
  }
  const fallback = chooseDefault([...decisions.values()]);
  const plain = new Map<string, { readonly action: SeccompAction; readonly names: string[] }>();
  const byArguments: Rule[] = [];
  for (const [name, { cases, otherwise }] of [...decisions].toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  )) {
    if (cases.length > 0) byArguments.push(...rulesOf(name, { cases, otherwise }, fallback));
    else if (!isErrno(otherwise, fallback)) {
      const key = `${otherwise.kind} ${otherwise.data}`;
      const group = plain.get(key) ?? { action: otherwise, names: [] };
      plain.set(key, group);
      group.names.push(name);
    }
  }
  return {
    defaultAction: actionNames.errno,
    defaultErrnoRet: fallback,
    architectures: [...abis],
    syscalls: [
      ...[...plain.values()].map(({ action, names }) => ({ names, ...actionOf(action) })),
      ...byArguments,
    ],
  };
}

/** Its text, as Docker reads it; numbers beyond 2⁵³ stay exact. */
export function formatProfileDocument(document: ProfileDocument): string {
  const text = JSON.stringify(
    document,
    (_key, value: unknown) => (typeof value === "bigint" ? `#${value}` : value),
    2,
  );
  return `${text.replaceAll(/"#(\d+)"/g, "$1")}\n`;
}

function isNative({ audit }: UsedCall, resolved: readonly AbiDecisions[]): boolean {
  return resolved[0]?.abi.audit === audit;
}

function decisionOf(part: AbiDecisions, number: number): Decision {
  const action = number <= part.greatest ? part.unnamed : part.beyond;
  return part.calls.get(number) ?? { cases: [], otherwise: action };
}

function isErrno({ kind, data }: SeccompAction, error: number): boolean {
  return kind === "errno" && data === error;
}

const maxErrno = 4095;

/** SPEC: libseccomp: a rule that equals the default is ignored, so it cannot precede one that it restricts. */
function chooseDefault(decisions: readonly Decision[]): number {
  const isFree = (error: number): boolean =>
    decisions.every((decision) => !neededCases(decision, error).some(({ action }) => isErrno(action, error)));
  const rest = Array.from({ length: maxErrno }, (_, index) => index + 1);
  return [errno.ENOSYS, errno.EPERM, ...rest].find(isFree) ?? errno.ENOSYS;
}

/** In order, as the first matching case decides; the last is the action otherwise, when that is not the default. */
function neededCases({ cases, otherwise }: Decision, fallback: number): readonly Case[] {
  const always = { index: 0, op: "GE", value: 0n, valueTwo: 0n } as const;
  const all: readonly Case[] = [...cases, { conditions: [always], action: otherwise }];
  return all.slice(0, all.findLastIndex(({ action }) => !isErrno(action, fallback)) + 1);
}

function actionOf({ kind, data }: SeccompAction): Pick<Rule, "action" | "errnoRet"> {
  return { action: actionNames[kind], errnoRet: kind === "errno" || kind === "trace" ? data : undefined };
}

function rulesOf(name: string, decision: Decision, fallback: number): readonly Rule[] {
  return neededCases(decision, fallback).map(({ conditions, action }) => ({
    names: [name],
    ...actionOf(action),
    args: conditions.map(({ index, op, value, valueTwo }) => ({
      index,
      value: small(value),
      valueTwo: op === "MASKED_EQ" ? small(valueTwo) : undefined,
      op: `SCMP_CMP_${op}`,
    })),
  }));
}

function small(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
