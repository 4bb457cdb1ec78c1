import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type {
  SeccompAction,
  SeccompActionKind,
  SeccompCondition,
  SeccompProfile,
  SeccompRule,
} from "../../../../src/spec/seccomp.ts";
import type { MachineArchitecture } from "../../../../src/linux/constants/architecture.ts";
import { parseSeccompProfile } from "../../../../src/spec/seccomp.ts";
import { capabilityNames, resolveCapabilities } from "../../../../src/linux/process/capability.ts";
import {
  compileSeccomp,
  defaultSeccompProfile,
  interpretSeccomp,
  seccompFlagBits,
  verifySeccomp,
} from "../../../../src/linux/seccomp/seccomp.ts";
import { machines } from "../../../../src/linux/seccomp/internal/abi.ts";
import { decodeInstructions } from "../../../../src/linux/seccomp/internal/instruction.ts";
import { type ReferenceCall, referenceOf } from "./reference-evaluation.ts";

const architectures: readonly MachineArchitecture[] = ["x86_64", "arm64"];
const kernel = "6.12.48+deb13-amd64";
const audits = [0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0, 0xffff_ffff];
const numbers = [
  ...Array.from({ length: 602 }, (_, index) => index - 1),
  ...Array.from({ length: 602 }, (_, index) => 0x4000_0000 + index),
  0xf0001,
  0xf0002,
  0xf0005,
  0x3fff_ffff,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffe,
];

const interesting = [
  0n,
  1n,
  38n,
  40n,
  0x1_0000_0028n,
  0x2_0000n,
  0x1000_0000n,
  0x7e02_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];
const anyWord = fc.oneof(
  fc.constantFrom(...interesting),
  fc.bigInt({ min: 0n, max: 64n }),
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
);

interface Setting {
  readonly profile: SeccompProfile;
  readonly machine: MachineArchitecture;
  readonly capabilities: ReadonlySet<(typeof capabilityNames)[number]>;
}

/** Compares program and profile, call by call; 32-bit machines have 32-bit arguments. */
function comparison(setting: Setting, program: Uint8Array): (call: ReferenceCall) => void {
  const reference = referenceOf({ ...setting, kernel: [6, 12] });
  return (call) => {
    const narrow = call.arch === 0x4000_0003 || call.arch === 0x4000_0028;
    const args = narrow ? call.args.map((each) => each & 0xffff_ffffn) : call.args;
    const got = interpretSeccomp(program, { ...call, instructionPointer: 0n, args });
    const wanted = reference({ ...call, args });
    if (got.kind !== wanted.kind || got.data !== wanted.data) {
      throw new Error(
        `${JSON.stringify({ ...call, args: args.map(String) })}: ${JSON.stringify({ got, wanted })}`,
      );
    }
  };
}

function compareEverywhere(setting: Setting, argumentLists: readonly (readonly bigint[])[]): number {
  const program = compileSeccomp(setting.profile, { ...setting, architecture: setting.machine, kernel });
  verifySeccomp(program);
  const compare = comparison(setting, program);
  let compared = 0;
  for (const arch of audits) {
    for (const nr of numbers) {
      for (const args of argumentLists) {
        compare({ nr, arch, args });
        compared++;
      }
    }
  }
  return compared;
}

const capabilitySets = {
  default: resolveCapabilities(),
  all: new Set(capabilityNames),
  none: new Set<(typeof capabilityNames)[number]>(),
};

describe("compileSeccomp() is the default profile, for every number and ABI", () => {
  for (const machine of architectures) {
    for (const [name, capabilities] of Object.entries(capabilitySets)) {
      test(`on ${machine} with ${name} capabilities`, () => {
        const setting = { profile: defaultSeccompProfile, machine, capabilities };
        const lists = [0n, 40n, 0x7e02_0000n].map((value) => Array.from({ length: 6 }, () => value));
        expect(compareEverywhere(setting, lists)).toBeGreaterThan(20_000);
      });
    }
    test(`on ${machine} with any arguments`, () => {
      const setting = { profile: defaultSeccompProfile, machine, capabilities: capabilitySets.default };
      const program = compileSeccomp("default", { ...setting, architecture: machine, kernel });
      const compare = comparison(setting, program);
      const { native, others } = machines[machine];
      const watched = [native, ...others].flatMap(({ audit, numbers: of }) =>
        ["socket", "clone", "personality", "read", "mount"].map((call) => ({
          arch: audit,
          nr: of[call] as number,
        })),
      );
      fc.assert(
        fc.property(
          fc.constantFrom(...watched),
          fc.array(anyWord, { minLength: 6, maxLength: 6 }),
          (call, args) => compare({ ...call, args }),
        ),
        { numRuns: 10_000 },
      );
    });
  }
});

