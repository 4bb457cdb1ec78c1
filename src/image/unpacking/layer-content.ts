import { Failure, kindOf } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import type { UnpackOptions, UnpackResult } from "../../linux/tree/unpack-options.ts";
import { algorithmOf, type Digest } from "../../spec/digest.ts";
import type { Blob } from "../blobs/blob.ts";
import type { LayerTar } from "../loaded-image.ts";
import type { Compression } from "../streams/compression.ts";
import { isThreadResting, takeThread } from "../threads/job-threads.ts";
import { BlobTaker } from "./blob-taker.ts";
import type { LayerJob, LayerProof } from "./layer-job.ts";
import { provenTar, runLayerJob, taken } from "./run-layer-job.ts";

/** Where a layer's bytes come from. */
export interface LayerSource {
  readonly diffId: Digest;
  /** Known where its beginning was looked at. */
  readonly compression?: Compression | undefined;
  readonly blob: Blob;
  /** The blob has been proven to be what it is called. */
  readonly isProven: boolean;
  /** Gets the blob while it is read. */
  readonly store?: NonNullable<LayerJob["store"]> | undefined;
  /** A file that has the blob and stays while it is read, so that a thread can read it by itself. */
  readonly path?: string | undefined;
  /** The blob, from its beginning; each piece is given away. */
  open(): AsyncIterable<Uint8Array>;
}

/** A smaller one is done before a message is there and back. */
const smallBytes = 128 * 1024;
/** A smaller one is done before a thread has started. */
const mediumBytes = 1024 * 1024;

/**
 * Extracts and verifies the tar of a layer's blob: the digest is compared at the end, and isProven reports that a
 * consumer got there. One pass hashes, keeps, decompresses, hashes and unpacks the data, in a worker thread when the
 * size justifies one.
 */
export class LayerContent implements LayerTar {
  readonly #layer: LayerSource;
  readonly #signal: AbortSignal;
  readonly #onBytes: (bytes: number) => void;
  readonly #onProven: () => void;
  #proof: LayerProof | undefined;
  #opened = false;
  #hasSourceFailed = false;

  constructor(
    layer: LayerSource,
    {
      signal,
      onBytes = () => undefined,
      onProven = () => undefined,
    }: {
      readonly signal: AbortSignal;
      readonly onBytes?: ((bytes: number) => void) | undefined;
      /** Called when all content has been read and verified. */
      readonly onProven?: (() => void) | undefined;
    },
  ) {
    this.#layer = layer;
    this.#signal = signal;
    this.#onBytes = onBytes;
    this.#onProven = onProven;
  }

  get isProven(): boolean {
    return this.#proof !== undefined;
  }

  /** Whether a consumer has started to read. */
  get isOpened(): boolean {
    return this.#opened;
  }

  /** It failed, because it would otherwise hold content that no consumer can use. */
  get hasSourceFailed(): boolean {
    return this.#hasSourceFailed;
  }

  /** The digest and size of the blob, once it is verified. */
  get blob(): Digest {
    if (this.#proof === undefined) throw new Error("a layer was asked for its blob before it was proven");
    return this.#proof.blob;
  }

  async *open(): AsyncGenerator<Uint8Array, void, undefined> {
    const job = this.#job();
    if (this.#isForThread()) {
      using thread = await takeThread(this.#signal);
      this.#proof = yield* thread.read("tar", job, this.#source());
      return;
    }
    const taker = new BlobTaker(job);
    yield* provenTar(job, { taker, blob: taken(this.#read(), taker), signal: this.#signal });
    this.#proof = { blob: taker.finish() };
  }

  async unpack(into: Fd, options: Omit<UnpackOptions, "signal"> = {}): Promise<UnpackResult> {
    const { unpacked } = await this.#run({ ...this.#job(), into, options });
    if (unpacked === undefined) throw new Failure("internal", "cannot unpack a layer: nothing was unpacked");
    return unpacked;
  }

  /** Reads all of it for nothing but the proof. */
  async prove(): Promise<void> {
    const { blob, diffId, compression, isProven } = this.#layer;
    // A plain tar was hashed on its way in.
    if (isProven && compression === "plain" && algorithmOf(blob.digest) === algorithmOf(diffId)) {
      if (blob.digest !== diffId) {
        throw new Failure("corrupt", `cannot unpack layer ${diffId}: its content has digest ${blob.digest}`);
      }
      this.#proof = { blob: blob.digest };
      return;
    }
    await this.#run(this.#job());
  }

  #job(): LayerJob {
    const { diffId, blob, isProven, store, path } = this.#layer;
    return {
      diffId,
      blob: blob.digest,
      isProven,
      store,
      path,
    };
  }

  async #run(job: LayerJob): Promise<LayerProof> {
    const signal = this.#signal;
    if (this.#isForThread()) {
      using thread = await takeThread(signal);
      this.#proof = await thread.run("layer", job, this.#source());
    } else {
      const taker = new BlobTaker(job);
      this.#proof = await runLayerJob(job, { taker, blob: taken(this.#read(), taker), signal });
    }
    this.#onProven();
    return this.#proof;
  }

  #isForThread(): boolean {
    const { size } = this.#layer.blob;
    return size > mediumBytes || (size > smallBytes && isThreadResting());
  }

  /** The input for a thread. */
  #source(): { readonly signal: AbortSignal } & (
    | { readonly input: AsyncIterable<Uint8Array> }
    | { readonly onRead: (bytes: number) => void }
  ) {
    const signal = this.#signal;
    if (this.#layer.path === undefined) return { input: this.#read(), signal };
    this.#opened = true;
    return { onRead: this.#onBytes, signal };
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    this.#opened = true;
    const iterator = this.#layer.open()[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((thrown: unknown) => {
          this.#hasSourceFailed = true;
          throw thrown;
        });
        if (next.done === true) return;
        this.#onBytes(next.value.length);
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}

/** Whether the error reports that the blob's own bytes are invalid, independent of their source. */
export function isUseless(content: LayerContent, thrown: unknown): boolean {
  return !content.hasSourceFailed && kindOf(thrown) === "corrupt";
}
