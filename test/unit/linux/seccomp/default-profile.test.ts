import { describe, expect, test } from "bun:test";
import type { MachineArchitecture } from "../../../../src/linux/constants/architecture.ts";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { capabilityNames, resolveCapabilities } from "../../../../src/linux/process/capability.ts";
import {
  compileSeccomp,
  defaultSeccompProfile,
  interpretSeccomp,
} from "../../../../src/linux/seccomp/seccomp.ts";
import { type Abi, machines } from "../../../../src/linux/seccomp/internal/abi.ts";
import { parseSeccompProfile, type SeccompAction } from "../../../../src/spec/seccomp.ts";

const reference = process.env["TARE_REFERENCE"];
if (reference === undefined)
  console.log("skipped: TARE_REFERENCE is unset, so there is no profile of Docker's to compare with");

const kernel = "6.12.0";
const sets = {
  default: resolveCapabilities(),
  all: new Set(capabilityNames),
  none: new Set<(typeof capabilityNames)[number]>(),
  "one each": undefined,
};

/** Values of a first argument at which some rule of either profile turns, and some beside them. */
const firsts = [
  0n,
  1n,
  2n,
  8n,
  16n,
  37n,
  38n,
  39n,
  40n,
  41n,
  44n,
  0x11n,
  0x2_0000n,
  0x2_0008n,
  0x2_0009n,
  0x4_0000n,
  0x200_0000n,
  0x1000_0000n,
  0x2000_0000n,
  0x4000_0000n,
  0x7e02_0000n,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0026n,
  0x1_0000_0027n,
  0x1_0000_0028n,
  0xffff_ffff_0000_0028n,
  0xffff_ffff_ffff_ffffn,
];

const nameOf = (abi: Abi, nr: number): string | undefined =>
  Object.keys(abi.numbers).find((name) => abi.numbers[name] === nr);
const shown = ({ kind, data }: SeccompAction): string => (kind === "errno" ? `errno ${data}` : kind);

/**
 * Every difference, with its reason:
 * - "no such number": numbers that no call has get ENOSYS, which is what the kernel says too; Docker's EPERM tells a
 *   program that there is something that it must not do.
 * - "a younger call": runc gives ENOSYS above the greatest number that the profile names, which on x32 and arm is a private
 *   number far above the youngest calls; ours names what it refuses, so these get ENOSYS there too.
 * - "register's upper half": the kernel takes socket's family as int and passes over the upper 32 bits, so with
 *   Docker's profile socket(2³² + AF_VSOCK, …) opens what it means to refuse.
 */
function reasonFor(abi: Abi, call: { nr: number; first: bigint }, answers: { ours: string; theirs: string }) {
  const name = nameOf(abi, call.nr);
  if (name === undefined && answers.ours === "errno 38" && answers.theirs === "errno 1")
    return "no such number";
  const youngest = ["open_tree_attr", "file_getattr", "file_setattr"];
  const privateNumbers = abi.name === "SCMP_ARCH_X32" || abi.name === "SCMP_ARCH_ARM";
  const younger = privateNumbers && youngest.includes(name ?? "") && answers.ours === "errno 38";
  if (younger && answers.theirs === "errno 1") return "a younger call";
  const family = call.first & 0xffff_ffffn;
  const wide = call.first > 0xffff_ffffn && (family === 38n || family === 40n);
  if (name === "socket" && wide && answers.ours === "errno 1") return "register's upper half";
  return `unexplained: ${abi.name} ${name ?? call.nr}(${call.first}): ours ${answers.ours}, theirs ${answers.theirs}`;
}

