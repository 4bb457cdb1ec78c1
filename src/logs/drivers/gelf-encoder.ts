import { randomBytes } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import type { GelfReceiver } from "../../spec/log-driver/log-receiver.ts";
import type { LogMessage, MessageContext, MessageEncoder } from "./message.ts";

const severityOf = { stdout: 6, stderr: 3 } as const;
/** SPEC: GELF, "Chunking": so many bytes are a datagram that no usual network splits. */
const datagramBytes = 1420;
const chunkHeadBytes = 12;
const chunkBytes = datagramBytes - chunkHeadBytes;
const mostChunks = 128;

/** SPEC: GELF 1.1: UDP with compression and chunks; on TCP JSON with a zero byte behind it. */
export class GelfEncoder implements MessageEncoder {
  readonly #receiver: GelfReceiver;
  readonly #common: Readonly<Record<string, unknown>>;
  readonly #hostname: string;

  constructor(context: MessageContext, receiver: GelfReceiver) {
    this.#receiver = receiver;
    this.#hostname = context.hostname;
    this.#common = {
      _command: context.command,
      _container_id: context.containerId,
      _container_name: context.containerName,
      _created: context.created,
      _image_id: context.imageId,
      _image_name: context.imageName,
      _tag: context.tag,
      ...Object.fromEntries(
        context.attributes.map(([name, value]) => [name.startsWith("_") ? name : `_${name}`, value]),
      ),
    };
  }

  /** None for an empty line, which receivers refuse, and for one that needs more than 128 chunks. */
  encode({ stream, timeNs, line }: LogMessage): readonly Uint8Array[] {
    if (line.length === 0) return [];
    const json = JSON.stringify({
      version: "1.1",
      host: this.#hostname,
      short_message: Buffer.from(line).toString("utf8"),
      timestamp: Number(timeNs / 1_000_000n) / 1000,
      level: severityOf[stream],
      ...this.#common,
    });
    if (this.#receiver.address.transport === "tcp") return [Buffer.from(`${json}\0`)];
    return splitChunks(this.#compress(Buffer.from(json)));
  }

  #compress(bytes: Buffer): Buffer {
    const { compression, level } = this.#receiver;
    if (compression === "none") return bytes;
    return compression === "gzip" ? gzipSync(bytes, { level }) : deflateSync(bytes, { level });
  }
}

/** A datagram; more with a head each: magic, id of the message, number of the chunk, count. None when too large. */
function splitChunks(message: Buffer): readonly Uint8Array[] {
  if (message.length <= datagramBytes) return [message];
  const count = Math.ceil(message.length / chunkBytes);
  if (count > mostChunks) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f]),
      id,
      Buffer.from([index, count]),
      message.subarray(index * chunkBytes, (index + 1) * chunkBytes),
    ]),
  );
}