const kinds: readonly SeccompActionKind[] = [
  "kill-process",
  "kill-thread",
  "trap",
  "errno",
  "notify",
  "trace",
  "log",
  "allow",
];
const anyAction: fc.Arbitrary<SeccompAction> = fc
  .record({ kind: fc.constantFrom(...kinds), data: fc.integer({ min: 0, max: 4095 }) })
  .map(({ kind, data }) => ({ kind, data: kind === "errno" || kind === "trace" ? data : 0 }));
const anyCondition: fc.Arbitrary<SeccompCondition> = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  op: fc.constantFrom("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"),
  value: anyWord,
  valueTwo: anyWord,
});
const names = [
  "read",
  "write",
  "socket",
  "connect",
  "sendto",
  "semop",
  "ipc",
  "socketcall",
  "clone",
  "clone3",
  "ptrace",
  "mseal",
  "statx",
  "time",
  "stime",
  "_llseek",
  "cacheflush",
  "rt_sigaction",
  "execve",
  "no_such_call",
  "__proto__",
];
const anyScope = fc.record({
  capabilities: fc.subarray(["CAP_SYS_ADMIN", "CAP_KILL", "CAP_NEW_ONE"], { maxLength: 2 }),
  architectures: fc.subarray(["amd64", "arm64", "ppc64le"]),
  minKernel: fc.constantFrom<[number, number]>([4, 8], [6, 12], [6, 13], [7, 0]),
});
const nowhere = { capabilities: [], architectures: [] };
const anyRule: fc.Arbitrary<SeccompRule> = fc.record({
  names: fc.subarray(names, { minLength: 1, maxLength: 6 }),
  action: anyAction,
  conditions: fc.oneof(fc.constant([]), fc.array(anyCondition, { maxLength: 4 })),
  includes: fc.oneof({ weight: 5, arbitrary: fc.constant(nowhere) }, { weight: 1, arbitrary: anyScope }),
  excludes: fc.oneof({ weight: 5, arbitrary: fc.constant(nowhere) }, { weight: 1, arbitrary: anyScope }),
});
const anyProfile: fc.Arbitrary<SeccompProfile> = fc.record({
  defaultAction: anyAction,
  architectures: fc.subarray(["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS"] as const),
  archMap: fc.constant([]),
  rules: fc.array(anyRule, { maxLength: 12 }),
  flags: fc.constant([]),
});

describe("compileSeccomp() is any profile", () => {
  for (const machine of architectures) {
    test(`on ${machine}`, () => {
      const { native, others } = machines[machine];
      const calls = [native, ...others].flatMap(({ audit, numbers: of }) => [
        ...names.flatMap((name) =>
          Object.hasOwn(of, name) ? [{ arch: audit, nr: of[name] as number }] : [],
        ),
        ...[0, 5, 599, 0x4000_0000, -1, -2].map((nr) => ({ arch: audit, nr })),
      ]);
      fc.assert(
        fc.property(
          anyProfile,
          fc.array(fc.array(anyWord, { minLength: 6, maxLength: 6 }), { minLength: 2, maxLength: 2 }),
          fc.subarray([...capabilityNames]),
          (profile, lists, owned) => {
            const setting = { profile, machine, capabilities: new Set(owned) };
            const program = compileSeccomp(profile, { ...setting, architecture: machine, kernel });
            verifySeccomp(program);
            const compare = comparison(setting, program);
            for (const args of lists) {
              for (const call of calls) compare({ ...call, args });
            }
          },
        ),
        { numRuns: 2000 },
      );
    });
  }
});

/** `count` rules with two conditions each, for as many calls as there are. */
function wideProfile(count: number): SeccompProfile {
  const calls = Object.keys(machines.x86_64.native.numbers);
  const rules = Array.from({ length: count }, (_, index) => ({
    names: [calls[index % calls.length] as string],
    action: { kind: "errno", data: 1 + (index % 4000) },
    conditions: [
      { index: 0, op: "EQ", value: BigInt(index), valueTwo: 0n },
      { index: 1, op: "GT", value: BigInt(index) << 30n, valueTwo: 0n },
    ],
    includes: nowhere,
    excludes: nowhere,
  })) satisfies SeccompRule[];
  return { defaultAction: { kind: "allow", data: 0 }, architectures: [], archMap: [], rules, flags: [] };
}

test("compileSeccomp() refuses a profile that multiplies its rules", () => {
  const condition: SeccompCondition = { index: 0, op: "EQ", value: 1n, valueTwo: 0n };
  const rule: SeccompRule = {
    names: Array.from({ length: 5000 }, () => "read"),
    action: { kind: "errno", data: 1 },
    conditions: Array.from({ length: 5000 }, () => condition),
    includes: nowhere,
    excludes: nowhere,
  };
  const compile = () =>
    compileSeccomp(
      { ...wideProfile(0), rules: [rule] },
      { capabilities: new Set(), architecture: "arm64", kernel },
    );
  expect(compile).toThrow("cannot compile the seccomp profile: it has more than 65536 rules");
});

