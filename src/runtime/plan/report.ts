import type { PlanBlob, PlanList, Slot } from "./plan.ts";

// native/plan.h: what the child writes to its channel.
const packet = { barrier: 2, note: 3 } as const;
/** Barriers that the keeper answers itself. */
export const takeMaster = 0x80000001;
export const takeListener = 0x80000002;
/** Barriers that the engine answers. */
export const readyBarrier = 1;
/** The child is in its new user namespace, which has no ids yet. */
export const bornBarrier = 2;
/** The child has its network namespace, with only a loopback interface in it. */
export const networkBarrier = 4;
export const takeMount = 3; // value: the number of the mount's descriptor

/** A 16-byte place for a barrier whose value (its last 8 bytes) an op stores into. */
export function addBarrier(list: PlanList, blob: PlanBlob, slot: Slot, tag: number, about: string): void {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(packet.barrier, 0);
  head.writeUInt32LE(tag, 4);
  blob.fill({ offset: slot.offset, bytes: 8 }, head);
  list.add(about, "write", [list.channel, { addressOf: slot }, 16], { expect: 16 });
  // SAFETY: 0 bytes mean that the keeper is gone; continuing would leave a container without a keeper.
  list.add(about, "read", [list.channel, { addressOf: blob.reserve(8) }, 1], { expect: 1 });
}

const CLOCK_MONOTONIC = 1;

/**
 * Timestamps of the monotonic clock, taken while the plan runs and reported to the engine just before the program
 * starts.
 */
export class PlanClock {
  readonly names: string[] = [];
  readonly #shiftsMs: number[] = [];
  #shiftMs = 0;
  readonly #slot: Slot;
  readonly #most = 8;

  constructor(blob: PlanBlob) {
    this.#slot = blob.reserve(8 + 16 * this.#most);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(packet.note, 0);
    blob.fill({ offset: this.#slot.offset, bytes: 4 }, head);
  }

  /** Later timestamps are in a time namespace, whose monotonic clock differs from the engine's by this much. */
  shiftBy(ms: number): void {
    this.#shiftMs = ms;
  }

  /** Attributes the time since the last stamp to `name`. */
  stamp(list: PlanList, name: string): void {
    const at = this.#slot.offset + 8 + 16 * this.names.length;
    this.names.push(name);
    this.#shiftsMs.push(this.#shiftMs);
    list.add("read the clock", "clock_gettime", [CLOCK_MONOTONIC, { addressOf: { offset: at, bytes: 16 } }]);
  }

  report(list: PlanList): void {
    const bytes = 8 + 16 * this.names.length;
    list.add("report to the engine", "write", [list.channel, { addressOf: this.#slot }, bytes], {
      expect: bytes,
    });
  }

  /** Milliseconds of the engine's monotonic clock, from the note's payload. */
  decode(note: Buffer): { readonly name: string; readonly atMs: number }[] {
    return this.names.map((name, i) => {
      const seconds = Number(note.readBigInt64LE(8 + 16 * i));
      const nanoseconds = Number(note.readBigInt64LE(16 + 16 * i));
      return { name, atMs: seconds * 1000 + nanoseconds / 1e6 - (this.#shiftsMs[i] ?? 0) };
    });
  }
}
