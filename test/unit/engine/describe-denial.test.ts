import { expect, test } from "bun:test";
import { resolveCapabilities } from "../../../src/linux/process/capability.ts";
import { defaultSeccompProfile } from "../../../src/linux/seccomp/seccomp.ts";
import { machines } from "../../../src/linux/seccomp/internal/abi.ts";
import { permissiveSeccompProfile } from "../../../src/linux/seccomp/watch.ts";
import { describeDenial, type DenialPolicy } from "../../../src/engine/resolve/describe-denial.ts";
import type { TracedCall } from "../../../src/runtime/traced-calls.ts";
import { parseSeccompProfile } from "../../../src/spec/seccomp.ts";

const { audit, numbers } = machines.x86_64.native;

function call(name: string, changes: Partial<TracedCall> = {}): TracedCall {
  return {
    audit,
    number: numbers[name] ?? 9999,
    found: { architecture: "SCMP_ARCH_X86_64", ...(name === "" ? {} : { name }) },
    answer: { errno: 1 },
    isCoarse: false,
    isOrdinary: false,
    args: [0n, 0n, 0n, 0n, 0n, 0n],
    count: 2,
    firstNs: 1_700_000_000_123_456_789n,
    lastNs: 1_700_000_001_000_000_000n,
    pid: 12,
    ...changes,
  };
}

const options = { capabilities: resolveCapabilities(), architecture: "x86_64", kernel: "6.12.0" } as const;
const byDefault: DenialPolicy = { profile: defaultSeccompProfile, isDefault: true, options };

test("describeDenial() says all of a call", () => {
  expect(describeDenial(call("mount", { text: "/x" }), byDefault)).toEqual({
    call: "mount",
    architecture: "SCMP_ARCH_X86_64",
    args: [0n, 0n, 0n, 0n, 0n, 0n],
    text: "/x",
    error: "EPERM",
    by: "the default profile",
    advice: "--cap-add SYS_ADMIN",
    count: 2,
    firstAt: 1_700_000_000_123,
    lastAt: 1_700_000_001_000,
    pid: 12,
  });
});

const custom = parseSeccompProfile(
  JSON.stringify({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [
      { names: ["reboot"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_BOOT"] } },
      { names: ["read"], action: "SCMP_ACT_ALLOW" },
    ],
  }),
);

test.each([
  [call("settimeofday"), byDefault, "the default profile", "--cap-add SYS_TIME"],
  [
    call("mount"),
    { ...byDefault, appArmorProfile: "tare-default" },
    "the default profile",
    "--cap-add SYS_ADMIN --security-opt apparmor=unconfined",
  ],
  [
    call("settimeofday"),
    { ...byDefault, appArmorProfile: "tare-default" },
    "the default profile",
    "--cap-add SYS_TIME",
  ],
  [
    call("mount"),
    { ...byDefault, appArmorProfile: "of-the-administrator" },
    "the default profile",
    "--cap-add SYS_ADMIN",
  ],
  [
    call("keyctl"),
    byDefault,
    "the default profile",
    "--security-opt seccomp=FILE, with a profile that allows it",
  ],
  [
    call("", { answer: { errno: 38 } }),
    byDefault,
    "the default profile",
    "--security-opt seccomp=FILE, with a profile that allows it",
  ],
  [
    call("mkdir"),
    { profile: custom, isDefault: false, options },
    "the seccomp profile",
    "a rule for it in the profile",
  ],
  [
    call("reboot"),
    { profile: custom, isDefault: false, options },
    "the seccomp profile",
    "--cap-add SYS_BOOT",
  ],
  [
    call("sethostname", { answer: "allowed" }),
    { profile: permissiveSeccompProfile, isDefault: false, options },
    "the kernel (it needs CAP_SYS_ADMIN)",
    "--cap-add SYS_ADMIN",
  ],
] as const)(
  "describeDenial() names who refused it and what would allow it (%#)",
  (made, policy, by, advice) => {
    expect(describeDenial(made, policy)).toMatchObject({ by, advice });
  },
);

test("describeDenial() calls what has no name by its number", () => {
  expect(describeDenial(call(""), byDefault).call).toBe("call 9999");
});
