import type { LogMessage, MessageContext, MessageEncoder } from "./message.ts";

const priorityOf = { stdout: "6", stderr: "3" } as const;

/** SPEC: systemd.io/JOURNAL_NATIVE_PROTOCOL: a datagram of fields, with the names of dockerd. */
export class JournaldEncoder implements MessageEncoder {
  readonly #common: Buffer;

  constructor(context: MessageContext) {
    const fields = new Map([
      ["CONTAINER_ID", context.containerId.slice(0, 12)],
      ["CONTAINER_ID_FULL", context.containerId],
      ["CONTAINER_NAME", context.containerName],
      ["CONTAINER_TAG", context.tag],
      ["IMAGE_NAME", context.imageName],
      ["SYSLOG_IDENTIFIER", context.tag],
    ]);
    for (const [name, value] of context.attributes) {
      const key = journalName(name);
      if (key !== "") fields.set(key, value);
    }
    this.#common = Buffer.concat([...fields].map(([name, value]) => field(name, Buffer.from(value))));
  }

  encode({ stream, timeNs, line, partial }: LogMessage): readonly Uint8Array[] {
    const parts = [
      field("MESSAGE", line),
      field("PRIORITY", Buffer.from(priorityOf[stream])),
      this.#common,
      field("SYSLOG_TIMESTAMP", Buffer.from(new Date(Number(timeNs / 1_000_000n)).toISOString())),
    ];
    if (partial !== undefined) {
      if (!partial.isLast) parts.push(field("CONTAINER_PARTIAL_MESSAGE", Buffer.from("true")));
      parts.push(
        field("CONTAINER_PARTIAL_ID", Buffer.from(partial.id)),
        field("CONTAINER_PARTIAL_ORDINAL", Buffer.from(String(partial.ordinal))),
        field("CONTAINER_PARTIAL_LAST", Buffer.from(String(partial.isLast))),
      );
    }
    return [Buffer.concat(parts)];
  }
}

/** `NAME=value`; a value with line ends behind its length. */
function field(name: string, value: Uint8Array): Buffer {
  if (!value.includes(10)) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from("\n")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from("\n")]);
}

/** Of upper-case letters, digits and underscores, but for the first; 64 at most. "": no name can be made of it. */
function journalName(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .replace(/^[_0-9]+/, "")
    .slice(0, 64);
}
