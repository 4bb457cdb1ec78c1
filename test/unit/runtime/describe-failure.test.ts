import { describe, expect, test } from "bun:test";
import { describeFailure } from "../../../src/runtime/keeper/describe-failure.ts";
import { type Plan, PlanBlob, PlanList } from "../../../src/runtime/plan/plan.ts";
import { asPlan, container, positionOf, positionsOf } from "./plans.ts";

/** What a keeper sends: CHANNEL_FAILED of native/plan.h. */
function packetOf(list: number, at: number, results: readonly number[]): Buffer {
  const packet = Buffer.alloc(16 + 8 * results.length);
  packet.writeUInt32LE(1, 0);
  packet.writeUInt32LE(list, 4);
  packet.writeUInt32LE(at, 8);
  packet.writeInt32LE(results.at(-1) ?? 0, 12);
  results.forEach((result, i) => packet.writeBigInt64LE(BigInt(result), 16 + 8 * i));
  return packet;
}

const plan: Plan = asPlan(container());
const failAt = (at: number, result: number, of: Plan = plan, list = 1) =>
  describeFailure(of, packetOf(list, at, [...Array.from({ length: at }, () => 0), result]));

/** The failure of all candidates of execve with these errors. */
function failExecve(name: string, ...errors: number[]) {
  const path = errors.map((_, i) => `/d${i}`).join(":");
  const failed = asPlan(container({ process: { args: [name], env: [`PATH=${path}`] } }));
  const places = positionsOf(failed.child, "execve");
  const last = places[errors.length - 1] as number;
  const results = Array.from({ length: last + 1 }, (_, i) => -(errors[places.indexOf(i)] ?? 0));
  return describeFailure(failed, packetOf(1, last, results));
}

describe("describeFailure()", () => {
  test("names what was to be done, the call with its arguments, the error", () => {
    const failure = failAt(positionOf(plan.child, "sethostname"), -1);
    expect(failure.message).toBe('cannot set the host name "box": sethostname("box", 3): EPERM');
    expect(failure).toMatchObject({
      kind: "not-permitted",
      details: { call: "sethostname", errno: 1, code: "EPERM" },
    });
  });

  test("shows descriptors, addresses and nothing as what they are", () => {
    const move = positionsOf(plan.child, "move_mount")[0] as number;
    expect(failAt(move, -22).message).toEndWith('move_mount(4, "", AT_FDCWD, "/run/place", 4): EINVAL');
    const attach = positionsOf(plan.child, "move_mount")[1] as number;
    expect(failAt(attach, -2).message).toContain(
      'cannot mount at "/proc": move_mount(fd, "", fd, "", 68): ENOENT',
    );
    expect(failAt(positionOf(plan.child, "mount"), -1).message).toContain(
      'mount(NULL, "/", NULL, 0x44000, NULL)',
    );
    expect(failAt(positionsOf(plan.child, "rt_sigprocmask")[0] as number, -14).message).toContain(
      "[8 bytes]",
    );
  });

  test("says what a filter that hands calls over met with", () => {
    const allow = new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
    const filtered = asPlan(container({ planned: { seccomp: { program: allow, flags: 8 } } }));
    expect(failAt(positionOf(filtered.child, "seccomp"), -16, filtered).message).toBe(
      "cannot explain denials or record calls: another process already listens to this engine's own calls, and the kernel allows one listener",
    );
  });

  test("tells a wrong result from an error", () => {
    const write = positionOf(plan.child, "write", 5, "0");
    const failure = failAt(write, 0);
    expect(failure.message).toBe('cannot join the cgroup: write(5, "0", 1): 0 instead of 1');
    expect(failure.kind).toBe("internal");
  });

  test("knows the before list from the child's", () => {
    const failure = describeFailure(plan, packetOf(0, 0, [-24]));
    expect(failure.message).toContain("cannot make the standard streams: pipe2(");
    expect(failure.kind).toBe("exhausted");
  });

  test("tells a limit of processes from other failures of the clone", () => {
    const packet = packetOf(0, 0, []);
    packet.writeUInt32LE(0xffffffff, 8);
    packet.writeInt32LE(-11, 12);
    expect(describeFailure(plan, packet)).toMatchObject({
      kind: "unavailable",
      message: "cannot make the process: clone3(…): EAGAIN: the limit of processes is reached",
    });
    packet.writeInt32LE(-1, 12);
    expect(describeFailure(plan, packet).message).toBe("cannot make the process: clone3(…): EPERM");
  });

  test.each([
    ["absent", [2, 2], 127, "executable file not found in $PATH"],
    ["absent", [2, 20], 127, "executable file not found in $PATH"],
    ["denied", [13, 2], 126, "permission denied"],
    [
      "/bin/absent",
      [2],
      127,
      "no such file or directory (the file itself, or the interpreter or loader that it names)",
    ],
    ["./denied", [13], 126, "permission denied"],
    ["data", [8], 126, "exec format error (not a program for this machine, or a script without a #! line)"],
    ["loop", [40], 126, "ELOOP"],
    ["busy", [2, 26], 126, "ETXTBSY"],
    ["large", [7], 126, "E2BIG"],
  ] as const)("says why %s cannot be executed after %j", (name, errors, exitCode, why) => {
    const failure = failExecve(name, ...errors);
    expect(failure.message).toBe(`cannot execute "${name}": ${why}`);
    expect([failure.kind, failure.details["exitCode"], failure.details["command"]]).toEqual([
      "invalid",
      exitCode,
      name,
    ]);
  });

  test("keeps a command with quotes and line ends whole", () => {
    expect(failExecve('a"b\nc', 2).message).toStartWith('cannot execute "a"b\nc": ');
  });

  test("does not trust the packet", () => {
    const empty = asPlan({ ...container(), child: new PlanList(), blob: new PlanBlob() });
    expect(describeFailure(empty, packetOf(1, 3, [])).kind).toBe("internal");
  });
});
