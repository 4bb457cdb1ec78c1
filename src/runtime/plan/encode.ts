import { Failure } from "../../base/failure.ts";
import { syscallNumber } from "../../linux/syscall.ts";
import { type Plan, type PlanArgument, PlanBlob, type PlanList, type Slot, usualChannel } from "./plan.ts";

// The wire format: native/plan.h says the same in C.
const headerBytes = 128;
const opBytes = 80;
const magic = 0x4e4c5054;
const version = 1;
const nowhere = 0xffffffff;
const mostKept = 8;
const mostSkipErrors = 4;
const flag = { keep: 1, terminal: 2, closeStdin: 4, dieWithCaller: 8, logRotate: 16 } as const;
const kind = { value: 0, blob: 1, result: 2, load: 3 } as const;
const expectation = { success: 0, equal: 1, anything: 2 } as const;

/** The bytes that the keeper takes. Pure; fails "invalid" on a plan larger than the keeper accepts. */
export function encodePlan(plan: Plan): Uint8Array {
  // Arguments put their texts into the blob, so the lists come before it.
  const before = encodeList(plan.before, plan.blob);
  const child = encodeList(plan.child, plan.blob);
  const blob = plan.blob.encode();
  const total = headerBytes + before.length + child.length + blob.length;
  if (total > PlanBlob.mostBytes)
    throw new Failure("invalid", `cannot send a plan of ${total} bytes: at most ${PlanBlob.mostBytes}`);
  if (plan.keptFds.length > mostKept)
    throw new Failure("internal", `cannot keep ${plan.keptFds.length} descriptors`);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(magic, 0);
  header.writeUInt32LE(version, 4);
  header.writeUInt32LE(total, 8);
  header.writeUInt32LE(flagsOf(plan), 12);
  header.writeUInt32LE(plan.before.ops.length, 16);
  header.writeUInt32LE(plan.child.ops.length, 20);
  header.writeUInt32LE(blob.length, 24);
  header.writeUInt32LE(plan.deadlineMs, 28);
  header.writeBigUInt64LE(BigInt(plan.cloneFlags), 32);
  header.writeInt32LE(plan.cgroupFd ?? -1, 40);
  header.writeInt32LE(plan.log?.directoryFd ?? -1, 44);
  header.writeInt32LE(plan.exitDirectoryFd ?? -1, 48);
  header.writeUInt32LE(plan.log?.files ?? 1, 52);
  header.writeBigUInt64LE(BigInt(plan.log?.maxBytes ?? 0), 56);
  const { stdin, stdout, stderr } = plan.streams;
  [stdin, stdout, stderr].forEach((slot, i) => header.writeUInt32LE(slot?.offset ?? nowhere, 64 + 4 * i));
  header.writeUInt32LE(plan.judge?.program.offset ?? nowhere, 76);
  header.writeUInt32LE(plan.judge?.program.bytes ?? 0, 112);
  header.writeInt32LE(plan.judge?.recordFd ?? -1, 116);
  header.writeInt32LE(plan.joinUserFd ?? -1, 120);
  header.writeInt32LE(plan.joinPidFd ?? -1, 124);
  for (let i = 0; i < mostKept; i++) header.writeInt32LE(plan.keptFds[i] ?? -1, 80 + 4 * i);
  return Buffer.concat([header, before, child, blob], total);
}

function flagsOf(plan: Plan): number {
  return (
    (plan.keep ? flag.keep : 0) |
    (plan.terminal ? flag.terminal : 0) |
    (plan.closeStdin ? flag.closeStdin : 0) |
    (plan.dieWithCaller ? flag.dieWithCaller : 0) |
    (plan.log?.rotateFirst === true ? flag.logRotate : 0) |
    (plan.child.channel === usualChannel ? 0 : plan.child.channel << 16)
  );
}

function encodeList(list: PlanList, blob: PlanBlob): Buffer {
  const bytes = Buffer.alloc(list.ops.length * opBytes);
  list.ops.forEach((op, i) => {
    const at = i * opBytes;
    bytes.writeUInt16LE(syscallNumber(op.call), at);
    op.args.forEach((argument, k) => {
      const [argumentKind, value] = encodeArgument(argument, blob);
      bytes.writeUInt8(argumentKind, at + 2 + k);
      bytes.writeBigInt64LE(value, at + 8 + 8 * k);
    });
    const expect = op.expect;
    if (typeof expect === "number") bytes.writeBigInt64LE(BigInt(expect), at + 56);
    bytes.writeUInt32LE(op.store?.offset ?? nowhere, at + 64);
    bytes.writeUInt8(op.store?.bytes === 8 ? 8 : 4, at + 68);
    bytes.writeUInt8(
      expect === undefined
        ? expectation.success
        : expect === "anything"
          ? expectation.anything
          : expectation.equal,
      at + 69,
    );
    if ((op.skip?.errors.length ?? 0) > mostSkipErrors)
      throw new Failure("internal", `cannot encode the plan: "${op.about}" skips on too many errors`);
    bytes.writeUInt16LE(op.skip?.count ?? 0, at + 70);
    op.skip?.errors.forEach((error, k) => bytes.writeUInt16LE(error, at + 72 + 2 * k));
  });
  return bytes;
}

function encodeArgument(argument: PlanArgument, blob: PlanBlob): [number, bigint] {
  if (argument === null) return [kind.value, 0n];
  if (typeof argument === "number") return [kind.value, BigInt(argument)];
  if (typeof argument === "bigint") return [kind.value, BigInt.asIntN(64, argument)];
  if (typeof argument === "string") return inBlob(blob.text(argument));
  if (argument instanceof Uint8Array) return inBlob(blob.put(argument));
  if ("addressOf" in argument) return inBlob(argument.addressOf);
  if ("load" in argument) return [kind.load, BigInt(argument.load.offset)];
  return [kind.result, BigInt(argument.result)];
}

function inBlob(slot: Slot): [number, bigint] {
  return [kind.blob, BigInt(slot.offset)];
}