function compareWithDocker(
  machine: MachineArchitecture,
  capabilities: ReadonlySet<(typeof capabilityNames)[number]>,
  values: readonly bigint[],
) {
  const text = readFileSync(join(reference as string, "docker-seccomp-default.json"), "utf8");
  const options = { capabilities, architecture: machine, kernel };
  const ours = compileSeccomp("default", options);
  const theirs = compileSeccomp(parseSeccompProfile(text), options);
  const reasons = new Map<string, number>();
  let compared = 0;
  const { native, others } = machines[machine];
  for (const abi of [native, ...others]) {
    const base = abi.name === "SCMP_ARCH_X32" ? 0x4000_0000 : 0;
    const numbers = Array.from({ length: 602 }, (_, index) => base + index - 1);
    if (abi.name === "SCMP_ARCH_ARM") numbers.push(0xf0001, 0xf0002, 0xf0003, 0xf0005, 0xf0006);
    for (const nr of numbers) {
      for (const first of abi.bits === 32 ? values.filter((each) => each <= 0xffff_ffffn) : values) {
        const data = { nr, arch: abi.audit, instructionPointer: 0n, args: [first, 0n, 0n, 0n, 0n, 0n] };
        const answers = {
          ours: shown(interpretSeccomp(ours, data)),
          theirs: shown(interpretSeccomp(theirs, data)),
        };
        compared++;
        if (answers.ours === answers.theirs) continue;
        const reason = reasonFor(abi, { nr, first }, answers);
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
  }
  return { reasons: [...reasons.keys()].sort(), compared };
}

describe.skipIf(reference === undefined)("defaultSeccompProfile allows and denies what Docker's does", () => {
  for (const machine of ["x86_64", "arm64"] as const) {
    for (const [name, set] of Object.entries(sets)) {
      test(`on ${machine} with ${name} capabilities`, () => {
        const chosen = set === undefined ? capabilityNames.map((each) => new Set([each])) : [set];
        const values = set === undefined ? [0n, 0x1000_0000n, 0x1_0000_0028n] : firsts;
        for (const capabilities of chosen) {
          const { reasons, compared } = compareWithDocker(machine, capabilities, values);
          expect(compared).toBeGreaterThan(3000);
          expect(reasons).toEqual(["a younger call", "no such number", "register's upper half"]);
        }
      });
    }
  }
});

function ask(nr: number, capabilities: ReadonlySet<(typeof capabilityNames)[number]>, first = 0n): string {
  const program = compileSeccomp("default", { capabilities, architecture: "x86_64", kernel });
  const { audit } = machines.x86_64.native;
  return shown(interpretSeccomp(program, { nr, arch: audit, instructionPointer: 0n, args: [first] }));
}

test("defaultSeccompProfile has each call in one place only", () => {
  const of = (name: string): number => machines.x86_64.native.numbers[name] as number;
  expect(ask(of("read"), sets.none)).toBe("allow");
  expect(ask(of("mount"), sets.default)).toBe("errno 1");
  expect(ask(of("mount"), sets.all)).toBe("allow");
  expect(ask(of("io_uring_setup"), sets.all)).toBe("errno 1");
  expect(ask(of("clone3"), sets.default)).toBe("errno 38");
  expect(ask(of("clone"), sets.default, 0x1000_0000n)).toBe("errno 1");
  expect(ask(of("clone"), sets.default, 0x11n)).toBe("allow");
  expect(ask(of("bpf"), new Set(["CAP_BPF"]))).toBe("allow");
  expect(ask(of("file_getattr"), sets.all)).toBe("errno 38");
  expect(ask(-1, sets.all)).toBe("errno 38");
  const plain = defaultSeccompProfile.rules.filter(
    (rule) => rule.conditions.length === 0 && rule.action.data === 0,
  );
  const everyday = plain[0]?.names ?? [];
  expect(everyday.filter((name, index) => everyday.indexOf(name) !== index)).toEqual([]);
  const gated = plain.slice(1).flatMap((rule) => rule.names);
  expect(gated.filter((name) => everyday.includes(name))).toEqual([]);
});

test("defaultSeccompProfile knows each call but the youngest, whose absence means ENOSYS", () => {
  const named = new Set(defaultSeccompProfile.rules.flatMap((rule) => rule.names));
  const numbered = Object.values(machines).flatMap(({ native, others }) => [native, ...others]);
  const calls = new Set(numbered.flatMap((abi) => Object.keys(abi.numbers)));
  expect([...calls].filter((name) => !named.has(name)).sort()).toEqual([
    "file_getattr",
    "file_setattr",
    "open_tree_attr",
  ]);
  expect([...named].filter((name) => !calls.has(name))).toEqual([]);
});

const headers = "/usr/include/x86_64-linux-gnu/asm";
for (const [abi, file] of [
  [machines.x86_64.native, "unistd_64.h"],
  [machines.x86_64.others[0] as Abi, "unistd_32.h"],
  [machines.x86_64.others[1] as Abi, "unistd_x32.h"],
] as const) {
  test.skipIf(!existsSync(join(headers, file)))(
    `numbers of ${abi.name} are those of this machine's ${file}`,
    () => {
      const bit = abi.name === "SCMP_ARCH_X32" ? 0x4000_0000 : 0;
      const lines = readFileSync(join(headers, file), "utf8").matchAll(
        /#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm,
      );
      const defined = [...lines].map(([, name, number]) => [name, bit + Number(number)]);
      expect(defined.length).toBeGreaterThan(350);
      for (const [name, number] of defined)
        expect([name, abi.numbers[name as string]]).toEqual([name, number]);
    },
  );
}
