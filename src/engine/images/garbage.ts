import type { ContentStore } from "../../image/content-store.ts";
import { kindOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import type { Digest } from "../../spec/digest.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import { layersOf } from "./images-in-use.ts";
import type { State } from "../state/state.ts";

/**
 * Removes layers and blobs that no record needs. Waits until nobody is adding to the store (a half-loaded image
 * looks like garbage), and holds up those who want to begin while it removes.
 */
export class Garbage {
  readonly #state: State;
  readonly #storage: StorageDriver;
  readonly #content: ContentStore;
  #users = 0;
  #isWanted = false;
  #collecting: Promise<void> | undefined;

  constructor(
    state: State,
    { storage, content }: { readonly storage: StorageDriver; readonly content: ContentStore },
  ) {
    this.#state = state;
    this.#storage = storage;
    this.#content = content;
  }

  /** While the result is held, nothing is collected. */
  async use(): Promise<Disposable> {
    while (this.#collecting !== undefined) await this.#collecting;
    this.#users++;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#users--;
        if (this.#users === 0 && this.#isWanted) void this.collect();
      },
    };
  }

  /** Now, or when the last user has gone. Never rejects: what stays is found again the next time. */
  async collect(): Promise<void> {
    while (this.#collecting !== undefined) await this.#collecting;
    if (this.#users > 0) {
      this.#isWanted = true;
      return;
    }
    this.#isWanted = false;
    this.#collecting = this.#run().finally(() => {
      this.#collecting = undefined;
    });
    await this.#collecting;
  }

  async settle(): Promise<void> {
    await this.#collecting;
  }

  /** What collect() would remove. */
  async list(): Promise<{ readonly layers: readonly Digest[]; readonly blobs: readonly Digest[] }> {
    const images = this.#state.images();
    const layers = new Set(images.flatMap((image) => image.config.diffIds));
    for (const container of this.#state.containers())
      for (const layer of layersOf(container)) layers.add(layer);
    const blobs = new Set(images.flatMap((image) => image.blobs));
    return {
      layers: this.#storage.listLayers().filter((layer) => !layers.has(layer)),
      blobs: (await this.#content.list()).map(({ digest }) => digest).filter((digest) => !blobs.has(digest)),
    };
  }

  async #run(): Promise<void> {
    try {
      const { layers, blobs } = await this.list();
      for (const layer of layers) {
        try {
          await this.#storage.removeLayer(layer);
          fault("garbage.layer");
        } catch (thrown) {
          if (kindOf(thrown) !== "conflict") throw thrown; // a container that is being removed still stands on it
        }
      }
      for (const blob of blobs) {
        await this.#content.remove(blob);
        fault("garbage.blob");
      }
    } catch {
      // SAFETY: nothing refers to what is left; `check` names it and the next collection takes it.
    }
  }
}
