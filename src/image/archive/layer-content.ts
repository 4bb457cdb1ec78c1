import { Failure } from "../../base/failure.ts";
import { algorithmOf, type Digest, Digester } from "../../spec/digest.ts";
import { decompress } from "../streams/compression.ts";
import type { Compression } from "../streams/compression.ts";
import type { SpooledFile } from "./spooled-archive.ts";

/** Where a layer's bytes come from. */
export interface LayerSource {
  readonly diffId: Digest;
  readonly compression: Compression;
  /** `blob` is what its bytes have been proven to be. */
  readonly file: Pick<SpooledFile, "blob" | "open">;
}

/**
 * A layer's tar out of its file, proven: the digest of what was given is compared at the end, and isProven says
 * that someone got there.
 */
export class LayerContent {
  readonly #layer: LayerSource;
  readonly #signal: AbortSignal;
  readonly #onBytes: (bytes: number) => void;
  #proven = false;
  #opened = false;

  constructor(
    layer: LayerSource,
    { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
  ) {
    this.#layer = layer;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  get isProven(): boolean {
    return this.#proven;
  }

  /** Someone began to read. */
  get isOpened(): boolean {
    return this.#opened;
  }

  async *open(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#opened = true;
    const { diffId, file, compression } = this.#layer;
    // A plain tar was hashed on its way in.
    const digester =
      compression === "plain" && sameAlgorithm(file.blob.digest, diffId)
        ? undefined
        : new Digester(algorithmOf(diffId));
    if (digester === undefined) refuseOther(diffId, file.blob.digest);
    for await (const chunk of decompress(counted(file.open(), this.#onBytes))) {
      this.#signal.throwIfAborted();
      digester?.update(chunk);
      yield chunk;
    }
    if (digester !== undefined) refuseOther(diffId, digester.finish());
    this.#proven = true;
  }

  /** Reads all of it for nothing but the proof. */
  async prove(): Promise<void> {
    if (
      this.#layer.compression === "plain" &&
      sameAlgorithm(this.#layer.file.blob.digest, this.#layer.diffId)
    ) {
      refuseOther(this.#layer.diffId, this.#layer.file.blob.digest);
      this.#proven = true;
      return;
    }
    for await (const _ of this.open());
  }
}

function sameAlgorithm(one: Digest, other: Digest): boolean {
  return algorithmOf(one) === algorithmOf(other);
}

function refuseOther(diffId: Digest, actual: Digest): void {
  if (actual !== diffId) {
    throw new Failure("corrupt", `cannot unpack layer ${diffId}: its content has digest ${actual}`);
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}
