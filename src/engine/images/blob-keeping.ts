import { required } from "../../base/required.ts";
import { kindOf } from "../../base/failure.ts";
import { log } from "../../base/log.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { BlobProvider } from "../../image/content-store.ts";
import type { BlobPolicy } from "../../spec/registry/blob-policy.ts";
import { parseBlobPolicy } from "../../spec/registry/blob-policy.ts";
import type { Digest } from "../../spec/digest.ts";
import type { LayerCompression } from "../../spec/image/layer-compression.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { State } from "../state/state.ts";
import type { Garbage } from "./garbage.ts";

const factName = "blob-policy";

interface LayerBlob {
  readonly digest: Digest;
  readonly diffId: Digest;
  /** It was compressed here, so nothing is lost when it can't be made again. */
  readonly compression?: LayerCompression | undefined;
}

/**
 * Sees to it in the background that of the layers' blobs those stay that the policy of the data root wants, and gives
 * back those that went. One blob at a time.
 */
export class BlobKeeping {
  readonly policy: BlobPolicy;
  readonly #state: State;
  readonly #dependencies: EngineDependencies;
  readonly #garbage: Garbage;
  readonly #closing: AbortSignal;
  readonly #fetching = new KeyedLock();
  /** Those that had to stay, by what was known of them then. */
  readonly #stayed = new Set<string>();
  #work: Promise<void> | undefined;
  #isWanted = false;

  /** A policy that is asked for is the data root's from then on. */
  constructor(
    state: State,
    {
      dependencies,
      garbage,
      closing,
    }: {
      readonly dependencies: EngineDependencies;
      readonly garbage: Garbage;
      readonly closing: AbortSignal;
    },
  ) {
    this.#state = state;
    this.#dependencies = dependencies;
    this.#garbage = garbage;
    this.#closing = closing;
    const before = state.findFact(factName);
    this.policy =
      dependencies.settings.blobPolicy ?? (before === undefined ? "keep" : parseBlobPolicy(before));
    if (this.policy !== (before ?? "keep")) state.putFact(factName, this.policy);
    const { storage, content } = dependencies;
    content.provide({
      hasLayer: (diffId) => storage.hasLayer(diffId),
      openLayer: (diffId) => storage.viewLayers([diffId]),
      refetch: (blob) => this.#refetch(blob),
    });
    state.onImages(() => this.wake());
  }

  /** There may be something to do. */
  wake(): void {
    this.#isWanted = true;
    this.#work ??= this.#runAll().finally(() => {
      this.#work = undefined;
    });
  }

  async settle(): Promise<void> {
    await this.#work;
  }

  async #runAll(): Promise<void> {
    // An answer that has just been given is read first.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#isWanted && !this.#closing.aborted) {
      this.#isWanted = false;
      try {
        for (const blob of this.#layerBlobs()) {
          if (this.#closing.aborted) return;
          await this.#look(blob);
        }
      } catch (thrown) {
        // SAFETY: a blob that stays only costs disk space.
        if (!this.#closing.aborted && kindOf(thrown) === "internal") {
          log("error", `cannot drop blobs: ${String(thrown)}`);
        }
      }
    }
  }

  #layerBlobs(): readonly LayerBlob[] {
    const found = this.#state
      .images()
      .flatMap(({ config, blobs }) =>
        config.diffIds.map((diffId, index) => ({ diffId, digest: required(blobs[2 + index]) })),
      );
    const layers = new Set(found.map(({ diffId }) => diffId));
    const compressed = this.#dependencies.content.compressed
      .list()
      .filter(({ diffId }) => layers.has(diffId));
    return [...new Map([...compressed, ...found].map((blob: LayerBlob) => [blob.digest, blob])).values()];
  }

  async #look(blob: LayerBlob): Promise<void> {
    const { content, storage } = this.#dependencies;
    if ((await content.findStored(blob.digest)) === undefined) return;
    if (this.policy === "keep") {
      // It has come again.
      await content.absent.remove(blob.digest);
      return;
    }
    const { compression } = blob;
    const isElsewhere = compression !== undefined || this.#sourcesOf(blob.digest).length > 0;
    const key = `${blob.digest} ${isElsewhere}`;
    if (this.#stayed.has(key)) return;
    using _ = await this.#garbage.use();
    if (!storage.hasLayer(blob.diffId)) return;
    const { dropBlob } = await import("../../image/drop-blob.ts");
    using root = await storage.viewLayers([blob.diffId]);
    const outcome = await dropBlob(blob, {
      store: content,
      root: root.fd,
      isElsewhere,
      mayRefetch: this.policy === "refetch" && compression === undefined,
      compression,
      signal: this.#closing,
    });
    if (outcome === "kept") this.#stayed.add(key);
  }

  /** `busybox@sha256:…` of images that have it, as they came from a registry. */
  #sourcesOf(digest: Digest): readonly string[] {
    return this.#state
      .images()
      .filter(({ blobs }) => blobs.includes(digest))
      .flatMap(({ digests, sealedDigests = [], otherDigests = [] }) =>
        digests.filter((each) => !sealedDigests.includes(each) && !otherDigests.includes(each)),
      );
  }

  async #refetch(blob: Parameters<BlobProvider["refetch"]>[0]): Promise<void> {
    using _ = await this.#fetching.acquire(blob.digest, { signal: this.#closing });
    const { refetchBlob } = await import("../../image/refetch-blob.ts");
    await refetchBlob(blob, {
      sources: this.#sourcesOf(blob.digest),
      store: this.#dependencies.content,
      registries: await this.#dependencies.openRegistries(),
      signal: this.#closing,
    });
  }
}
