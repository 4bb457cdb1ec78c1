import { renameSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { syncFile } from "../../linux/files/sync.ts";
import type { Digest } from "../../spec/digest.ts";
import type { Places } from "./places.ts";

/** Gives layers their names, one after the other where several are the same. */
export class LayerNaming {
  readonly #places: Places;
  readonly #running = new Map<Digest, Promise<void>>();

  constructor(places: Places) {
    this.#places = places;
  }

  /**
   * Gives a layer, all of which is on the disk, its name, which is on the disk when `know` is called: nobody finds it before.
   * False when `isKnown` says that it is there already.
   */
  async name(
    draft: string,
    {
      diffId,
      isKnown,
      clear = () => undefined,
      know,
    }: {
      readonly diffId: Digest;
      readonly isKnown: () => boolean;
      /** Makes its place free where something is in it that nobody knows. */
      readonly clear?: (() => void) | undefined;
      readonly know: () => void;
    },
  ): Promise<boolean> {
    for (
      let running = this.#running.get(diffId);
      running !== undefined;
      running = this.#running.get(diffId)
    ) {
      await running.catch(() => undefined); // its own caller hears of it
    }
    if (isKnown()) return false;
    clear();
    const naming = this.#name(draft, diffId);
    this.#running.set(diffId, naming);
    try {
      await naming;
      know();
    } finally {
      this.#running.delete(diffId);
    }
    return true;
  }

  async #name(draft: string, diffId: Digest): Promise<void> {
    fault("layer.synced");
    renameSync(draft, this.#places.layer(diffId));
    fault("layer.named");
    using directory = openDirectoryPath(this.#places.layers);
    await syncFile(directory.fd);
  }
}