test("compileSeccomp() jumps far when a profile needs thousands of instructions", () => {
  const profile = wideProfile(330);
  const capabilities = new Set<never>();
  const program = compileSeccomp(profile, { capabilities, architecture: "x86_64", kernel });
  expect(program.length / 8).toBeGreaterThan(2500);
  const setting = { profile, machine: "x86_64", capabilities } as const;
  const compare = comparison(setting, program);
  for (let index = 0; index < 330; index++) {
    const nr = Object.values(machines.x86_64.native.numbers)[index] as number;
    for (const second of [0n, (BigInt(index) << 30n) + 1n]) {
      compare({ nr, arch: 0xc000_003e, args: [BigInt(index), second, 0n, 0n, 0n, 0n] });
    }
  }
});

test("compileSeccomp() refuses a profile that needs more than 4096 instructions", () => {
  const compile = () =>
    compileSeccomp(wideProfile(900), { capabilities: new Set(), architecture: "x86_64", kernel });
  expect(compile).toThrow(
    /^cannot compile the seccomp profile: it needs \d+ instructions, at most 4096 are allowed$/,
  );
});

test("compileSeccomp() loads no argument where the number decides, so the kernel's bitmap works", () => {
  const options = { capabilities: resolveCapabilities(), kernel };
  for (const architecture of architectures) {
    const instructions = decodeInstructions(compileSeccomp("default", { ...options, architecture }));
    const { native } = machines[architecture];
    const looked = new Set<number>();
    for (const nr of Object.values(native.numbers)) {
      let a = 0;
      for (let at = 0; ; at++) {
        const { code, jt, jf, k } = instructions[at] as (typeof instructions)[number];
        if (code === 0x06) break;
        if (code === 0x20 && k > 4) {
          looked.add(nr);
          break;
        }
        if (code === 0x20) a = k === 0 ? nr : native.audit;
        else if (code === 0x05) at += k;
        else at += (code === 0x15 ? a === k : code === 0x25 ? a > k : a >= k) ? jt : jf;
      }
    }
    const calls = ["clone", "personality", "socket"].map((name) => native.numbers[name] as number);
    expect([...looked].sort((one, other) => one - other)).toEqual(calls.sort((one, other) => one - other));
  }
});

test("compileSeccomp() gives each caller its own bytes of one compiled program", () => {
  const options = { capabilities: resolveCapabilities(), architecture: "x86_64", kernel } as const;
  const first = compileSeccomp("default", options);
  first.fill(0);
  expect(() => verifySeccomp(first)).toThrow();
  const second = compileSeccomp("default", options);
  verifySeccomp(second);
  expect(compileSeccomp("default", { ...options, capabilities: new Set(capabilityNames) })).not.toEqual(
    second,
  );
});

test("compileSeccomp() refuses a kernel release without numbers", () => {
  const options = { capabilities: new Set<never>(), architecture: "x86_64", kernel: "six" } as const;
  expect(() => compileSeccomp("default", options)).toThrow('cannot read the kernel release "six"');
});

test("seccompFlagBits() adds the listener's flags when a rule notifies", () => {
  const profile = (flags: string, action: string) =>
    parseSeccompProfile(
      `{"defaultAction":"SCMP_ACT_ALLOW","flags":[${flags}],"listenerPath":"/s","syscalls":[{"names":["mount"],"action":"${action}"}]}`,
    );
  expect(seccompFlagBits(profile("", "SCMP_ACT_ERRNO"))).toBe(0);
  expect(seccompFlagBits(profile('"SECCOMP_FILTER_FLAG_LOG"', "SCMP_ACT_ERRNO"))).toBe(2);
  expect(seccompFlagBits(profile("", "SCMP_ACT_NOTIFY"))).toBe(8);
  expect(seccompFlagBits(profile('"SECCOMP_FILTER_FLAG_TSYNC"', "SCMP_ACT_NOTIFY"))).toBe(25);
});

test("compileSeccomp() refuses i386's calls behind socketcall and ipc, of any version", () => {
  const profile =
    parseSeccompProfile(`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"syscalls":[
    {"names":["semop"],"action":"SCMP_ACT_ERRNO"},
    {"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}]}`);
  const program = compileSeccomp(profile, { capabilities: new Set(), architecture: "x86_64", kernel });
  const ask = (nr: number, first: bigint): SeccompActionKind =>
    interpretSeccomp(program, { nr, arch: 0x4000_0003, instructionPointer: 0n, args: [first] }).kind;
  const { ipc, socketcall, socket } = (machines.x86_64.others[0] as (typeof machines)["x86_64"]["native"])
    .numbers;
  expect([1n, 0x1_0001n, 2n, 0x1_0002n].map((first) => ask(ipc as number, first))).toEqual([
    "errno",
    "errno",
    "allow",
    "allow",
  ]);
  expect([1n, 3n].map((first) => ask(socketcall as number, first))).toEqual(["errno", "allow"]);
  expect([2n, 40n].map((first) => ask(socket as number, first))).toEqual(["allow", "errno"]);
});
