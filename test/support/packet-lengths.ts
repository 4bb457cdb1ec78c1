import { openSync, closeSync } from "node:fs";
import { inNetworkNamespace } from "../../src/linux/namespaces/network-namespace.ts";
import { attempt, call } from "../../src/linux/kernel/syscall.ts";

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_ALL_BIG_ENDIAN = 0x0300;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const TCP = 6;
const HOP_BY_HOP = 0;

/** The packets that a program like tcpdump sees in a process's network namespace: TCP packets before segmentation. */
export class PacketLengths implements Disposable {
  readonly #fd: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #longest = 0;

  constructor(pid: number) {
    const netns = openSync(`/proc/${pid}/ns/net`, "r");
    try {
      this.#fd = inNetworkNamespace(netns, () => call("socket", AF_PACKET, SOCK_DGRAM, ETH_P_ALL_BIG_ENDIAN));
    } finally {
      closeSync(netns);
    }
    this.#timer = setInterval(() => this.#read(), 2);
  }

  /** Bytes of the longest one since the beginning, its IP header included. */
  longest(): number {
    this.#read();
    return this.#longest;
  }

  #read(): void {
    const head = Buffer.alloc(64);
    for (;;) {
      const length = attempt("recvfrom", this.#fd, head, head.length, MSG_DONTWAIT | MSG_TRUNC, null, null);
      if (length < 0) return;
      const version = (head[0] ?? 0) >> 4;
      // KERNEL: those of IPv6 beyond 65535 have an extension header of eight bytes with their length, behind which is
      // TCP.
      const next = version === 4 ? head[9] : head[6] === HOP_BY_HOP ? head[40] : head[6];
      if ((version === 4 || version === 6) && next === TCP) this.#longest = Math.max(this.#longest, length);
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    closeSync(this.#fd);
  }
}
