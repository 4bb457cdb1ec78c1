import { Failure } from "../../base/failure.ts";
import type { Codec } from "../../grpc/codec.ts";
import type { GrpcStream } from "../../grpc/client.ts";
import type { ContextReceiver } from "../../model/builds.ts";
import type { ClientSession } from "./client-session.ts";
import { decodeFilePacket, encodeFilePacket, type FilePacket } from "./file-packet.ts";

/** Files whose content is under way at a time. */
const mostRequested = 64;

const packetCodec: Codec<FilePacket, FilePacket> = { encode: encodeFilePacket, decode: decodeFilePacket };

export type FileStream = GrpcStream<FilePacket, FilePacket>;

/** Opens a call that exchanges packets of files. */
export function openFileStream(
  session: ClientSession,
  path: string,
  {
    headers,
    signal,
  }: { readonly headers: Readonly<Record<string, readonly string[]>>; readonly signal: AbortSignal },
): FileStream {
  return session.client.open(path, { request: packetCodec, response: packetCodec }, { headers, signal });
}

/** Which files of a directory of the client are wanted. */
export interface WantedFiles {
  /** Name of a directory that the client offers: `context`. */
  readonly name: string;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Paths with the links on the way, inside the directory. */
  readonly follow?: readonly string[] | undefined;
}

/** Brings a directory of the client into a kept one. Throws what the client reports. */
export async function receiveFiles(
  session: ClientSession,
  wanted: WantedFiles,
  {
    receiver,
    signal,
    onProgress,
  }: {
    readonly receiver: ContextReceiver;
    readonly signal: AbortSignal;
    readonly onProgress?: ((bytes: number) => void) | undefined;
  },
): Promise<void> {
  const path = "/moby.filesync.v1.FileSync/DiffCopy";
  if (!session.supports(path)) throw new Failure("invalid", "no local sources enabled");
  const stream = openFileStream(session, path, { headers: encodeHeaders(wanted), signal });
  try {
    await new Receiving(stream, receiver, onProgress).run();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.kind !== "canceled")
      await stream.send({ type: "error", message: thrown.message });
    stream.cancel();
    throw thrown;
  }
  await receiver.finish();
}

class Receiving {
  readonly #stream: FileStream;
  readonly #receiver: ContextReceiver;
  readonly #onProgress: ((bytes: number) => void) | undefined;
  /** Not requested yet. */
  readonly #queue: { readonly id: number; readonly path: string }[] = [];
  #nextInQueue = 0;
  readonly #requested = new Map<number, string>();
  #nextId = 0;
  #bytes = 0;
  #hasWalked = false;
  #isFinished = false;

  constructor(
    stream: FileStream,
    receiver: ContextReceiver,
    onProgress: ((bytes: number) => void) | undefined,
  ) {
    this.#stream = stream;
    this.#receiver = receiver;
    this.#onProgress = onProgress;
  }

  async run(): Promise<void> {
    for await (const packet of this.#stream) {
      this.#handle(packet);
      if (!this.#hasWalked || this.#isFinished || this.#requested.size > 0) continue;
      if (this.#nextInQueue < this.#queue.length) continue;
      this.#isFinished = true;
      await this.#stream.send({ type: "finish" });
      this.#stream.end();
    }
    if (!this.#isFinished)
      throw new Failure("invalid", "cannot receive the build context: the client ended before all was sent");
    this.#onProgress?.(this.#bytes);
  }

  #handle(packet: FilePacket): void {
    switch (packet.type) {
      case "stat": {
        if (packet.entry === undefined) {
          this.#hasWalked = true;
          return;
        }
        if (this.#hasWalked)
          throw new Failure("invalid", "cannot receive the build context: a file came after the last one");
        const id = this.#nextId++;
        this.#count(packet.entry.path.length + 32);
        if (!this.#receiver.put(packet.entry)) return;
        this.#queue.push({ id, path: packet.entry.path });
        this.#request();
        return;
      }
      case "data": {
        const path = this.#requested.get(packet.id);
        if (path === undefined) throw new Failure("invalid", `invalid file request ${packet.id}`);
        this.#count(packet.bytes.length);
        if (packet.bytes.length > 0) return this.#receiver.write(path, packet.bytes);
        this.#requested.delete(packet.id);
        this.#receiver.end(path);
        this.#request();
        return;
      }
      case "error":
        throw new Failure("invalid", `error from sender: ${packet.message}`);
      case "request":
        throw new Failure("invalid", "cannot receive the build context: the client asks for a file");
      case "finish":
        return;
      default:
        packet satisfies never;
    }
  }

  /** Not waited for: so few requests fit into the connection, and the client may wait for its data to be read. */
  #request(): void {
    while (this.#requested.size < mostRequested) {
      const next = this.#queue[this.#nextInQueue];
      if (next === undefined) return;
      this.#nextInQueue++;
      if (this.#nextInQueue > 1024) {
        this.#queue.splice(0, this.#nextInQueue);
        this.#nextInQueue = 0;
      }
      this.#requested.set(next.id, next.path);
      void this.#stream.send({ type: "request", id: next.id });
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#onProgress?.(this.#bytes);
  }
}

/** SPEC: moby/buildkit, session/filesync: values that are not ASCII are escaped, and another header says so. Pure. */
export function encodeHeaders({
  name,
  include,
  exclude,
  follow,
}: WantedFiles): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  const put = (key: string, values: readonly string[] | undefined): void => {
    if (values === undefined) return;
    const isPlain = values.every((value) => /^[\x20-\x7e]*$/.test(value) && value === value.trim());
    headers[key] = isPlain ? values : values.map((value) => encodeURIComponent(value));
    if (!isPlain) headers[`${key}-encoded`] = ["1"];
  };
  put("dir-name", [name]);
  put("include-patterns", include);
  put("exclude-patterns", exclude);
  put("followpaths", follow);
  return headers;
}
