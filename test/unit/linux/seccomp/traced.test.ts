import { describe, expect, test } from "bun:test";
import type { MachineArchitecture } from "../../../../src/linux/constants/architecture.ts";
import {
  type CapabilityName,
  capabilityNames,
  defaultCapabilities,
  resolveCapabilities,
} from "../../../../src/linux/process/capability.ts";
import { defaultSeccompProfile, verifySeccomp } from "../../../../src/linux/seccomp/seccomp.ts";
import { permissiveSeccompProfile, verdictBits } from "../../../../src/linux/seccomp/watch.ts";
import { machines } from "../../../../src/linux/seccomp/internal/abi.ts";
import { encodeAction, decodeAction } from "../../../../src/linux/seccomp/internal/action.ts";
import { compileDecisions } from "../../../../src/linux/seccomp/internal/compile.ts";
import { interpretSeccomp } from "../../../../src/linux/seccomp/internal/interpret.ts";
import { resolveProfile } from "../../../../src/linux/seccomp/internal/resolve.ts";
import { compileTraced } from "../../../../src/linux/seccomp/internal/traced.ts";
import { parseSeccompProfile, type SeccompProfile } from "../../../../src/spec/seccomp.ts";

const custom = parseSeccompProfile(
  JSON.stringify({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 13,
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    syscalls: [
      { names: ["read", "write", "openat", "socket", "mknod"], action: "SCMP_ACT_ALLOW" },
      { names: ["getpid"], action: "SCMP_ACT_LOG" },
      { names: ["reboot"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["ptrace"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
      { names: ["kill"], action: "SCMP_ACT_TRAP" },
      {
        names: ["mount"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 4095,
        args: [{ index: 3, op: "SCMP_CMP_MASKED_EQ", value: 1, valueTwo: 1 }],
      },
      {
        names: ["mount"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 3, op: "SCMP_CMP_LT", value: 4096 }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["mseal"], action: "SCMP_ACT_ERRNO", errnoRet: 0 },
    ],
  }),
);

/** Denies a few of all: calls younger than it are allowed. */
const denying = parseSeccompProfile(
  JSON.stringify({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["chmod", "mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 30 }],
  }),
);

const profiles: Readonly<Record<string, SeccompProfile>> = {
  default: defaultSeccompProfile,
  custom,
  denying,
  permissive: permissiveSeccompProfile,
};
const sets: Readonly<Record<string, ReadonlySet<CapabilityName>>> = {
  default: resolveCapabilities(),
  none: new Set(),
  all: new Set(capabilityNames),
};
const watches = {
  denials: { denials: true, calls: false },
  calls: { denials: false, calls: true },
  both: { denials: true, calls: true },
};
const samples: readonly (readonly bigint[])[] = [
  [0n, 0n, 0n, 0n, 0n, 0n],
  [2n, 3n, 0x103n, 1n, 1n, 5n],
  [17n, 0o060644n, 0o020644n, 4096n, 2n ** 64n - 1n, 0n],
  [40n, 0o020644n, 7n, 0x1000n, 9n, 9n],
  [0x1000_0000n, 0x10_0000_0010n, 1n, 0x7fff_ffff_0000n, 3n, 3n],
  [0xffff_ffffn, 2n ** 32n + 40n, 0o060000n, 0xfffn, 1n, 1n],
  [3n, 0x10_0000_0010n, 16n, 0n, 0n, 0n],
];

const untraced = [
  {
    name: "read",
    conditions: [{ index: 0, op: "EQ", value: 3n, valueTwo: 0n } as const],
  },
];

/** Numbers of every ABI at which something can turn, and some beyond. */
function numbersOf(machine: MachineArchitecture): { readonly audit: number; readonly nr: number }[] {
  const { native, others } = machines[machine];
  return [native, ...others].flatMap(({ audit, numbers, first, last }) => {
    const named = Object.values(numbers);
    const top = Math.max(...named);
    const beyond = [top + 1, top + 2, first + 5000, last];
    return [...new Set([...named, ...beyond])].map((nr) => ({ audit, nr }));
  });
}

describe("compileTraced() hands calls over and changes none of the profile's answers", () => {
  for (const [profileName, profile] of Object.entries(profiles))
    for (const [setName, capabilities] of Object.entries(sets))
      test(`${profileName} with ${setName} capabilities`, () => {
        const wrong: unknown[] = [];
        let handed = 0;
        for (const machine of ["x86_64", "arm64"] as const) {
          const resolved = resolveProfile(profile, { capabilities, architecture: machine, kernel: [6, 12] });
          const plain = compileDecisions(resolved);
          const lacking = new Set(capabilityNames.filter((name) => !capabilities.has(name)));
          for (const [watchName, watch] of Object.entries(watches)) {
            const { filter, policy } = compileTraced(resolved, { watch, lacking, untraced });
            verifySeccomp(filter);
            verifySeccomp(policy);
            const run = { plain: runner(plain), filter: runner(filter), policy: runner(policy) };
            for (const { audit, nr } of numbersOf(machine)) {
              for (const args of profileName === "default" && watchName === "both"
                ? samples.slice(0, 2)
                : samples) {
                const before = run.plain(audit, nr, args);
                const after = run.filter(audit, nr, args);
                if (after.kind !== "notify") {
                  // What is not handed over is decided by the filter itself, the same way; no denial is left out.
                  if (encodeAction(after) !== encodeAction(before) || after.kind === "errno")
                    wrong.push({ machine, watchName, nr, args, before, after });
                  continue;
                }
                handed++;
                const verdict = run.policy(audit, nr, args);
                const isAllowed = before.kind === "allow" || before.kind === "log";
                const isRight = isAllowed
                  ? verdict.kind === "allow"
                  : before.kind === "errno" &&
                    verdict.kind === "errno" &&
                    (verdict.data & verdictBits.error) === before.data;
                if (!isRight) wrong.push({ machine, watchName, nr, args, before, after, verdict });
              }
            }
          }
        }
        expect(wrong.slice(0, 5)).toEqual([]);
        expect(handed).toBeGreaterThan(1000);
      });
});

test("compileTraced() leaves a call alone that is made before anybody listens", () => {
  const resolved = resolveProfile(defaultSeccompProfile, {
    capabilities: resolveCapabilities(),
    architecture: "x86_64",
    kernel: [6, 12],
  });
  const { filter } = compileTraced(resolved, { watch: watches.both, lacking: new Set(), untraced });
  const run = runner(filter);
  const { audit, numbers } = machines.x86_64.native;
  expect(run(audit, numbers["read"] as number, [3n, 0n, 0n, 0n, 0n, 0n]).kind).toBe("allow");
  expect(run(audit, numbers["read"] as number, [4n, 0n, 0n, 0n, 0n, 0n]).kind).toBe("notify");
});

test("compileTraced() says which argument is a path, and hands over what the kernel will refuse", () => {
  const capabilities = new Set<CapabilityName>(defaultCapabilities.filter((name) => name !== "CAP_MKNOD"));
  const resolved = resolveProfile(defaultSeccompProfile, {
    capabilities,
    architecture: "x86_64",
    kernel: [6, 12],
  });
  const lacking = new Set(capabilityNames.filter((name) => !capabilities.has(name)));
  const { filter, policy } = compileTraced(resolved, { watch: watches.denials, lacking, untraced: [] });
  const { audit, numbers } = machines.x86_64.native;
  const of = (name: string, args: readonly bigint[]) => {
    const nr = numbers[name] as number;
    const all = Array.from({ length: 6 }, (_, i) => args[i] ?? 0n);
    const { kind, data } = runner(policy)(audit, nr, all);
    return { filter: runner(filter)(audit, nr, all).kind, kind, text: (data >> 12) & 7, error: data & 0xfff };
  };
  expect(of("mount", [])).toEqual({ filter: "notify", kind: "errno", text: 1, error: 1 });
  expect(of("move_mount", [])).toEqual({ filter: "notify", kind: "errno", text: 2, error: 1 });
  expect(of("keyctl", [])).toEqual({ filter: "notify", kind: "errno", text: 0, error: 1 });
  expect(of("mknodat", [0n, 0n, 0o060600n])).toEqual({ filter: "notify", kind: "allow", text: 2, error: 0 });
  expect(of("mknodat", [0n, 0n, 0o100600n]).filter).toBe("allow");
  // A whiteout needs no right.
  expect(of("mknodat", [0n, 0n, 0o020000n, 0n]).filter).toBe("allow");
  expect(of("socket", [2n, 3n]).filter).toBe("allow");
});

/** Programs are taken apart once: interpretSeccomp() does it for each call. */
function runner(
  program: Uint8Array,
): (audit: number, nr: number, args: readonly bigint[]) => ReturnType<typeof decodeAction> {
  return (arch, nr, args) => interpretSeccomp(program, { arch, nr, args, instructionPointer: 0n });
}
