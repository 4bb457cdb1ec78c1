import { Failure, type FailureKind } from "../../base/failure.ts";
import { errno, errnoName } from "../../linux/kernel/errno.ts";
import { failureKindOfErrno } from "../../linux/kernel/syscall.ts";
import { checkNotIn, type Plan, type PlanArgument, type PlanOp } from "../plan/plan.ts";

const cloneItself = 0xffffffff;

/** Turns the results that a failed plan sent back into the sentence that a person reads. Pure. */
export function describeFailure(plan: Plan, packet: Buffer): Failure {
  const list = packet.readUInt32LE(4) === 0 ? plan.before : plan.child;
  const at = packet.readUInt32LE(8);
  const result = packet.readInt32LE(12);
  if (at === cloneItself) {
    const needs = result === -errno.EAGAIN ? ": the limit of processes is reached" : "";
    const code = errnoName(-result);
    return new Failure(kindOf(result), `cannot make the process: clone3(…): ${code}${needs}`, {
      details: { call: "clone3", errno: -result, code },
    });
  }
  const op = list.ops[at];
  if (op === undefined) return new Failure("internal", "cannot read what failed: the plan has no such call");
  if (op.call === "execve") return describeExecve(list.ops, at, packet);
  if (op.call === "seccomp" && result === -errno.EBUSY) {
    const why =
      "another process already listens to this engine's own calls, and the kernel allows one listener";
    return new Failure("unavailable", `cannot explain denials or record calls: ${why}`);
  }
  if (op.call === checkNotIn) return new Failure("invalid", `cannot ${op.about}: ${op.why?.[-result]}`);
  const text = result < 0 ? errnoName(-result) : `${result} instead of ${op.expect ?? "success"}`;
  const why = op.why?.[-result];
  const sentence = `cannot ${op.about}: ${formatOp(op)}: ${text}${why === undefined ? "" : `: ${why}`}`;
  return new Failure(kindOf(result), sentence, {
    details: result < 0 ? { call: op.call, errno: -result, code: errnoName(-result) } : { call: op.call },
  });
}

function kindOf(result: number): FailureKind {
  return result < 0 ? failureKindOfErrno(-result) : "internal";
}

/** 127: nothing of that name; 126: it is there, but can't be executed. */
function describeExecve(ops: readonly PlanOp[], at: number, packet: Buffer): Failure {
  const errors = ops
    .slice(0, at + 1)
    .flatMap((op, i) => (op.call === "execve" ? [-Number(packet.readBigInt64LE(16 + 8 * i))] : []));
  const last = errors.at(-1) ?? 0;
  const denied = errors.includes(errno.EACCES);
  const missing = !denied && (last === errno.ENOENT || last === errno.ENOTDIR);
  const name = /"(.*)"/s.exec(ops[at]?.about ?? "")?.[1] ?? "";
  const why = missing
    ? name.includes("/")
      ? "no such file or directory (the file itself, or the interpreter or loader that it names)"
      : "executable file not found in $PATH"
    : denied
      ? "permission denied"
      : last === errno.ENOEXEC
        ? "exec format error (not a program for this machine, or a script without a #! line)"
        : errnoName(last);
  return new Failure("invalid", `cannot execute "${name}": ${why}`, {
    details: { exitCode: missing ? 127 : 126, errno: last, command: name },
  });
}

function formatOp(op: PlanOp): string {
  return `${op.call}(${op.args.map(formatArgument).join(", ")})`;
}

function formatArgument(argument: PlanArgument): string {
  if (typeof argument === "string") return JSON.stringify(argument);
  if (argument === null) return "NULL";
  if (argument === -100) return "AT_FDCWD";
  if (typeof argument === "number" || typeof argument === "bigint")
    return argument > 0xffff ? `0x${argument.toString(16)}` : String(argument);
  if (argument instanceof Uint8Array) return `[${argument.length} bytes]`;
  return "fd";
}
