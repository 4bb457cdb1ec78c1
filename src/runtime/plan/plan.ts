import { Failure } from "../../base/failure.ts";
import type { SyscallName } from "../../linux/kernel/syscall.ts";

/** A place in the plan's blob, by offset. */
export interface Slot {
  readonly offset: number;
  readonly bytes: number;
}

/** The result of an earlier op of the same list. */
export interface OpResult {
  readonly result: number;
}

/** The value of an argument when the plan runs. Text and bytes are stored in the blob and passed by address. */
export type PlanArgument =
  | number
  | bigint
  | string
  | Uint8Array
  | null
  | OpResult
  | { readonly addressOf: Slot }
  | { readonly load: Slot };

function isResult(argument: PlanArgument): argument is OpResult {
  return typeof argument === "object" && argument !== null && "result" in argument;
}

/**
 * Not a system call: EPERM when the 32 bits at the first address are one of the numbers at the second; the third
 * argument is their count. The sentence of a refusal is `why` of EPERM alone.
 */
export const checkNotIn = "check-not-in";

export type PlanCall = SyscallName | typeof checkNotIn;

/** One system call of a plan. */
export interface PlanOp {
  readonly call: PlanCall;
  readonly args: readonly PlanArgument[];
  /** Where its result goes: 4 or 8 bytes. */
  readonly store?: Slot | undefined;
  /** Right is: ≥ 0 (default), this number, or anything. */
  readonly expect?: number | "anything" | undefined;
  /** On one of up to four errors: go on after the next `count` ops. */
  readonly skip?: { readonly errors: readonly number[]; readonly count: number } | undefined;
  /** The meaning of an error here, when its name alone is unclear. */
  readonly why?: Readonly<Record<number, string>> | undefined;
  /** The purpose: the object of the sentence when it fails, as in `cannot <about>`. */
  readonly about: string;
}

/** PLAN_CHANNEL_AT of native/plan.h, without flags. */
export const usualChannel = 3;

/** A list of calls in the making: its content is decided here, and the keeper applies it. */
export class PlanList {
  readonly ops: PlanOp[] = [];
  /** Of a child: where it has its channel to the keeper. */
  readonly channel: number;

  constructor(channel: number = usualChannel) {
    this.channel = channel;
  }

  /** Appends a call; the result can be used by later ones. */
  add(
    about: string,
    call: PlanCall,
    args: readonly PlanArgument[],
    options?: Omit<PlanOp, "about" | "call" | "args">,
  ): OpResult {
    this.ops.push(options === undefined ? { call, args, about } : { call, args, about, ...options });
    return { result: this.ops.length - 1 };
  }

  /** These calls behind those of another list. */
  behind(first: PlanList): PlanList {
    const whole = new PlanList(this.channel);
    const shift = first.ops.length;
    const shifted = (argument: PlanArgument): PlanArgument =>
      isResult(argument) ? { result: argument.result + shift } : argument;
    whole.ops.push(...first.ops, ...this.ops.map((op) => ({ ...op, args: op.args.map(shifted) })));
    return whole;
  }

  /** For optional things: the call, and a rest that is skipped when the call fails with one of `errors`. */
  addGuarded(
    about: string,
    call: SyscallName,
    args: readonly PlanArgument[],
    errors: readonly number[],
    rest: (list: PlanList, guard: OpResult) => void,
  ): void {
    const at = this.ops.length;
    this.ops.push({ call, args, about });
    rest(this, { result: at });
    this.ops[at] = { call, args, about, skip: { errors, count: this.ops.length - at - 1 } };
  }
}

/** A usual container's fits. */
const firstBlobBytes = 16_384;

/** The blob of a plan: memory at a fixed address, so that pointers into it can be written here. */
export class PlanBlob {
  /** Where the keeper maps it: PLAN_BLOB_ADDRESS of native/plan.h. */
  static readonly address = 0x10_0000_0000n;
  /** PLAN_MOST_BYTES: so large a whole plan can be. */
  static readonly mostBytes: number = 4 << 20;
  #bytes = Buffer.alloc(firstBlobBytes);
  readonly #texts = new Map<string, Slot>();
  readonly #constants = new Map<Uint8Array, Slot>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A zeroed place for results and structures, aligned to 8. */
  reserve(bytes: number): Slot {
    const slot = { offset: this.#size, bytes };
    this.#size += (bytes + 7) & ~7;
    return slot;
  }

  put(bytes: Uint8Array): Slot {
    const slot = this.reserve(bytes.length);
    this.fill(slot, bytes);
    return slot;
  }

  /** As put(), of what no call writes to: the same array is stored once. */
  constant(bytes: Uint8Array): Slot {
    let slot = this.#constants.get(bytes);
    if (slot === undefined) this.#constants.set(bytes, (slot = this.put(bytes)));
    return slot;
  }

  /** Sets what a reserved place holds when the plan begins. */
  fill(slot: Slot, bytes: Uint8Array): void {
    this.#ensureCapacity(this.#size);
    this.#bytes.set(bytes, slot.offset);
  }

  /** NUL-terminated; the same text is stored once. */
  text(text: string): Slot {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    // The kernel would truncate it: the path or argument would differ from the validated one.
    if (text.includes("\0"))
      throw new Failure("invalid", `cannot use the text ${JSON.stringify(text)}: it holds a NUL`);
    this.#ensureCapacity(this.#size + 3 * text.length + 1);
    const slot = this.reserve(this.#bytes.write(text, this.#size, "utf8") + 1);
    this.#texts.set(text, slot);
    return slot;
  }

  /** A NULL-terminated array of pointers to texts: argv, envp. */
  textArray(texts: readonly string[]): Slot {
    const array = Buffer.alloc(8 * (texts.length + 1));
    texts.forEach((text, i) => array.writeBigUInt64LE(this.addressOf(this.text(text)), 8 * i));
    return this.put(array);
  }

  /** The final address, for pointers inside structures. */
  addressOf(slot: Slot): bigint {
    return PlanBlob.address + BigInt(slot.offset);
  }

  /** Valid until more is put into it. */
  encode(): Uint8Array {
    this.#ensureCapacity(this.#size);
    return this.#bytes.subarray(0, this.#size);
  }

  #ensureCapacity(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(bytes, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Where the keeper finds its ends of the standard streams that the before list makes. */
export interface PlanStreams {
  readonly stdin?: Slot | undefined;
  readonly stdout?: Slot | undefined;
  readonly stderr?: Slot | undefined;
}

/** A whole plan: data only. Descriptor numbers in it are those of the keeper. */
export interface Plan {
  readonly before: PlanList;
  readonly child: PlanList;
  readonly blob: PlanBlob;
  readonly cloneFlags: number;
  readonly cgroupFd?: number | undefined;
  /** The user namespace, and with it the pid namespace, that the child is cloned in, but not the keeper. */
  readonly joinUserFd?: number | undefined;
  readonly joinPidFd?: number | undefined;
  readonly streams: PlanStreams;
  readonly keep: boolean;
  readonly terminal: boolean;
  readonly closeStdin: boolean;
  readonly dieWithCaller: boolean;
  readonly deadlineMs: number;
  readonly log?:
    | {
        readonly directoryFd: number;
        readonly maxBytes: number;
        readonly files: number;
        readonly rotateFirst: boolean;
      }
    | undefined;
  readonly exitDirectoryFd?: number | undefined;
  /** For a filter that hands calls over: the program that decides on them, and the file that records them. */
  readonly seccompPolicy?: { readonly program: Slot; readonly recordFd: number } | undefined;
  readonly keptFds: readonly number[];
}
