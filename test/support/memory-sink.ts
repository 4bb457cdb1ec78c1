import type { LayerTar, LoadedImage, LoadSink } from "../../src/image/loaded-image.ts";
import type { Digest } from "../../src/spec/digest.ts";

/** Keeps what it is given: the tar of each layer, each image. */
export class MemorySink implements LoadSink {
  readonly layers: Map<Digest, Buffer> = new Map();
  readonly images: LoadedImage[] = [];
  readonly asked: Digest[] = [];
  /** How many layers were being stored at the same time, at most. */
  busiest = 0;
  #busy = 0;

  hasLayer(diffId: Digest): boolean {
    return this.layers.has(diffId);
  }

  async ensureLayer(diffId: Digest, tar: Pick<LayerTar, "open">): Promise<void> {
    this.asked.push(diffId);
    this.busiest = Math.max(this.busiest, ++this.#busy);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of tar.open()) chunks.push(chunk);
      this.layers.set(diffId, Buffer.concat(chunks));
    } finally {
      this.#busy--;
    }
  }

  async addImage(image: LoadedImage): Promise<void> {
    this.images.push(image);
  }
}
