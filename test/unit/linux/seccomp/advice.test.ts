import { expect, test } from "bun:test";
import {
  type CapabilityName,
  capabilityNames,
  resolveCapabilities,
} from "../../../../src/linux/process/capability.ts";
import {
  compileSeccomp,
  defaultSeccompProfile,
  interpretSeccomp,
  type SeccompOptions,
} from "../../../../src/linux/seccomp/seccomp.ts";
import { capabilitiesThatAllow, capabilityNeededBy } from "../../../../src/linux/seccomp/advice.ts";
import { machines } from "../../../../src/linux/seccomp/internal/abi.ts";

const capabilities = resolveCapabilities();
const options = (more: readonly CapabilityName[] = []): SeccompOptions => ({
  capabilities: new Set([...capabilities, ...more]),
  architecture: "x86_64",
  kernel: "6.12.0",
});
const { audit, numbers } = machines.x86_64.native;
/** clone with a new user namespace; other calls take the number for what they will. */
const args = [0x1000_0000n, 0n, 0n, 0n, 0n, 0n];

test("capabilitiesThatAllow() is right for every call of the default profile", () => {
  const allowed = (names: readonly CapabilityName[]): ReadonlySet<number> => {
    const program = compileSeccomp("default", options(names));
    return new Set(
      Object.values(numbers).filter(
        (nr) => interpretSeccomp(program, { arch: audit, nr, args, instructionPointer: 0n }).kind === "allow",
      ),
    );
  };
  const before = allowed([]);
  const byCapability = new Map(capabilityNames.map((name) => [name, allowed([name])]));
  const advised: Record<string, readonly string[]> = {};
  for (const [name, number] of Object.entries(numbers)) {
    const found = capabilitiesThatAllow(defaultSeccompProfile, { audit, number, args }, options());
    const wanted = before.has(number)
      ? []
      : capabilityNames.filter((each) => byCapability.get(each)?.has(number) === true);
    expect([name, [...found].sort()]).toEqual([name, [...wanted].sort()]);
    if (found.length > 0) advised[name] = found;
  }
  expect(advised).toMatchObject({
    mount: ["CAP_SYS_ADMIN"],
    clone: ["CAP_SYS_ADMIN"],
    clone3: ["CAP_SYS_ADMIN"],
    settimeofday: ["CAP_SYS_TIME"],
    init_module: ["CAP_SYS_MODULE"],
    reboot: ["CAP_SYS_BOOT"],
    kcmp: ["CAP_SYS_PTRACE"],
    // The narrowest first.
    bpf: ["CAP_BPF", "CAP_SYS_ADMIN"],
    syslog: ["CAP_SYSLOG", "CAP_SYS_ADMIN"],
    perf_event_open: ["CAP_PERFMON", "CAP_SYS_ADMIN"],
  });
  expect(advised["keyctl"]).toBeUndefined();
  expect(advised["io_uring_setup"]).toBeUndefined();
});

test("capabilityNeededBy() names what a call lacks", () => {
  expect(capabilityNeededBy("mknod", new Set())).toBe("CAP_MKNOD");
  expect(capabilityNeededBy("mknod", new Set(["CAP_MKNOD"]))).toBeUndefined();
  expect(capabilityNeededBy("read", new Set())).toBeUndefined();
});
