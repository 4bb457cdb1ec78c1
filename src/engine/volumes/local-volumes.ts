import type { VolumeRecord } from "../state/records.ts";
import type { VolumeDetails, Volumes, VolumeSpec, VolumeUsage } from "../../model/volumes.ts";
import { type VolumeCatalog, volumeEvent } from "./volume-catalog.ts";
import {
  asksForAll,
  checkFilters,
  matchesListFilters,
  matchesPruneFilters,
  type VolumeFilter,
} from "./volume-filters.ts";
import { anonymousLabel } from "./volume-name.ts";

/** The volumes of one data root. */
export class LocalVolumes implements Volumes {
  readonly #catalog: VolumeCatalog;

  constructor(catalog: VolumeCatalog) {
    this.#catalog = catalog;
  }

  async create(spec: VolumeSpec = {}): Promise<VolumeDetails> {
    return this.#describe(await this.#catalog.create(spec));
  }

  async list({
    filters = {},
  }: {
    readonly filters?: VolumeFilter | undefined;
  } = {}): Promise<readonly VolumeDetails[]> {
    checkFilters("list", filters);
    const users = this.#catalog.users();
    return this.#catalog
      .list()
      .filter((record) => matchesListFilters(record, filters, users.has(record.name)))
      .map((record) => this.#describe(record));
  }

  async inspect(name: string): Promise<VolumeDetails> {
    return this.#describe(this.#catalog.get(name));
  }

  async remove(name: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    await this.#catalog.remove(name, options);
  }

  async prune({
    all = false,
    filters = {},
  }: {
    readonly all?: boolean | undefined;
    readonly filters?: VolumeFilter | undefined;
  } = {}): Promise<{
    readonly removed: readonly string[];
    readonly freedBytes: number;
  }> {
    checkFilters("prune", filters);
    const takesAll = all || asksForAll(filters);
    const users = this.#catalog.users();
    const removed: string[] = [];
    let freedBytes = 0;
    for (const record of this.#catalog.list()) {
      const { name, labels } = record;
      if (users.has(name) || (!takesAll && !Object.hasOwn(labels, anonymousLabel))) continue;
      if (!matchesPruneFilters(record, filters)) continue;
      const { contentBytes } = await this.#catalog.store.usage(name).catch(() => ({ contentBytes: 0 }));
      if (this.#catalog.removeUnused([name]).length === 0) continue;
      removed.push(name);
      freedBytes += contentBytes;
    }
    this.#catalog.recordEvent(volumeEvent("", "prune", { reclaimed: String(freedBytes) }));
    return { removed, freedBytes };
  }

  async usage(
    name: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<VolumeUsage> {
    const { name: known } = this.#catalog.get(name);
    const { contentBytes } = await this.#catalog.store.usage(known, options);
    return { bytes: contentBytes, containers: this.#catalog.users().get(known) ?? [] };
  }

  #describe({ name, createdAt, labels, options }: VolumeRecord): VolumeDetails {
    const mountpoint = this.#catalog.store.dataPath(name);
    return { name, driver: "local", mountpoint, createdAt, labels, options };
  }
}
