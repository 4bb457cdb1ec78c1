import { Failure } from "../../base/failure.ts";
import { syscallNumber } from "../../linux/syscall.ts";
import { type Plan, type PlanArgument, PlanBlob, type PlanList, type PlanOp, usualChannel } from "./plan.ts";

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
  const beforeBytes = plan.before.ops.length * opBytes;
  const fixed = Buffer.alloc(headerBytes + beforeBytes + plan.child.ops.length * opBytes);
  const wordsFrom = (at: number): Int32Array => new Int32Array(fixed.buffer, fixed.byteOffset + at);
  encodeList(plan.before, plan.blob, wordsFrom(headerBytes));
  encodeList(plan.child, plan.blob, wordsFrom(headerBytes + beforeBytes));
  const blob = plan.blob.encode();
  const total = fixed.length + blob.length;
  if (total > PlanBlob.mostBytes)
    throw new Failure("invalid", `cannot send a plan of ${total} bytes: at most ${PlanBlob.mostBytes}`);
  if (plan.keptFds.length > mostKept)
    throw new Failure("internal", `cannot keep ${plan.keptFds.length} descriptors`);
  const header = fixed.subarray(0, headerBytes);
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
  return Buffer.concat([fixed, blob], total);
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

/** Writes the calls where the plan has them, a word of 32 bits at a time: both architectures are little-endian. */
function encodeList(list: PlanList, blob: PlanBlob, words: Int32Array): void {
  let at = 0;
  for (const { call, args, expect, store, skip, about } of list.ops) {
    let kinds = 0;
    let moreKinds = 0;
    for (let k = 0; k < args.length; k++) {
      const argument = args[k] as PlanArgument;
      const argumentKind = encodeArgument(argument, { blob, words, at: at + 2 + 2 * k });
      if (k < 2) kinds |= argumentKind << (16 + 8 * k);
      else moreKinds |= argumentKind << (8 * (k - 2));
    }
    words[at] = syscallNumber(call) | kinds;
    words[at + 1] = moreKinds;
    if (typeof expect === "number") writeNumber(words, at + 14, expect);
    words[at + 16] = store?.offset ?? nowhere;
    words[at + 17] = (store?.bytes === 8 ? 8 : 4) | (expectationOf(expect) << 8) | ((skip?.count ?? 0) << 16);
    if (skip !== undefined) {
      const { errors } = skip;
      if (errors.length > mostSkipErrors)
        throw new Failure("internal", `cannot encode the plan: "${about}" skips on too many errors`);
      words[at + 18] = (errors[0] ?? 0) | ((errors[1] ?? 0) << 16);
      words[at + 19] = (errors[2] ?? 0) | ((errors[3] ?? 0) << 16);
    }
    at += opBytes / 4;
  }
}

function expectationOf(expect: PlanOp["expect"]): number {
  if (expect === undefined) return expectation.success;
  return expect === "anything" ? expectation.anything : expectation.equal;
}

/** Writes the argument's value and gives its kind. */
function encodeArgument(
  argument: PlanArgument,
  { blob, words, at }: { readonly blob: PlanBlob; readonly words: Int32Array; readonly at: number },
): number {
  if (typeof argument === "number") {
    writeNumber(words, at, argument);
    return kind.value;
  }
  if (typeof argument === "string") {
    words[at] = blob.text(argument).offset;
    return kind.blob;
  }
  if (argument === null) return kind.value;
  if (typeof argument === "bigint") {
    words[at] = Number(BigInt.asIntN(32, argument));
    words[at + 1] = Number(BigInt.asIntN(32, argument >> 32n));
    return kind.value;
  }
  if (argument instanceof Uint8Array) {
    words[at] = blob.constant(argument).offset;
    return kind.blob;
  }
  if ("addressOf" in argument) {
    words[at] = argument.addressOf.offset;
    return kind.blob;
  }
  if ("load" in argument) {
    words[at] = argument.load.offset;
    return kind.load;
  }
  words[at] = argument.result;
  return kind.result;
}

/** A whole number, as 64 bits. */
function writeNumber(words: Int32Array, at: number, value: number): void {
  words[at] = value; // modulo 2³²
  words[at + 1] = Math.floor(value / 2 ** 32);
}
