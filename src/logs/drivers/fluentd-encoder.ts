import { randomBytes } from "node:crypto";
import type { LogMessage, MessageContext, MessageEncoder } from "./message.ts";
import { packMessage, type Packed, PackedTime } from "./message-pack.ts";

export interface FluentdOptions {
  readonly hasSubSeconds: boolean;
  /** The receiver confirms each message. */
  readonly requestsAck: boolean;
}

/** SPEC: Fluentd forward protocol v1, message mode: `[tag, time, record]`, with an option where it is confirmed. */
export class FluentdEncoder implements MessageEncoder {
  /** The messages since the last look that are to be confirmed. */
  readonly unconfirmed: Set<string> = new Set();
  readonly #context: MessageContext;
  readonly #options: FluentdOptions;

  constructor(context: MessageContext, options: FluentdOptions) {
    this.#context = context;
    this.#options = options;
  }

  encode({ stream, timeNs, line, partial }: LogMessage): readonly Uint8Array[] {
    const { containerId, containerName, tag, attributes } = this.#context;
    const record = new Map<string, Packed>([
      ["container_id", containerId],
      ["container_name", `/${containerName}`],
      ["source", stream],
      ["log", line],
      ...attributes,
    ]);
    if (partial !== undefined) {
      record.set("partial_message", "true");
      record.set("partial_id", partial.id);
      record.set("partial_ordinal", String(partial.ordinal));
      record.set("partial_last", String(partial.isLast));
    }
    const time = this.#options.hasSubSeconds ? new PackedTime(timeNs) : Number(timeNs / 1_000_000_000n);
    if (!this.#options.requestsAck) return [packMessage([tag, time, record])];
    const chunk = randomBytes(16).toString("base64");
    this.unconfirmed.add(chunk);
    return [packMessage([tag, time, record, new Map([["chunk", chunk]])])];
  }
}

/** Reads the confirmations of a receiver: maps of `ack` to a text of at most 255 bytes. */
export class AckReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The chunks that the bytes confirm. Undefined for what is no confirmation. */
  push(bytes: Uint8Array): readonly string[] | undefined {
    const all = Buffer.concat([this.#rest, bytes]);
    const found: string[] = [];
    const start = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b]);
    let at = 0;
    for (;;) {
      const head = all.subarray(at, at + start.length);
      if (!head.equals(start.subarray(0, head.length))) return undefined;
      const kind = all[at + start.length];
      if (kind === undefined) break;
      const isShort = (kind & 0xe0) === 0xa0;
      if (!isShort && kind !== 0xd9) return undefined;
      const length = isShort ? kind & 0x1f : all[at + start.length + 1];
      if (length === undefined) break;
      const from = at + start.length + (isShort ? 1 : 2);
      if (all.length < from + length) break;
      found.push(all.toString("utf8", from, from + length));
      at = from + length;
    }
    this.#rest = all.subarray(at);
    return found;
  }
}
