import { codeOf } from "../base/failure.ts";
import { constants, openSync, readFileSync } from "node:fs";
import { OwnedFd } from "../linux/kernel/fd.ts";
import { type FoundCall, findCall } from "../linux/seccomp/calls.ts";
import { verdictBits } from "../linux/seccomp/watch.ts";

/** A kind of call that a keeper was handed. */
export interface TracedCall {
  /** AUDIT_ARCH_* and number, as the kernel has them. */
  readonly audit: number;
  readonly number: number;
  readonly found: FoundCall;
  /** The answer: the profile's error, or the kernel's decision. */
  readonly answer: { readonly errno: number } | "allowed";
  /** Recorded by number: the arguments are those of the first. */
  readonly isCoarse: boolean;
  /** Handed over as one of all calls, not for what it is. */
  readonly isOrdinary: boolean;
  readonly args: readonly bigint[];
  /** The path among the arguments, as far as it could be read; not all of a long one. */
  readonly text?: string | undefined;
  readonly count: number;
  /** Nanoseconds since 1970. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
  /** On the host, of the first. */
  readonly pid: number;
}

export interface CallRecord {
  /** Oldest first. */
  readonly calls: readonly TracedCall[];
  /** The number of calls that no slot was free for. */
  readonly unrecorded: number;
}

// native/plan.h: struct record_slot.
const slotBytes = 256;
const textAt = 88;
const textBytes = 168;
const mostSlots = 512;

/** A new, empty record for a keeper to write. */
export function createCallRecord(path: string): OwnedFd {
  const { O_RDWR, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  return new OwnedFd(openSync(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600));
}

/** Reads what a keeper has recorded so far; nothing when there is no such file. Fine while it writes. */
export function readCallRecord(path: string): CallRecord {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return { calls: [], unrecorded: 0 };
    throw thrown;
  }
  return decodeCallRecord(bytes);
}

/** Pure; slots that are unused, torn or not ours are left out. */
export function decodeCallRecord(bytes: Buffer): CallRecord {
  const slots = Math.min(mostSlots, Math.floor(bytes.length / slotBytes));
  const calls: TracedCall[] = [];
  for (let slot = 1; slot < slots; slot++) {
    const call = decodeSlot(bytes.subarray(slot * slotBytes, (slot + 1) * slotBytes));
    if (call !== undefined) calls.push(call);
  }
  calls.sort((one, other) => (one.firstNs < other.firstNs ? -1 : one.firstNs > other.firstNs ? 1 : 0));
  return { calls, unrecorded: slots > 0 ? bytes.readUInt32LE(16) : 0 };
}

function decodeSlot(slot: Buffer): TracedCall | undefined {
  const count = slot.readUInt32LE(16);
  const number = slot.readInt32LE(20);
  const audit = slot.readUInt32LE(24);
  const verdict = slot.readUInt32LE(28);
  const found = findCall(audit, number);
  if (count === 0 || found === undefined) return undefined;
  const [text = ""] = slot.toString("utf8", textAt, textAt + textBytes).split("\0");
  return {
    audit,
    number,
    found,
    answer: verdict >>> 16 === errnoAction ? { errno: verdict & verdictBits.error } : "allowed",
    isCoarse: slot.readUInt32LE(36) !== 0,
    isOrdinary: (verdict & verdictBits.coarse) !== 0,
    args: Array.from({ length: 6 }, (_, i) => slot.readBigUInt64LE(40 + 8 * i)),
    text: text === "" ? undefined : printable(text),
    count,
    firstNs: slot.readBigUInt64LE(0),
    lastNs: slot.readBigUInt64LE(8),
    pid: slot.readInt32LE(32),
  };
}

/** SAFETY: it is the container's own text, and people read it on terminals. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** SECCOMP_RET_ERRNO, its upper half. */
const errnoAction = 5;
