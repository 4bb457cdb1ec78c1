import { Failure } from "../../base/failure.ts";
import type { BuiltTree, TreeEntry } from "../../model/builds.ts";
import type { ClientSession } from "./client-session.ts";
import { codingsOf } from "./codings.ts";
import { type FileStream, openFileStream } from "./receive-files.ts";

const sendPath = "/moby.filesync.v1.FileSend/DiffCopy";
const exporterHeader = "buildkit-attachable-exporter-id";
const pieceBytes = 32 * 1024;
const fileType = 0o170000;
const regular = 0o100000;
const socket = 0o140000;

interface SendOptions {
  /** Which of the client's outputs it is. */
  readonly exporter: number;
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** A tree that is sent, below a directory of its own where that is not "". */
export interface SentTree {
  readonly directory: string;
  readonly tree: BuiltTree;
}

/** Sends trees into a directory of the client. */
export async function sendTrees(
  session: ClientSession,
  trees: readonly SentTree[],
  { exporter, signal, onProgress }: SendOptions,
): Promise<void> {
  requireSend(session);
  const headers = { [exporterHeader]: [String(exporter)] };
  const stream = openFileStream(session, sendPath, { headers, signal });
  await new Sending(stream, trees, onProgress).run();
}

class Sending {
  readonly #stream: FileStream;
  readonly #trees: readonly SentTree[];
  readonly #onProgress: ((bytes: number) => void) | undefined;
  readonly #files = new Map<number, { readonly tree: BuiltTree; readonly path: string }>();
  #nextId = 0;
  #bytes = 0;

  constructor(
    stream: FileStream,
    trees: readonly SentTree[],
    onProgress: ((bytes: number) => void) | undefined,
  ) {
    this.#stream = stream;
    this.#trees = trees;
    this.#onProgress = onProgress;
  }

  async run(): Promise<void> {
    await bothEnd(this.#stream, [this.#walk(), this.#serve()]);
  }

  async #serve(): Promise<void> {
    // Files are sent while requests are read: a client whose requests are not read may not read either.
    let sending: Promise<void> = Promise.resolve();
    for await (const packet of this.#stream) {
      if (packet.type === "request") {
        const file = this.#files.get(packet.id);
        if (file === undefined) throw new Failure("invalid", `invalid file id ${packet.id}`);
        this.#files.delete(packet.id);
        sending = sending.then(async () => this.#sendFile(packet.id, file));
        sending.catch(() => this.#stream.cancel());
      } else if (packet.type === "finish") {
        await this.#stream.send({ type: "finish" });
        this.#stream.end();
      } else if (packet.type === "error") {
        throw new Failure("invalid", `error from receiver: ${packet.message}`);
      }
    }
    await sending;
  }

  async #walk(): Promise<void> {
    for (const { directory, tree } of this.#trees) {
      if (directory !== "") await this.#sendEntry(directoryEntry(directory), undefined);
      for await (const entry of tree.walk()) {
        if ((entry.mode & fileType) === socket) continue;
        const below = (path: string): string => (directory === "" ? path : `${directory}/${path}`);
        const isLink = entry.target !== undefined && (entry.mode & fileType) === regular;
        const target = isLink ? below(entry.target ?? "") : entry.target;
        await this.#sendEntry({ ...entry, path: below(entry.path), target }, { tree, path: entry.path });
      }
    }
    await this.#stream.send({ type: "stat", entry: undefined });
  }

  async #sendEntry(
    entry: TreeEntry,
    file: { readonly tree: BuiltTree; readonly path: string } | undefined,
  ): Promise<void> {
    const id = this.#nextId++;
    if (file !== undefined && (entry.mode & fileType) === regular) this.#files.set(id, file);
    this.#onProgress?.((this.#bytes += entry.path.length + 32));
    await this.#stream.send({ type: "stat", entry });
  }

  async #sendFile(
    id: number,
    { tree, path }: { readonly tree: BuiltTree; readonly path: string },
  ): Promise<void> {
    for await (const bytes of tree.open(path)) {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const piece = bytes.subarray(at, at + pieceBytes);
        await this.#stream.send({ type: "data", id, bytes: piece });
        this.#onProgress?.((this.#bytes += piece.length));
      }
    }
    await this.#stream.send({ type: "data", id, bytes: new Uint8Array(0) });
  }
}

/** Sends bytes that the client writes to a file, with facts about them. */
export async function sendBytes(
  session: ClientSession,
  bytes: AsyncIterable<Uint8Array>,
  { exporter, signal, onProgress, facts }: SendOptions & { readonly facts: Readonly<Record<string, string>> },
): Promise<void> {
  requireSend(session);
  const headers: Record<string, string> = { [exporterHeader]: String(exporter) };
  for (const [name, value] of Object.entries(facts)) headers[`exporter-md-${name}`] = value;
  const stream = session.client.open(sendPath, codingsOf("moby.filesync.v1.FileSend/DiffCopy"), {
    headers,
    signal,
  });
  const send = async (): Promise<void> => {
    let count = 0;
    for await (const piece of bytes) {
      for (let at = 0; at < piece.length; at += pieceBytes) {
        await stream.send({ data: piece.subarray(at, at + pieceBytes) });
        if (stream.isOver) return;
      }
      onProgress?.((count += piece.length));
    }
    stream.end();
  };
  const answers = async (): Promise<void> => {
    for await (const _ of stream);
  };
  await bothEnd(stream, [send(), answers()]);
}

/** Waits for all; the first that fails cancels the call, which the others end with: its failure is the cause. */
async function bothEnd(stream: { cancel(): void }, works: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(works);
  } catch (thrown) {
    stream.cancel();
    await Promise.allSettled(works);
    throw thrown;
  }
}

function requireSend(session: ClientSession): void {
  if (!session.supports(sendPath))
    throw new Failure("invalid", "cannot send the result: the client takes no files");
}

function directoryEntry(path: string): TreeEntry {
  const modifiedNs = BigInt(Date.now()) * 1_000_000n;
  return { path, mode: 0o040755, uid: 0, gid: 0, sizeBytes: 0, modifiedNs, xattrs: new Map() };
}
