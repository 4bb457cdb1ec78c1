import { errno } from "./errno.ts";
import { type Fd, OwnedFd } from "./fd.ts";
import { addressOf, attempt, call, SyscallFailure } from "./syscall.ts";

// <linux/bpf.h>
const BPF_MAP_CREATE = 0;
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_MAP_DELETE_ELEM = 3;
const BPF_MAP_TYPE_HASH = 1;
const BPF_F_NO_PREALLOC = 1;

/** What programs look up in: keys of some bytes, a number of 32 bits for each. bpf(2), BPF_MAP_TYPE_HASH. Calls throw SyscallFailure. */
export class BpfHashMap implements Disposable {
  readonly #fd: OwnedFd;
  readonly #keyBytes: number;

  /** `maxEntries` is all that it ever holds; memory is taken entry by entry. */
  constructor({ keyBytes, maxEntries }: { readonly keyBytes: number; readonly maxEntries: number }) {
    const attribute = Buffer.alloc(72);
    [BPF_MAP_TYPE_HASH, keyBytes, 4, maxEntries, BPF_F_NO_PREALLOC].forEach((word, index) =>
      attribute.writeUInt32LE(word, index * 4),
    );
    this.#fd = new OwnedFd(call("bpf", BPF_MAP_CREATE, attribute, attribute.length));
    this.#keyBytes = keyBytes;
  }

  get fd(): Fd {
    return this.#fd.fd;
  }

  set(key: Uint8Array, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.#call(BPF_MAP_UPDATE_ELEM, key, bytes);
  }

  get(key: Uint8Array): number | undefined {
    const bytes = Buffer.alloc(4);
    return this.#call(BPF_MAP_LOOKUP_ELEM, key, bytes) === "absent" ? undefined : bytes.readUInt32LE();
  }

  /** Fine when absent. */
  delete(key: Uint8Array): void {
    this.#call(BPF_MAP_DELETE_ELEM, key);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }

  #call(command: number, key: Uint8Array, value?: Uint8Array): "done" | "absent" {
    if (key.length !== this.#keyBytes) throw new RangeError(`a key has ${this.#keyBytes} bytes`);
    const attribute = Buffer.alloc(32);
    attribute.writeUInt32LE(this.#fd.fd, 0);
    attribute.writeBigUInt64LE(addressOf(key), 8);
    if (value !== undefined) attribute.writeBigUInt64LE(addressOf(value), 16);
    const result = attempt("bpf", command, attribute, attribute.length);
    if (result === -errno.ENOENT) return "absent";
    if (result < 0) throw new SyscallFailure("bpf", [command, attribute, attribute.length], -result);
    return "done";
  }
}
