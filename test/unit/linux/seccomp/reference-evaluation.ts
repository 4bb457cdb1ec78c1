import type {
  SeccompAction,
  SeccompCondition,
  SeccompProfile,
  SeccompRule,
} from "../../../../src/spec/seccomp.ts";
import type { MachineArchitecture } from "../../../../src/linux/constants/architecture.ts";
import { type Abi, machines } from "../../../../src/linux/seccomp/internal/abi.ts";

export interface ReferenceSetting {
  readonly profile: SeccompProfile;
  readonly machine: MachineArchitecture;
  readonly capabilities: ReadonlySet<string>;
  readonly kernel: readonly [number, number];
}

export interface ReferenceCall {
  readonly nr: number;
  readonly arch: number;
  readonly args: readonly bigint[];
}

interface Candidate {
  readonly conditions: readonly SeccompCondition[];
  readonly action: SeccompAction;
}

const killed: SeccompAction = { kind: "kill-thread", data: 0 };
const permissive = ["allow", "log", "trace"];

/** What a profile says of a call, read straight from its rules: obvious, and no code of the compiler's. */
export function referenceOf(setting: ReferenceSetting): (call: ReferenceCall) => SeccompAction {
  const { profile, machine } = setting;
  const { native, others } = machines[machine];
  const served = [native.name as string, ...profile.architectures];
  for (const entry of profile.archMap) {
    if (entry.architecture === native.name) served.push(...entry.subArchitectures);
  }
  const all = [native, ...others].filter((each) => served.includes(each.name));
  const abis = all.map((abi) => ({ abi, evaluate: abiReference(setting, abi) }));
  return (call) => {
    const nr = call.nr >>> 0;
    const found = abis.find(({ abi }) => abi.audit === call.arch && nr >= abi.first && nr <= abi.last);
    if (found !== undefined) return found.evaluate(nr, call.args);
    if (call.arch === native.audit && nr === 0xffff_ffff) return abis[0]?.evaluate(nr, call.args) ?? killed;
    return killed;
  };
}

function abiReference(
  setting: ReferenceSetting,
  abi: Abi,
): (nr: number, args: readonly bigint[]) => SeccompAction {
  const { defaultAction, rules } = setting.profile;
  const inForce = rules.filter((rule) => isInForce(rule, setting));
  const candidates = new Map<number, Candidate[]>();
  let last = -1;
  const add = (name: string, candidate: Candidate): void => {
    const nr = Object.getOwnPropertyDescriptor(abi.numbers, name)?.value as number | undefined;
    if (nr === undefined) return;
    last = Math.max(last, nr);
    const { kind, data } = candidate.action;
    if (kind === defaultAction.kind && data === defaultAction.data) return;
    candidates.set(nr, [...(candidates.get(nr) ?? []), candidate]);
  };
  for (const rule of inForce) {
    const idle = rule.action.kind === defaultAction.kind && rule.action.data === defaultAction.data;
    for (const name of rule.names) {
      add(name, rule);
      if (idle || abi.name !== "SCMP_ARCH_X86") continue;
      for (const each of multiplexedRules(rule, name)) {
        add(each.name, { conditions: [each.condition], action: rule.action });
      }
    }
  }
  const stub = last >= 0 && !permissive.includes(defaultAction.kind);
  const width = abi.bits === 32 ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn;
  return (nr, args) => {
    if (nr > last) return stub ? { kind: "errno", data: 38 } : defaultAction;
    const here = candidates.get(nr) ?? [];
    const whole = here.find((rule) => rule.conditions.length === 0);
    if (whole !== undefined) return whole.action;
    const matching = here.find(({ conditions }) => {
      const results = conditions.map((condition) => isTrue(condition, args, width));
      const repeated = conditions.some(
        (one, at) => conditions.findIndex((other) => other.index === one.index) < at,
      );
      return repeated ? results.includes(true) : !results.includes(false);
    });
    return matching?.action ?? defaultAction;
  };
}

function isInForce(
  { includes, excludes }: SeccompRule,
  { machine, capabilities, kernel }: ReferenceSetting,
): boolean {
  const go = machine === "x86_64" ? "amd64" : "arm64";
  const release = (pair: readonly [number, number]): number => pair[0] * 10_000 + pair[1];
  const refusals = [
    excludes.architectures.includes(go),
    excludes.capabilities.some((name) => capabilities.has(name)),
    excludes.minKernel !== undefined && release(kernel) >= release(excludes.minKernel),
    includes.architectures.length > 0 && !includes.architectures.includes(go),
    includes.capabilities.some((name) => !capabilities.has(name)),
    includes.minKernel !== undefined && release(kernel) < release(includes.minKernel),
  ];
  return !refusals.includes(true);
}

function isTrue(condition: SeccompCondition, args: readonly bigint[], width: bigint): boolean {
  const argument = args[condition.index] as bigint;
  const { value, valueTwo } = condition;
  switch (condition.op) {
    case "EQ":
      return argument === (value & width);
    case "NE":
      return argument !== (value & width);
    case "MASKED_EQ":
      return (argument & value & width) === (valueTwo & value & width);
    case "LT":
      return argument < value;
    case "LE":
      return argument <= value;
    case "GT":
      return argument > value;
    case "GE":
      return argument >= value;
    default:
      return condition.op satisfies never;
  }
}

const sockets: Readonly<Record<string, bigint>> = {
  socket: 1n,
  bind: 2n,
  connect: 3n,
  listen: 4n,
  accept: 5n,
  getsockname: 6n,
  getpeername: 7n,
  socketpair: 8n,
  send: 9n,
  recv: 10n,
  sendto: 11n,
  recvfrom: 12n,
  shutdown: 13n,
  setsockopt: 14n,
  getsockopt: 15n,
  sendmsg: 16n,
  recvmsg: 17n,
  accept4: 18n,
  recvmmsg: 19n,
  sendmmsg: 20n,
};
const systemV: Readonly<Record<string, bigint>> = {
  semop: 1n,
  semget: 2n,
  semctl: 3n,
  semtimedop: 4n,
  msgsnd: 11n,
  msgrcv: 12n,
  msgget: 13n,
  msgctl: 14n,
  shmat: 21n,
  shmdt: 22n,
  shmget: 23n,
  shmctl: 24n,
};

function multiplexedRules(rule: SeccompRule, call: string): { name: string; condition: SeccompCondition }[] {
  if (rule.conditions.length > 0 && permissive.includes(rule.action.kind)) return [];
  const socket = Object.hasOwn(sockets, call) ? sockets[call] : undefined;
  const ipc = Object.hasOwn(systemV, call) ? systemV[call] : undefined;
  if (socket !== undefined) {
    return [{ name: "socketcall", condition: { index: 0, op: "EQ", value: socket, valueTwo: 0n } }];
  }
  if (ipc === undefined) return [];
  return [{ name: "ipc", condition: { index: 0, op: "MASKED_EQ", value: 0xffffn, valueTwo: ipc } }];
}
