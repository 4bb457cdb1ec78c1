import type { Duplex } from "node:stream";
import { bytesOf } from "../../base/byte-stream.ts";
import { endGently, writeTo } from "../../base/stream-writes.ts";
import {
  encodeClose,
  encodeWebSocketFrame,
  WebSocketDecoder,
  WebSocketError,
} from "../../api/http/web-socket.ts";
import { MultiplexedStream } from "./multiplexed-stream.ts";

/** SPEC: Kubernetes' version 5: a message that says which channel ends. */
const closeSignal = 255;
const mostFrameBytes = 64 * 1024;

/** The streams of a WebSocket of which each message begins with the number of a channel. Owns the connection. */
export class ChannelSocket {
  readonly #connection: Duplex;
  readonly #isText: boolean;
  readonly #channels = new Map<number, ChannelStream>();
  #isClosing = false;

  /**
   * `isText`: messages are a digit and base64. What comes on channels that are not in `channels` is dropped. Calls
   * `onEnd` when the client has gone.
   */
  constructor(
    connection: Duplex,
    {
      isText,
      channels,
      onEnd,
    }: { readonly isText: boolean; readonly channels: readonly number[]; readonly onEnd: () => void },
  ) {
    this.#connection = connection;
    this.#isText = isText;
    for (const number of channels)
      this.#channels.set(number, new ChannelStream(number, (bytes) => this.#send(number, bytes)));
    connection.on("error", () => {});
    void this.#run().finally(onEnd);
  }

  /** Throws for one that the constructor did not get. */
  channel(number: number): ChannelStream {
    const found = this.#channels.get(number);
    if (found === undefined) throw new RangeError(`the connection has no channel ${number}`);
    return found;
  }

  /** Sends an empty message: the client learns that the channels work. */
  async greet(number: number): Promise<void> {
    await this.#sendMessage(number, new Uint8Array());
  }

  /** The client gets what was written before. */
  close(): void {
    this.#end(encodeClose(1000));
  }

  async #send(number: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += mostFrameBytes)
      await this.#sendMessage(number, bytes.subarray(at, at + mostFrameBytes));
  }

  async #sendMessage(number: number, bytes: Uint8Array): Promise<void> {
    if (this.#isClosing) return;
    const message = this.#isText
      ? Buffer.from(`${number}${Buffer.from(bytes).toString("base64")}`)
      : Buffer.concat([Uint8Array.of(number), bytes]);
    await writeTo(this.#connection, encodeWebSocketFrame(this.#isText ? "text" : "binary", message));
  }

  async #run(): Promise<void> {
    const decoder = new WebSocketDecoder();
    const messages = new MessageReader(this.#isText);
    try {
      for await (const piece of bytesOf(this.#connection))
        for (const part of decoder.push(piece)) {
          if (part.kind === "ping") await writeTo(this.#connection, encodeWebSocketFrame("pong", part.bytes));
          else if (part.kind === "close") this.#end(encodeWebSocketFrame("close", part.bytes));
          else
            for (const { channel, bytes } of messages.push(part)) {
              if (bytes === undefined) this.#channels.get(channel)?.endInput();
              else await this.#channels.get(channel)?.receive(bytes);
            }
        }
    } catch (thrown) {
      if (thrown instanceof WebSocketError) this.#end(encodeClose(thrown.code));
    }
    for (const stream of this.#channels.values()) stream.endInput();
    this.#end(encodeClose(1000));
  }

  #end(last: Uint8Array): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    endGently(this.#connection, { last });
  }
}

/** One channel. */
export class ChannelStream extends MultiplexedStream {
  readonly number: number;
  readonly #send: (bytes: Uint8Array) => Promise<void>;

  constructor(number: number, send: (bytes: Uint8Array) => Promise<void>) {
    super();
    this.number = number;
    this.#send = send;
  }

  override _write(bytes: Uint8Array, _: BufferEncoding, done: () => void): void {
    void this.#send(bytes).then(() => done());
  }
}

interface ChannelBytes {
  readonly channel: number;
  /** Absent: it has ended. */
  readonly bytes?: Uint8Array | undefined;
}

/** Takes messages apart, which come in pieces. */
class MessageReader {
  readonly #isText: boolean;
  #channel = 0;
  /** Of base64, less than a group. */
  #rest = "";

  constructor(isText: boolean) {
    this.#isText = isText;
  }

  push({
    bytes,
    isFirst,
  }: {
    readonly bytes: Uint8Array;
    readonly isFirst: boolean;
  }): readonly ChannelBytes[] {
    let content = bytes;
    if (isFirst) {
      const [first = 0] = bytes;
      this.#channel = this.#isText ? first - 0x30 : first;
      this.#rest = "";
      content = bytes.subarray(1);
    }
    const channel = this.#channel;
    if (channel === closeSignal) return [...content].map((ended) => ({ channel: ended }));
    if (!this.#isText) return [{ channel, bytes: content }];
    const text = this.#rest + Buffer.from(content).toString("latin1");
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return [{ channel, bytes: Buffer.from(text.slice(0, whole), "base64") }];
  }
}
