import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../src/base/failure.ts";
import { parseSeccompProfile, readSeccompProfile } from "../../../src/spec/seccomp.ts";

const ALLOW = '"action":"SCMP_ACT_ALLOW"';
const profile = (rest: string): string => `{"defaultAction":"SCMP_ACT_ERRNO"${rest}}`;
const rules = (...texts: string[]): string => profile(`,"syscalls":[${texts.join(",")}]`);

describe("parseSeccompProfile()", () => {
  test("reads Docker's format", () => {
    const text = profile(`,"defaultErrnoRet":38,
      "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
                 {"architecture":"SCMP_ARCH_RISCV64","subArchitectures":null}],
      "flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/run/agent","listenerMetadata":"m",
      "syscalls":[{"names":["clone"],"action":"SCMP_ACT_ALLOW","comment":"c",
        "args":[{"index":0,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_MASKED_EQ"}],
        "includes":{"caps":["CAP_SYS_ADMIN"],"arches":["amd64"],"minKernel":"4.8"},"excludes":{}},
       {"name":"mount","action":"SCMP_ACT_TRACE","errnoRet":7},
       {"names":["bpf"],"action":"SCMP_ACT_NOTIFY","args":null}]`);
    expect(parseSeccompProfile(text)).toEqual({
      defaultAction: { kind: "errno", data: 38 },
      architectures: [],
      archMap: [
        { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
        { architecture: "SCMP_ARCH_RISCV64", subArchitectures: [] },
      ],
      rules: [
        {
          names: ["clone"],
          action: { kind: "allow", data: 0 },
          conditions: [
            { index: 0, op: "MASKED_EQ", value: 0xffff_ffff_ffff_ffffn, valueTwo: 9007199254740993n },
          ],
          includes: { capabilities: ["CAP_SYS_ADMIN"], architectures: ["amd64"], minKernel: [4, 8] },
          excludes: { capabilities: [], architectures: [] },
        },
        {
          names: ["mount"],
          action: { kind: "trace", data: 7 },
          conditions: [],
          includes: { capabilities: [], architectures: [] },
          excludes: { capabilities: [], architectures: [] },
        },
        {
          names: ["bpf"],
          action: { kind: "notify", data: 0 },
          conditions: [],
          includes: { capabilities: [], architectures: [] },
          excludes: { capabilities: [], architectures: [] },
        },
      ],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      listenerPath: "/run/agent",
      listenerMetadata: "m",
    });
  });

  test("reads the OCI runtime's format and its defaults", () => {
    const read = readSeccompProfile({
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [{ names: ["getcwd", "chmod"], action: "SCMP_ACT_ERRNO" }],
    });
    expect(read.architectures).toEqual(["SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    expect(read.rules[0]).toMatchObject({ names: ["getcwd", "chmod"], action: { kind: "errno", data: 1 } });
  });

  test("reads Podman's additions, which say nothing new", () => {
    const text = rules('{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"errno":"ENOSYS","args":[]}');
    expect(parseSeccompProfile(text).rules[0]?.action).toEqual({ kind: "errno", data: 38 });
  });

  test("reads both names of killing a thread", () => {
    for (const [name, kind] of [
      ["SCMP_ACT_KILL", "kill-thread"],
      ["SCMP_ACT_KILL_THREAD", "kill-thread"],
      ["SCMP_ACT_KILL_PROCESS", "kill-process"],
      ["SCMP_ACT_TRAP", "trap"],
      ["SCMP_ACT_LOG", "log"],
    ] as const) {
      expect(parseSeccompProfile(`{"defaultAction":"${name}"}`).defaultAction).toEqual({ kind, data: 0 });
    }
  });

  const argument = (text: string): string => rules(`{"names":["a"],${ALLOW},"args":[${text}]}`);
  const mistakes: readonly [string, string, string | RegExp][] = [
    ["text that is no JSON", "{", /^cannot read the seccomp profile: it is no JSON: /],
    [
      "a text of 2 MiB",
      " ".repeat(2 * 1024 * 1024),
      "it has 2097152 characters, at most 1048576 are allowed",
    ],
    ["a list", "[]", "it is no object"],
    ["no default", "{}", "defaultAction is missing"],
    ["an unknown action", '{"defaultAction":"ALLOW"}', /defaultAction "ALLOW" is none of SCMP_ACT_KILL, /],
    ["an action that is no text", '{"defaultAction":7}', "defaultAction is no text"],
    ["an unknown member", profile(',"sysCalls":[]'), "sysCalls is not known"],
    [
      "an unknown member of a rule",
      rules(`{"names":["a"],${ALLOW},"arg":[]}`),
      "syscalls[0].arg is not known",
    ],
    ["a member __proto__", profile(',"__proto__":{}'), "__proto__ is not known"],
    ["syscalls that are no list", profile(',"syscalls":{}'), "syscalls is no list"],
    ["no names", rules(`{${ALLOW}}`), "syscalls[0].names is missing or empty"],
    [
      "name and names",
      rules(`{"name":"a","names":["b"],${ALLOW}}`),
      /syscalls\[0\].name is given together with names/,
    ],
    ["an empty name", rules(`{"names":[""],${ALLOW}}`), "syscalls[0].names[0] is empty or has a NUL"],
    ["no action", rules('{"names":["a"]}'), "syscalls[0].action is missing"],
    [
      "an errno where none is taken",
      rules(`{"names":["a"],${ALLOW},"errnoRet":1}`),
      "syscalls[0].errnoRet is given, but SCMP_ACT_ALLOW takes none",
    ],
    ["an errno too great", profile(',"defaultErrnoRet":4096'), "defaultErrnoRet 4096 is not in 0 to 4095"],
    ["a negative errno", profile(',"defaultErrnoRet":-1'), "defaultErrnoRet -1 is not in 0 to 4095"],
    ["half an errno", profile(',"defaultErrnoRet":1.5'), "defaultErrnoRet is no exact integer"],
    ["an errno's name alone", profile(',"defaultErrno":"EPERM"'), "defaultErrno is given without its number"],
    [
      "an index of 6",
      argument('{"index":6,"value":0,"op":"SCMP_CMP_EQ"}'),
      "syscalls[0].args[0].index 6 is not in 0 to 5",
    ],
    ["no value", argument('{"index":0,"op":"SCMP_CMP_EQ"}'), "syscalls[0].args[0].value is missing"],
    [
      "a value of 65 bits",
      argument('{"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}'),
      "syscalls[0].args[0].value 18446744073709551616 is not in 0 to 18446744073709551615",
    ],
    [
      "an unexact value",
      argument('{"index":0,"value":1e30,"op":"SCMP_CMP_EQ"}'),
      "syscalls[0].args[0].value is no exact integer",
    ],
    [
      "an unknown operator",
      argument('{"index":0,"value":0,"op":"EQ"}'),
      /syscalls\[0\].args\[0\].op "EQ" is none of SCMP_CMP_NE, /,
    ],
    [
      "an unknown architecture",
      profile(',"architectures":["x86"]'),
      /architectures\[0\] "x86" is none of SCMP_ARCH_X86, /,
    ],
    [
      "architectures and archMap",
      profile(',"architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]'),
      "architectures is given together with archMap: use one of them",
    ],
    [
      "an unknown flag",
      profile(',"flags":["LOG"]'),
      /flags\[0\] "LOG" is none of SECCOMP_FILTER_FLAG_TSYNC, /,
    ],
    [
      "an odd capability",
      rules(`{"names":["a"],${ALLOW},"includes":{"caps":["SYS_ADMIN"]}}`),
      'syscalls[0].includes.caps[0] "SYS_ADMIN" is no capability\'s name',
    ],
    [
      "an odd kernel",
      rules(`{"names":["a"],${ALLOW},"includes":{"minKernel":"4"}}`),
      'syscalls[0].includes.minKernel "4" is no kernel version such as "5.14"',
    ],
    ["notify as default", '{"defaultAction":"SCMP_ACT_NOTIFY"}', "defaultAction cannot be SCMP_ACT_NOTIFY"],
    [
      "notify at write",
      profile(',"listenerPath":"/s","syscalls":[{"names":["write"],"action":"SCMP_ACT_NOTIFY"}]'),
      "syscalls[0].names has write with SCMP_ACT_NOTIFY",
    ],
    [
      "notify without a listener",
      rules('{"names":["a"],"action":"SCMP_ACT_NOTIFY"}'),
      "listenerPath is missing, though SCMP_ACT_NOTIFY is used",
    ],
    [
      "metadata without a listener",
      profile(',"listenerMetadata":"m"'),
      "listenerMetadata is given without listenerPath",
    ],
  ];
  for (const [name, text, sentence] of mistakes) {
    test(`refuses ${name}`, () => {
      const wanted = typeof sentence === "string" ? `cannot read the seccomp profile: ${sentence}` : sentence;
      expect(() => parseSeccompProfile(text)).toThrow(wanted);
    });
  }

  test("throws nothing but an invalid Failure, whatever the text", () => {
    const deep = "[".repeat(200_000);
    const texts = fc.oneof(fc.json(), fc.string(), fc.constant(deep), fc.constant(`{"syscalls":${deep}`));
    const holder = fc.tuple(fc.constantFrom("syscalls", "archMap", "flags", "defaultErrnoRet"), fc.json());
    const odd = holder.map(([key, value]) => profile(`,"${key}":${value}`));
    fc.assert(
      fc.property(fc.oneof(texts, odd), (text) => {
        try {
          parseSeccompProfile(text);
        } catch (thrown) {
          if (!(thrown instanceof Failure) || thrown.kind !== "invalid") throw thrown;
        }
      }),
      { numRuns: 500 },
    );
  });
});
