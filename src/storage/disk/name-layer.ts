import { renameSync } from "node:fs";
import { fault } from "../../base/fault.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import { syncFile } from "../../linux/files/sync.ts";
import type { Digest } from "../../spec/digest.ts";
import type { DriverPaths } from "./driver-paths.ts";

/** Gives layers their names, one after the other where several are the same. */
export class LayerNaming {
  readonly #paths: DriverPaths;
  readonly #running = new Map<Digest, Promise<void>>();

  constructor(paths: DriverPaths) {
    this.#paths = paths;
  }

  /**
   * Names a layer that is completely on the disk. The name is on the disk when `know` is called: no operation finds it
   * before. Returns false when `isKnown` reports that the layer already exists.
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
      /** Removes an unknown file or directory at its path. */
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
    renameSync(draft, this.#paths.layer(diffId));
    fault("layer.named");
    using directory = openDirectoryPath(this.#paths.layers);
    await syncFile(directory.fd);
  }
}
