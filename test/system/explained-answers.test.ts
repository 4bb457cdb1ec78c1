/**
 * The same calls in two containers, one with a listener and one without: the kernel's filter and the keeper give the
 * same answers, by the arguments too, and they are what the profile says.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { parseCapability } from "../../src/linux/process/capability.ts";
import { auditArchitecture, compileSeccomp, interpretSeccomp } from "../../src/linux/seccomp/seccomp.ts";
import { type SyscallName, syscallNumber } from "../../src/linux/kernel/syscall.ts";
import { readCallRecord } from "../../src/runtime/traced-calls.ts";
import type { SeccompProfile } from "../../src/spec/seccomp.ts";
import { randomOf } from "../support/random.ts";
import { argumentValues, randomProfile } from "../support/random-profile.ts";
import { dockerCapabilities, TestRuntime } from "../support/runtime.ts";

const program = `
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
static long calls[20000][7], results[20000];
int main(void)
{
	int in = open("/shared/calls", O_RDONLY), out = open("/shared/results", O_WRONLY);
	long count = read(in, calls, sizeof calls) / (long)sizeof calls[0];
	for (long i = 0; i < count; i++) {
		long *c = calls[i], result = syscall(c[0], c[1], c[2], c[3], c[4], c[5], c[6]);
		results[i] = result == -1 ? -errno : result;
	}
	return write(out, results, count * 8) == count * 8 ? 0 : 1;
}
`;

/** None of them is in the profile but to be denied. */
const judged: readonly SyscallName[] = [
  "mount",
  "umount2",
  "keyctl",
  "bpf",
  "setns",
  "unshare",
  "reboot",
  "swapon",
  "chroot",
  "acct",
  "ptrace",
  "socket",
  "kill",
  "openat2",
  "fsopen",
  "pivot_root",
  "mknodat",
];

/** Without a rule that holds, a judged call has 199; what is not judged is allowed. */
function makeProfile(random: (below: number) => number): SeccompProfile {
  const always = [{ index: 0, op: "SCMP_CMP_GE", value: 0 }];
  return randomProfile(random, {
    names: judged,
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: judged, action: "SCMP_ACT_ERRNO", errnoRet: 199, args: always }],
  });
}

let runtime: TestRuntime;
let shared: string;
beforeAll(() => {
  runtime = new TestRuntime("explained");
  shared = runtime.makeDirectory("shared");
  writeFileSync(join(shared, "calls.c"), program);
  execFileSync("cc", ["-O1", "-static", "-o", join(shared, "make-calls"), join(shared, "calls.c")]);
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
});

test("a listener answers as the filter does, for 6,000 calls of made-up profiles", async () => {
  const record = runtime.scratch.join("record");
  const architecture = process.arch === "arm64" ? "arm64" : "x86_64";
  for (let seed = 1; seed <= 3; seed++) {
    const random = randomOf(seed);
    const profile = makeProfile(random);
    const calls = Array.from({ length: 2_000 }, () => ({
      nr: syscallNumber(judged[random(judged.length)] as SyscallName),
      args: Array.from({ length: 6 }, () => argumentValues[random(argumentValues.length)] as bigint),
    }));
    writeFileSync(
      join(shared, "calls"),
      new Uint8Array(BigUint64Array.from(calls.flatMap(({ nr, args }) => [BigInt(nr), ...args])).buffer),
    );
    const make = async (watch: object): Promise<readonly number[]> => {
      writeFileSync(join(shared, "results"), "");
      const { exit, stderr } = await runtime.run(["/shared/make-calls"], {
        mounts: [{ destination: "/shared", type: "bind", source: shared, options: ["bind"] }],
        linux: { seccomp: profile },
        ...watch,
      });
      expect([exit.end, stderr]).toEqual([{ code: 0 }, ""]);
      const bytes = readFileSync(join(shared, "results"));
      return Array.from({ length: bytes.length / 8 }, (_, i) => Number(bytes.readBigInt64LE(8 * i)));
    };
    const filter = compileSeccomp(profile, {
      capabilities: new Set(dockerCapabilities.map(parseCapability).filter((name) => name !== "ALL")),
      architecture,
      kernel: release(),
    });
    const arch = auditArchitecture(architecture);
    const wanted = calls.map(
      ({ nr, args }) => -interpretSeccomp(filter, { nr, arch, args, instructionPointer: 0n }).data,
    );
    expect(new Set(wanted).size).toBeGreaterThan(20);
    expect(await make({})).toEqual(wanted);
    for (const watched of [
      { denials: true, calls: false },
      { denials: true, calls: true },
    ]) {
      expect(await make({ watch: { ...watched, recordPath: record } })).toEqual(wanted);
      const { calls: recorded, unrecorded } = readCallRecord(record);
      const denied = recorded.filter(({ isOrdinary }) => !isOrdinary);
      expect(denied.reduce((sum, { count }) => sum + count, unrecorded)).toBe(calls.length);
    }
  }
});
