import type { EngineSettings } from "../../model/engine-settings.ts";
import { statfs } from "node:fs/promises";
import { kindOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import type { ContentStore } from "../../image/content-store.ts";
import type { Digest } from "../../spec/digest.ts";
import { defaultGarbageRules, type GarbageRules } from "../../spec/garbage-rules.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import { layersOf } from "./images-in-use.ts";
import type { State } from "../state/state.ts";
import { isUnconfirmed } from "../unconfirmed.ts";
import { Leftovers } from "./leftovers.ts";

/** How often the disk is looked at while something waits for its time. */
const lookEveryMs = 60_000;

interface GarbageDependencies {
  readonly dataRoot: string;
  readonly storage: StorageDriver;
  readonly content: ContentStore;
  readonly settings: Pick<EngineSettings, "garbage">;
}

interface CollectOptions {
  /** Also removes leftovers before their time, and partial downloads. */
  readonly all?: boolean | undefined;
}

/** The content that records refer to. */
interface Needed {
  readonly layers: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
}

interface Item {
  readonly kind: "layer" | "blob";
  readonly digest: Digest;
}

/**
 * Removes unreferenced layers and blobs: removed images at once, leftovers of a failed pull after a delay (the next
 * pull can use them), and all of them while the disk is too full. Waits until no process adds to the store, because a
 * half-loaded image looks like garbage. Delays new additions while it removes.
 */
export class Garbage implements Disposable {
  readonly #state: State;
  readonly #dependencies: GarbageDependencies;
  readonly #rules: GarbageRules;
  readonly #leftovers: Leftovers;
  #users = 0;
  #wanted: CollectOptions | undefined;
  #collecting: Promise<void> | undefined;
  #collections = 0;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: State, dependencies: GarbageDependencies) {
    this.#state = state;
    this.#dependencies = dependencies;
    this.#rules = dependencies.settings.garbage ?? defaultGarbageRules;
    this.#leftovers = new Leftovers(state);
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
        if (this.#users === 0 && this.#wanted !== undefined) void this.collect(this.#wanted);
      },
    };
  }

  /** Now, or when the last user has gone. Never rejects: what stays is found again the next time. */
  async collect({ all = false }: CollectOptions = {}): Promise<void> {
    while (this.#collecting !== undefined) await this.#collecting;
    // The next engine on this data root collects it.
    if (this.#isClosed) return;
    const options = { all: all || this.#wanted?.all === true };
    if (this.#users > 0) {
      this.#wanted = options;
      return;
    }
    this.#wanted = undefined;
    this.#collections++;
    this.#collecting = this.#run(options).finally(() => {
      this.#collecting = undefined;
    });
    await this.#collecting;
  }

  /** Keeps unreferenced content for a while: the client that fetched it may still need it. */
  async keepForNow(): Promise<void> {
    try {
      // Content that is removed from now on is no leftover.
      this.#leftovers.note((await this.#list(this.#needed())).map(keyOf));
    } catch {
      // SAFETY: it only goes earlier.
    }
    if (this.#rules.graceMs === 0) void this.collect();
    else this.#schedule();
  }

  /** For operations that are about to add much: removes leftovers before their time when the disk is too full. */
  async relieve(): Promise<void> {
    if (this.#users === 0 && (await this.#isFuller(this.#rules.highPercent))) await this.collect();
  }

  async settle(): Promise<void> {
    await this.#collecting;
  }

  /** A collection follows: until then what it will remove is not overdue. */
  announce(): void {
    this.#wanted ??= {};
  }

  /**
   * Lists unreferenced content that no pull waits for. Lists nothing while another operation adds content, and nothing
   * that is being removed.
   */
  async listOverdue(): Promise<{ readonly layers: readonly Digest[]; readonly blobs: readonly Digest[] }> {
    for (;;) {
      while (this.#collecting !== undefined) await this.#collecting;
      if (this.#users > 0 || this.#wanted !== undefined) return { layers: [], blobs: [] };
      const collections = this.#collections;
      const items = (await this.#list()).filter((item) => this.#isDue(item));
      if (collections === this.#collections) return split(items);
    }
  }

  /** Lists unreferenced content. */
  async list(): Promise<{ readonly layers: readonly Digest[]; readonly blobs: readonly Digest[] }> {
    return split(await this.#list());
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Without `needed`: what the records need when all that is stored is known. */
  async #list(needed?: Needed): Promise<readonly Item[]> {
    const { storage, content } = this.#dependencies;
    const stored = new Set([...(await content.list()), ...content.absent.list()].map(({ digest }) => digest));
    const { layers, blobs } = needed ?? this.#needed();
    return [
      ...storage
        .listLayers()
        .filter((digest) => !layers.has(digest))
        .map((digest): Item => ({ kind: "layer", digest })),
      ...[...stored].filter((digest) => !blobs.has(digest)).map((digest): Item => ({ kind: "blob", digest })),
    ];
  }

  #needed(): Needed {
    const images = this.#state.images();
    const steps = [...this.#state.buildCache().values()].filter((entry) => entry.kind === "step");
    const layers = new Set([
      ...images.flatMap((image) => image.config.diffIds),
      ...this.#state.containers().flatMap(layersOf),
      ...steps.map(({ layer }) => layer.diffId),
    ]);
    const compressed = this.#dependencies.content.compressed
      .list()
      .filter(({ diffId }) => layers.has(diffId));
    return {
      layers,
      blobs: new Set([
        ...images.flatMap((image) => image.blobs),
        ...compressed.map(({ digest }) => digest),
        ...steps.map(({ layer }) => layer.digest),
      ]),
    };
  }

  #isDue(item: Item): boolean {
    const since = this.#leftovers.find(keyOf(item));
    return since === undefined || Date.now() - since >= this.#rules.graceMs;
  }

  async #run({ all = false }: CollectOptions): Promise<void> {
    if (isUnconfirmed(this.#state)) return;
    try {
      const items = await this.#list();
      this.#leftovers.keepOnly(new Set(items.map(keyOf)));
      for (const item of items) if (all || this.#isDue(item)) await this.#remove(item);
      if (all) await this.#dependencies.content.forgetAll();
      if (await this.#isFuller(this.#rules.highPercent)) await this.#freeSpace();
    } catch {
      // SAFETY: nothing refers to what is left; `check` names it and the next collection takes it.
    }
    this.#schedule();
  }

  /** The disk is too full for keeping anything for later. */
  async #freeSpace(): Promise<void> {
    const { content } = this.#dependencies;
    const since = (item: Item): number => this.#leftovers.find(keyOf(item)) ?? 0;
    const items = (await this.#list()).toSorted((one, other) => since(one) - since(other));
    const steps = [
      ...items.map((item) => () => this.#remove(item)),
      ...(await content.listPartial()).map(
        ({ digest }) =>
          () =>
            content.forget(digest),
      ),
    ];
    for (const step of steps) {
      await step();
      if (!(await this.#isFuller(this.#rules.lowPercent))) return;
    }
  }

  /** Content that is being removed does not count. */
  async #isFuller(percent: number): Promise<boolean> {
    if (!(await this.#seemsFuller(percent))) return false;
    await this.#dependencies.storage.awaitSpace();
    return await this.#seemsFuller(percent);
  }

  async #seemsFuller(percent: number): Promise<boolean> {
    const { blocks, bfree, bavail } = await statfs(this.#dependencies.dataRoot);
    const usedBlocks = blocks - bfree;
    // Calculates as df does: blocks that are reserved for root count as unavailable.
    return usedBlocks * 100 >= (usedBlocks + bavail) * percent && percent < 100;
  }

  async #remove({ kind, digest }: Item): Promise<void> {
    if (kind === "blob") {
      await this.#dependencies.content.remove(digest);
      fault("garbage.blob");
      return;
    }
    try {
      await this.#dependencies.storage.removeLayer(digest);
      fault("garbage.layer");
    } catch (thrown) {
      if (kindOf(thrown) !== "conflict") throw thrown; // a container that is being removed still stands on it
    }
  }

  /** Looks again when the first one's time has come, and now and then at the disk. */
  #schedule(): void {
    clearTimeout(this.#timer);
    const { oldest } = this.#leftovers;
    if (oldest === undefined || this.#isClosed) return;
    const dueMs = oldest + this.#rules.graceMs - Date.now();
    // One whose time has come and that is still there cannot be removed yet.
    const waitMs = dueMs <= 0 ? lookEveryMs : Math.min(dueMs, lookEveryMs);
    this.#timer = setTimeout(() => void this.collect(), waitMs);
    this.#timer.unref();
  }
}

function keyOf({ kind, digest }: Item): string {
  return `${kind} ${digest}`;
}

function split(items: readonly Item[]): {
  readonly layers: readonly Digest[];
  readonly blobs: readonly Digest[];
} {
  const of = (kind: Item["kind"]): readonly Digest[] =>
    items.filter((item) => item.kind === kind).map(({ digest }) => digest);
  return { layers: of("layer"), blobs: of("blob") };
}
