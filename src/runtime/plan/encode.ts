import { required } from "../../base/required.ts";
import { Failure } from "../../base/failure.ts";
import { syscallNumber } from "../../linux/kernel/syscall.ts";
import {
  checkNotIn,
  type Plan,
  type PlanArgument,
  type PlanCall,
  PlanBlob,
  type PlanList,
  type PlanOp,
  usualChannel,
} from "./plan.ts";

// The wire format, defined for C in native/plan.h.
const headerBytes = 128;
const opBytes = 80;
const magic = 0x4e4c5054;
const version = 1;
const nowhere = 0xffffffff;
const mostKept = 8;
const mostSkipErrors = 4;
const flag = { keep: 1, terminal: 2, closeStdin: 4, dieWithCaller: 8, logRotate: 16 } as const;
const nothing = new Uint8Array();
const kind = { value: 0, blob: 1, result: 2, load: 3 } as const;
/** PLAN_CHECK_NOT_IN */
const checkNumber = 0xffff;
const expectation = { success: 0, equal: 1, anything: 2 } as const;

/**
 * Where calls are written before the length of the blob is known. Kept: a place of its own for each plan is paid for in
 * page faults.
 */
let draft = new Int32Array(16_384);

/**
 * The bytes that the keeper takes, behind those of `head`. Pure; fails "invalid" on a plan larger than the keeper
 * accepts.
 */
export function encodePlan(plan: Plan, head: Uint8Array = nothing): Uint8Array {
  const { before, child } = plan;
  // Arguments put their texts into the blob, so the lists come before it.
  const listBytes = (before.ops.length + child.ops.length) * opBytes;
  if (draft.byteLength < listBytes) draft = new Int32Array(listBytes / 4);
  else draft.fill(0, 0, listBytes / 4);
  const writer = new ListWriter(draft, plan.blob);
  writer.write(before);
  writer.write(child);
  const blob = plan.blob.encode();
  const total = headerBytes + listBytes + blob.length;
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
  header.writeUInt32LE(plan.seccompPolicy?.program.offset ?? nowhere, 76);
  header.writeUInt32LE(plan.seccompPolicy?.program.bytes ?? 0, 112);
  header.writeInt32LE(plan.seccompPolicy?.recordFd ?? -1, 116);
  header.writeInt32LE(plan.joinUserFd ?? -1, 120);
  header.writeInt32LE(plan.joinPidFd ?? -1, 124);
  for (let i = 0; i < mostKept; i++) header.writeInt32LE(plan.keptFds[i] ?? -1, 80 + 4 * i);
  const lists = new Uint8Array(draft.buffer, 0, listBytes);
  return Buffer.concat([head, header, lists, blob], head.length + total);
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

/** Writes the calls as the keeper has them, a word of 32 bits at a time: both architectures are little-endian. */
class ListWriter {
  readonly #words: Int32Array;
  readonly #blob: PlanBlob;
  #at = 0;

  /** The words are zero where it writes. */
  constructor(words: Int32Array, blob: PlanBlob) {
    this.#words = words;
    this.#blob = blob;
  }

  /** Behind the last one. */
  write(list: PlanList): void {
    const words = this.#words;
    for (const op of list.ops) {
      const { args, skip } = op;
      const at = this.#at;
      let kinds = 0;
      let moreKinds = 0;
      for (let k = 0; k < args.length; k++) {
        const argumentKind = this.#argument(required(args[k]), at + 2 + 2 * k);
        if (k < 2) kinds |= argumentKind << (16 + 8 * k);
        else moreKinds |= argumentKind << (8 * (k - 2));
      }
      words[at] = numberOf(op.call) | kinds;
      words[at + 1] = moreKinds;
      if (typeof op.expect === "number") writeNumber(words, at + 14, op.expect);
      words[at + 16] = op.store?.offset ?? nowhere;
      words[at + 17] =
        (op.store?.bytes === 8 ? 8 : 4) | (expectationOf(op.expect) << 8) | ((skip?.count ?? 0) << 16);
      if (skip !== undefined) {
        const { errors } = skip;
        if (errors.length > mostSkipErrors)
          throw new Failure("internal", `cannot encode the plan: "${op.about}" skips on too many errors`);
        words[at + 18] = (errors[0] ?? 0) | ((errors[1] ?? 0) << 16);
        words[at + 19] = (errors[2] ?? 0) | ((errors[3] ?? 0) << 16);
      }
      this.#at = at + opBytes / 4;
    }
  }

  /** Writes the argument's value and gives its kind. */
  #argument(argument: PlanArgument, at: number): number {
    const words = this.#words;
    if (typeof argument === "number") {
      writeNumber(words, at, argument);
      return kind.value;
    }
    if (typeof argument === "string") {
      words[at] = this.#blob.text(argument).offset;
      return kind.blob;
    }
    if (argument === null) return kind.value;
    if (typeof argument === "bigint") {
      words[at] = Number(BigInt.asIntN(32, argument));
      words[at + 1] = Number(BigInt.asIntN(32, argument >> 32n));
      return kind.value;
    }
    if (argument instanceof Uint8Array) {
      words[at] = this.#blob.constant(argument).offset;
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
}

/** The keeper's number of the call. */
export function numberOf(call: PlanCall): number {
  return call === checkNotIn ? checkNumber : syscallNumber(call);
}

function expectationOf(expect: PlanOp["expect"]): number {
  if (expect === undefined) return expectation.success;
  return expect === "anything" ? expectation.anything : expectation.equal;
}

/** A whole number, as 64 bits. */
function writeNumber(words: Int32Array, at: number, value: number): void {
  words[at] = value; // modulo 2³²
  words[at + 1] = (value | 0) === value ? value >> 31 : Math.floor(value / 2 ** 32);
}
