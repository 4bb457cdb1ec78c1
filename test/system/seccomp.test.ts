import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { architecture } from "../../src/linux/constants/architecture.ts";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { type CapabilityName, resolveCapabilities } from "../../src/linux/process/capability.ts";
import { auditArchitecture, compileSeccomp, interpretSeccomp } from "../../src/linux/seccomp/seccomp.ts";
import { syscallNumber } from "../../src/linux/kernel/syscall.ts";
import { parseSeccompProfile, type SeccompProfile } from "../../src/spec/seccomp.ts";
import { randomOf } from "../support/random.ts";
import { argumentValues, randomProfile } from "../support/random-profile.ts";

/** Loads a filter, makes the calls of a file (number and six arguments, each of 64 bits) and writes their results. */
const program = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter filter[4097];
static long calls[65536][7];
static long results[65536];

static long load(const char *path, void *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	long got = fd < 0 ? -1 : read(fd, to, size);
	close(fd);
	return got;
}

int main(int argc, char **argv)
{
	struct sock_fprog fprog = { .filter = filter };
	long size = argc > 2 ? load(argv[1], filter, sizeof filter) : -1;
	long count = argc > 2 ? load(argv[2], calls, sizeof calls) / (long)sizeof calls[0] : -1;
	long i;

	if (size < 0 || count < 0)
		return 2;
	fprog.len = size / sizeof filter[0];
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 3;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog)) {
		fprintf(stderr, "seccomp: %s", strerror(errno));
		return 4;
	}
	for (i = 0; i < count; i++) {
		long *c = calls[i];
		long result = syscall(c[0], c[1], c[2], c[3], c[4], c[5], c[6]);
		results[i] = result < 0 ? -errno : result;
	}
	return write(1, results, count * sizeof results[0]) == count * (long)sizeof results[0] ? 0 : 5;
}
`;

interface Call {
  readonly nr: number;
  readonly args: readonly bigint[];
}

const skip = spawnSync("cc", ["--version"]).status !== 0;
if (skip) console.log("skipped: there is no C compiler to build the program that loads the filters");

let folder = "";
beforeAll(() => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "tare-seccomp-"));
  writeFileSync(join(folder, "load.c"), program);
  const built = spawnSync("cc", ["-O1", "-o", join(folder, "load"), join(folder, "load.c")], {
    encoding: "utf8",
  });
  if (built.status !== 0) throw new Error(built.stderr);
});
afterAll(() => {
  if (folder !== "") rmSync(folder, { recursive: true });
});

function encodeCalls(calls: readonly Call[]): Uint8Array {
  return new Uint8Array(
    BigUint64Array.from(
      calls.flatMap(({ nr, args }) => [
        BigInt.asUintN(64, BigInt(nr)),
        ...Array.from({ length: 6 }, (_, index) => args[index] ?? 0n),
      ]),
    ).buffer,
  );
}

interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly complaint: string;
  /** ≥ 0, or −errno, of each call. */
  readonly results: readonly number[];
}

function makeCalls(filter: Uint8Array, calls: readonly Call[]): Outcome {
  writeFileSync(join(folder, "filter"), filter);
  writeFileSync(join(folder, "calls"), encodeCalls(calls));
  const ended = spawnSync(join(folder, "load"), [join(folder, "filter"), join(folder, "calls")], {
    timeout: 20_000,
  });
  const bytes = new Uint8Array(ended.stdout);
  const results = [...new BigInt64Array(bytes.buffer, 0, bytes.length >> 3)].map(Number);
  return { status: ended.status, signal: ended.signal, complaint: ended.stderr.toString(), results };
}

const EPERM = -1;
const ENOSYS = -38;
const EINVAL = -22;
const options = { architecture, kernel: release(), capabilities: resolveCapabilities() };

function makeNamed(capabilities: ReadonlySet<CapabilityName>, ...calls: readonly Call[]): Outcome {
  return makeCalls(compileSeccomp("default", { ...options, capabilities }), calls);
}

describe.skipIf(skip)("compileSeccomp() in this machine's kernel", () => {
  test("the default filter refuses and allows what it says", () => {
    const AF_INET = 2n;
    const AF_VSOCK = 40n;
    const CLONE_NEWUSER = 0x1000_0000n;
    const outcome = makeNamed(
      options.capabilities,
      { nr: syscallNumber("getpid"), args: [] },
      { nr: syscallNumber("mount"), args: [] },
      { nr: syscallNumber("unshare"), args: [0n] },
      { nr: syscallNumber("keyctl"), args: [] },
      { nr: syscallNumber("clone3"), args: [] },
      { nr: syscallNumber("clone"), args: [CLONE_NEWUSER] },
      { nr: syscallNumber("socket"), args: [AF_INET, 1n, 0n] },
      { nr: syscallNumber("socket"), args: [AF_VSOCK, 1n, 0n] },
      { nr: syscallNumber("socket"), args: [0x1_0000_0000n + AF_VSOCK, 1n, 0n] },
      { nr: syscallNumber("personality"), args: [0xffff_ffffn] },
      { nr: syscallNumber("personality"), args: [0x40_0000n] },
      { nr: 600, args: [] },
      { nr: -1, args: [] },
    );
    expect(outcome).toMatchObject({ status: 0, complaint: "" });
    const [pid, ...others] = outcome.results as [number, ...number[]];
    expect(pid).toBeGreaterThan(0);
    const [socket] = others.splice(5, 1) as [number];
    expect(socket).toBeGreaterThanOrEqual(3);
    expect(others).toEqual([EPERM, EPERM, EPERM, ENOSYS, EPERM, EPERM, EPERM, 0, EPERM, ENOSYS, ENOSYS]);
  });

  test("the default filter allows more with CAP_SYS_ADMIN, and leaves the answer to the kernel", () => {
    const calls = [
      { nr: syscallNumber("unshare"), args: [0n] },
      { nr: syscallNumber("clone3"), args: [] },
      { nr: syscallNumber("keyctl"), args: [] },
    ];
    const outcome = makeNamed(resolveCapabilities({ add: ["SYS_ADMIN"] }), ...calls);
    expect(outcome).toMatchObject({ status: 0, results: [0, EINVAL, EPERM] });
  });

  test("interpretSeccomp() answers as the kernel does, for 20,000 calls of made-up profiles", () => {
    for (let seed = 1; seed <= 4; seed++) {
      const next = randomOf(seed);
      const filter = compileSeccomp(makeProfile(next), { ...options, capabilities: new Set() });
      const calls = Array.from({ length: 5000 }, () => makeCall(next));
      const outcome = makeCalls(filter, calls);
      expect(outcome).toMatchObject({ status: 0, complaint: "" });
      const wanted = calls.map(({ nr, args }) => {
        const data = { nr, arch: auditArchitecture(architecture), instructionPointer: 0n, args };
        return -interpretSeccomp(filter, data).data;
      });
      expect(new Set(wanted).size).toBeGreaterThan(20);
      expect(outcome.results).toEqual(wanted);
    }
  });

  test("the largest program is taken, and a call of an ABI that the profile hasn't kills", () => {
    const filter = compileSeccomp(largeProfile(), { ...options, capabilities: new Set() });
    expect(filter.length / 8).toBeGreaterThan(3800);
    const last = { nr: syscallNumber("close"), args: [239n, 239n] };
    expect(makeCalls(filter, [last]).results).toEqual([-(1000 + 239)]);
    if (architecture !== "x86_64") return;
    const x32Getpid = { nr: 0x4000_0000 + syscallNumber("getpid"), args: [] };
    expect(makeCalls(filter, [x32Getpid])).toMatchObject({ status: null, signal: "SIGSYS" });
  });
});

const names = [
  "getpid",
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
  "bind",
  "kill",
  "mseal",
  "openat2",
  "clone3",
  "fsopen",
  "fsmount",
  "pivot_root",
] as const;

/** Nothing but write and exit is allowed. */
function makeProfile(random: (below: number) => number): SeccompProfile {
  return randomProfile(random, {
    names,
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 199,
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    ],
    syscalls: [{ names: ["write", "exit_group"], action: "SCMP_ACT_ALLOW" }],
  });
}

function makeCall(next: (below: number) => number): Call {
  const named = syscallNumber(names[next(names.length)] as (typeof names)[number]);
  const nr = next(8) === 0 ? 470 + next(100) : named;
  const x32 = architecture === "x86_64" && next(8) === 0 ? 0x4000_0000 : 0;
  return {
    nr: nr + x32,
    args: Array.from({ length: 6 }, () => argumentValues[next(argumentValues.length)] as bigint),
  };
}

function largeProfile(): SeccompProfile {
  const call = (index: number): string => (index % 2 === 0 ? "getpid" : "close");
  const rules = Array.from({ length: 440 }, (_, index) => ({
    names: [call(index)],
    action: "SCMP_ACT_ERRNO",
    errnoRet: 1000 + index,
    args: [
      { index: 0, op: "SCMP_CMP_EQ", value: index },
      { index: 1, op: "SCMP_CMP_EQ", value: index },
    ],
  }));
  return parseSeccompProfile(JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: rules }));
}
