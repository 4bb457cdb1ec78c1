import { expect, test } from "bun:test";
import { resolveCapabilities } from "../../../../src/linux/process/capability.ts";
import {
  compileSeccomp,
  defaultSeccompProfile,
  interpretSeccomp,
  type SeccompOptions,
} from "../../../../src/linux/seccomp/seccomp.ts";
import { formatProfileDocument, profileOfCalls } from "../../../../src/linux/seccomp/recorded.ts";
import { permissiveSeccompProfile } from "../../../../src/linux/seccomp/watch.ts";
import { machines } from "../../../../src/linux/seccomp/internal/abi.ts";
import { parseSeccompProfile, type SeccompProfile } from "../../../../src/spec/seccomp.ts";

const options: SeccompOptions = {
  capabilities: resolveCapabilities(),
  architecture: "x86_64",
  kernel: "6.12.0",
};
const { native, others } = machines.x86_64;
const i386 = others[0] as (typeof others)[number];
const usedOf = (...names: readonly string[]) =>
  names.map((name) => ({ audit: native.audit, number: native.numbers[name] as number }));
const record = (profile: SeccompProfile, ...names: readonly string[]): string =>
  formatProfileDocument(profileOfCalls(profile, usedOf(...names), options));

test("profileOfCalls() names the calls in order, and what was refused in another way than the default's", () => {
  expect(
    JSON.parse(record(defaultSeccompProfile, "write", "clone3", "execve", "mount", "brk", "write")),
  ).toEqual({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64"],
    syscalls: [
      { names: ["brk", "execve", "write"], action: "SCMP_ACT_ALLOW" },
      { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
    ],
  });
});

test("profileOfCalls() has a default that none of its conditions means", () => {
  const deny = (errnoRet: number, value: number) => ({
    names: ["kill"],
    action: "SCMP_ACT_ERRNO",
    errnoRet,
    args: [{ index: 0, op: "SCMP_CMP_EQ", value }],
  });
  const allow = {
    names: ["kill"],
    action: "SCMP_ACT_ALLOW",
    args: [{ index: 0, op: "SCMP_CMP_GE", value: 0 }],
  };
  const profile = parseSeccompProfile(
    JSON.stringify({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 99,
      syscalls: [deny(38, 1), deny(1, 2), allow],
    }),
  );
  expect(JSON.parse(record(profile, "kill"))).toMatchObject({ defaultErrnoRet: 2 });
});

test("profileOfCalls() keeps the conditions of the profile", () => {
  const { syscalls } = JSON.parse(record(defaultSeccompProfile, "clone"));
  expect(syscalls).toEqual([
    {
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e02_0000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
    },
    {
      names: ["clone"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1,
      args: [{ index: 0, value: 0, op: "SCMP_CMP_GE" }],
    },
  ]);
});

test("profileOfCalls() serves the ABIs that were used, and leaves out what has no name", () => {
  const used = [
    { audit: i386.audit, number: 1 },
    { audit: native.audit, number: 231 },
    { audit: native.audit, number: 99_999 },
  ];
  expect(profileOfCalls(permissiveSeccompProfile, used, options)).toEqual({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [{ names: ["exit", "exit_group"], action: "SCMP_ACT_ALLOW" }],
  });
});

test("formatProfileDocument() keeps numbers beyond 2⁵³", () => {
  const profile = parseSeccompProfile(
    '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["kill"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"op":"SCMP_CMP_EQ","value":18446744073709551615}]}]}',
  );
  expect(record(profile, "kill")).toContain('"value": 18446744073709551615,');
});

test("a recorded profile answers as the one before for what was used, and never allows more", () => {
  const all = Object.keys(native.numbers);
  const used = all.filter((_, index) => index % 3 !== 0);
  for (const profile of [defaultSeccompProfile, permissiveSeccompProfile]) {
    const recorded = parseSeccompProfile(record(profile, ...used));
    const before = compileSeccomp(profile, options);
    const after = compileSeccomp(recorded, options);
    for (const name of all) {
      for (const first of [0n, 2n, 8n, 38n, 40n, 0x1000_0000n, 0xffff_ffffn, 2n ** 64n - 1n]) {
        const data = {
          arch: native.audit,
          nr: native.numbers[name] as number,
          args: [first, 0n, 0n, 0n, 0n, 0n],
          instructionPointer: 0n,
        };
        const [old, now] = [interpretSeccomp(before, data), interpretSeccomp(after, data)];
        if (used.includes(name)) expect([name, first, now]).toEqual([name, first, old]);
        else expect([name, now.kind]).toEqual([name, "errno"]);
      }
    }
  }
});
