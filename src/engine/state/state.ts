import { dirname, join } from "node:path";
import { fault } from "../../base/fault.ts";
import { type Digest, parseDigest } from "../../spec/digest.ts";
import type { EngineEvent } from "../../model/engine.ts";
import type { ContainerId, VolumeName } from "../../model/ids.ts";
import { damagedState, isDamage } from "./damage.ts";
import { type Database, openDatabase } from "./database.ts";
import { EventStore } from "./event-store.ts";
import { decode, encode } from "./json.ts";
import { NameIndex } from "./name-index.ts";
import { StateCopies } from "./state-copies.ts";
import {
  type BuildCacheEntry,
  type ContainerRecord,
  type ImageRecord,
  type Intent,
  type IntentId,
  type ManifestListRecord,
  type NetworkRecord,
  type RemoveIntent,
  type SecretRecord,
  subjectOf,
  type VolumeRecord,
} from "./records.ts";

/**
 * All that the engine remembers, in `<dataRoot>/state.db`. Reads come from memory; every change is in the database
 * before it can be read. The only writer; the data root must be locked.
 */
export class State implements Disposable {
  readonly events: EventStore;
  readonly #database: Database;
  readonly #copies: Disposable | undefined;
  readonly #containers = new NameIndex();
  readonly #images = new Map<Digest, ImageRecord>();
  readonly #references = new Map<string, Digest>();
  readonly #intents = new Map<IntentId, Intent>();
  readonly #volumes = new Map<string, VolumeRecord>();
  readonly #manifestLists = new Map<string, ManifestListRecord>();
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #secrets = new Map<string, SecretRecord>();
  readonly #buildCache = new Map<string, BuildCacheEntry>();
  #imagesListener: () => void = () => undefined;

  constructor(database: Database, { copies }: { readonly copies?: Disposable | undefined } = {}) {
    this.#database = database;
    this.#copies = copies;
    this.events = new EventStore(database);
    this.#load();
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#database.changes;
  }

  containers(): readonly ContainerRecord[] {
    return this.#containers.all();
  }

  findContainer(id: string): ContainerRecord | undefined {
    return this.#containers.findId(id);
  }

  findContainerByName(name: string): ContainerRecord | undefined {
    return this.#containers.findName(name);
  }

  /** Those with links to others, in any network. */
  linkingContainers(): readonly ContainerRecord[] {
    return this.#containers.linking();
  }

  /** Ids with this prefix: two at most, which distinguishes one from many. */
  containersWithPrefix(prefix: string): readonly ContainerRecord[] {
    return this.#containers.withPrefix(prefix);
  }

  /** Inserts or replaces; ends an intent and writes the events in the same transaction. */
  putContainer(
    record: ContainerRecord,
    along: {
      readonly ends?: IntentId | undefined;
      readonly events?: readonly EngineEvent[] | undefined;
    } = {},
  ): void {
    const events = record.isBuildStep === true ? [] : (along.events ?? []);
    const write = (): void => {
      this.#database.run(
        `INSERT INTO containers (id, name, image_id, record) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, record = excluded.record`,
        record.id,
        record.name,
        record.imageId,
        encode(record),
      );
      if (along.ends !== undefined) this.#deleteIntent(along.ends);
      this.events.append(events);
    };
    this.#database.vitally(() => this.#database.transaction(write));
    this.#database.restoreReserve();
    this.#containers.put(Object.freeze(record));
    if (along.ends !== undefined) this.#intents.delete(along.ends);
    this.events.publish(events);
  }

  /** Replaces a record in memory only: it is on the disk with the next putContainer(), and lost with this process. */
  holdContainer(record: ContainerRecord): void {
    this.#containers.put(Object.freeze(record));
  }

  /** Takes the record away and leaves the intent to clean up behind it, and of what else goes along. */
  removeContainer(
    id: ContainerId,
    shown: readonly EngineEvent[] = [],
    along: Pick<RemoveIntent, "volumes" | "image"> = {},
  ): IntentId {
    const record = this.findContainer(id);
    const events = record?.isBuildStep === true ? [] : shown;
    const { resources: { cgroupParent, cgroups } = {} } = record?.spec ?? {};
    const intent: Intent = {
      kind: "remove",
      containerId: id,
      ...along,
      cgroupParent,
      isSplit: cgroups === "split" || undefined,
    };
    const write = (): IntentId => {
      this.#database.run("DELETE FROM containers WHERE id = ?", id);
      this.events.append(events);
      return this.#insertIntent(intent);
    };
    const intentId = this.#database.vitally(() => this.#database.transaction(write));
    this.#containers.remove(id);
    this.#intents.set(intentId, intent);
    this.events.publish(events);
    return intentId;
  }

  /** By name. */
  volumes(): ReadonlyMap<string, VolumeRecord> {
    return this.#volumes;
  }

  /** Inserts or replaces; safe from power loss when it returns. */
  putVolume(record: VolumeRecord, events: readonly EngineEvent[] = []): void {
    this.#database.durably(() => {
      this.#database.run(
        "INSERT INTO volumes (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
        record.name,
        encode(record),
      );
      this.events.append(events);
    });
    this.#volumes.set(record.name, Object.freeze(record));
    this.events.publish(events);
  }

  /** Takes the record away, safe from power loss, and leaves the intent to remove what is on the disk. */
  removeVolume(name: VolumeName, events: readonly EngineEvent[] = []): IntentId {
    const intent: Intent = { kind: "remove-volume", volume: name };
    const write = (): IntentId => {
      this.#database.run("DELETE FROM volumes WHERE name = ?", name);
      this.events.append(events);
      return this.#insertIntent(intent);
    };
    const intentId = this.#database.vitally(() => this.#database.durably(write));
    this.#volumes.delete(name);
    this.#intents.set(intentId, intent);
    this.events.publish(events);
    return intentId;
  }

  /** By name. */
  secrets(): ReadonlyMap<string, SecretRecord> {
    return this.#secrets;
  }

  /** Inserts or replaces; safe from power loss when it returns. */
  putSecret(record: SecretRecord, events: readonly EngineEvent[] = []): void {
    this.#database.durably(() => {
      this.#database.run(
        "INSERT INTO secrets (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
        record.name,
        encode(record),
      );
      this.events.append(events);
    });
    this.#secrets.set(record.name, Object.freeze(record));
    this.events.publish(events);
  }

  /** Safe from power loss when it returns. */
  removeSecret(name: string, events: readonly EngineEvent[] = []): void {
    const write = (): void => {
      this.#database.run("DELETE FROM secrets WHERE name = ?", name);
      this.events.append(events);
    };
    this.#database.vitally(() => this.#database.durably(write));
    this.#secrets.delete(name);
    this.events.publish(events);
  }

  /** By key. */
  buildCache(): ReadonlyMap<string, BuildCacheEntry> {
    return this.#buildCache;
  }

  /** Inserts or replaces; a power loss may take it back. */
  putBuildCache(entry: BuildCacheEntry): void {
    this.#database.run(
      "INSERT INTO build_cache (key, record) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET record = excluded.record",
      entry.key,
      encode(entry),
    );
    this.#buildCache.set(entry.key, Object.freeze(entry));
  }

  removeBuildCache(key: string): void {
    this.#database.vitally(() => this.#database.run("DELETE FROM build_cache WHERE key = ?", key));
    this.#buildCache.delete(key);
  }

  /** By whole name. */
  manifestLists(): ReadonlyMap<string, ManifestListRecord> {
    return this.#manifestLists;
  }

  putManifestList(record: ManifestListRecord): void {
    this.#database.durably(() =>
      this.#database.run(
        "INSERT INTO manifest_lists (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
        record.name,
        encode(record),
      ),
    );
    this.#manifestLists.set(record.name, Object.freeze(record));
  }

  removeManifestList(name: string): void {
    this.#database.vitally(() => this.#database.run("DELETE FROM manifest_lists WHERE name = ?", name));
    this.#manifestLists.delete(name);
  }

  /** By id, in the order in which they were made. */
  networks(): ReadonlyMap<string, NetworkRecord> {
    return this.#networks;
  }

  /** Inserts or replaces; ends an intent in the same transaction. */
  putNetwork(
    record: NetworkRecord,
    along: {
      readonly ends?: IntentId | undefined;
      readonly events?: readonly EngineEvent[] | undefined;
    } = {},
  ): void {
    this.#database.durably(() => {
      this.#database.run(
        "INSERT INTO networks (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        record.id,
        encode(record),
      );
      if (along.ends !== undefined) this.#deleteIntent(along.ends);
      this.events.append(along.events ?? []);
    });
    this.#networks.set(record.id, Object.freeze(record));
    if (along.ends !== undefined) this.#intents.delete(along.ends);
    this.events.publish(along.events ?? []);
  }

  /** Takes the record away and leaves the intent to remove what the kernel has of it, if there is anything. */
  removeNetwork({ id, plan }: NetworkRecord, events: readonly EngineEvent[] = []): IntentId | undefined {
    const intent: Intent | undefined = plan && { kind: "remove-network", network: plan };
    const write = (): IntentId | undefined => {
      this.#database.run("DELETE FROM networks WHERE id = ?", id);
      this.events.append(events);
      return intent && this.#insertIntent(intent);
    };
    const intentId = this.#database.vitally(() => this.#database.durably(write));
    this.#networks.delete(id);
    if (intent !== undefined && intentId !== undefined) this.#intents.set(intentId, intent);
    this.events.publish(events);
    return intentId;
  }

  images(): readonly ImageRecord[] {
    return [...this.#images.values()];
  }

  findImage(id: Digest | ""): ImageRecord | undefined {
    return id === "" ? undefined : this.#images.get(id);
  }

  /** `docker.io/library/busybox:latest` → image. */
  references(): ReadonlyMap<string, Digest> {
    return this.#references;
  }

  /** Stores images and names them, all or nothing, safe from power loss when it returns. */
  putImages(
    records: readonly ImageRecord[],
    references: readonly (readonly [reference: string, id: Digest])[],
    events: readonly EngineEvent[] = [],
  ): void {
    this.#database.durably(() => {
      for (const record of records) {
        this.#database.run(
          "INSERT INTO images (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
          record.id,
          encode(record),
        );
      }
      for (const [reference, id] of references) {
        this.#database.run(
          `INSERT INTO image_references (reference, image_id) VALUES (?, ?)
           ON CONFLICT (reference) DO UPDATE SET image_id = excluded.image_id`,
          reference,
          id,
        );
      }
      this.events.append(events);
    });
    fault("image.recorded");
    for (const record of records) this.#images.set(record.id, Object.freeze(record));
    for (const [reference, id] of references) this.#references.set(reference, id);
    this.events.publish(events);
    if (records.length > 0) this.#imagesListener();
  }

  /** Called when images have come. There is one listener. */
  onImages(listener: () => void): void {
    this.#imagesListener = listener;
  }

  /** Forgets names and images; all or nothing. */
  removeImages(
    what: { readonly references: readonly string[]; readonly images: readonly Digest[] },
    events: readonly EngineEvent[] = [],
  ): void {
    const write = (): void => {
      for (const reference of what.references) {
        this.#database.run("DELETE FROM image_references WHERE reference = ?", reference);
      }
      for (const image of what.images) this.#database.run("DELETE FROM images WHERE id = ?", image);
      this.events.append(events);
    };
    this.#database.vitally(() => this.#database.durably(write));
    fault("image.forgotten");
    for (const reference of what.references) this.#references.delete(reference);
    for (const image of what.images) this.#images.delete(image);
    this.events.publish(events);
  }

  intents(): readonly (readonly [IntentId, Intent])[] {
    return [...this.#intents];
  }

  beginIntent(intent: Intent): IntentId {
    const id = this.#insertIntent(intent);
    this.#intents.set(id, intent);
    return id;
  }

  endIntent(id: IntentId): void {
    this.#database.vitally(() => this.#deleteIntent(id));
    this.#intents.delete(id);
    this.#database.restoreReserve();
  }

  /** Small values that belong to the store as a whole. */
  findFact(name: string): string | undefined {
    const [row] = this.#database.all("SELECT value FROM facts WHERE name = ?", name);
    return row === undefined ? undefined : String(row["value"]);
  }

  putFact(name: string, value: string): void {
    this.#database.run(
      "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      name,
      value,
    );
  }

  /** Reads the whole database. Throws "corrupt" when it is damaged. */
  requireSound(): void {
    this.#database.requireSound();
  }

  removeFact(name: string): void {
    this.#database.run("DELETE FROM facts WHERE name = ?", name);
  }

  [Symbol.dispose](): void {
    this.#copies?.[Symbol.dispose]();
    this.events[Symbol.dispose]();
    this.#database[Symbol.dispose]();
  }

  #insertIntent(intent: Intent): IntentId {
    return this.#database.insert(
      "INSERT INTO intents (kind, subject, intent) VALUES (?, ?, ?)",
      intent.kind,
      subjectOf(intent),
      encode(intent),
    );
  }

  #deleteIntent(id: IntentId): void {
    this.#database.run("DELETE FROM intents WHERE id = ?", id);
  }

  #load(): void {
    for (const row of this.#database.all("SELECT record FROM images ORDER BY rowid")) {
      const record = decode<ImageRecord>(row["record"]);
      this.#images.set(record.id, Object.freeze(record));
    }
    for (const row of this.#database.all("SELECT reference, image_id FROM image_references")) {
      this.#references.set(String(row["reference"]), parseDigest(String(row["image_id"])));
    }
    for (const row of this.#database.all("SELECT record FROM volumes ORDER BY name")) {
      const record = decode<VolumeRecord>(row["record"]);
      this.#volumes.set(record.name, Object.freeze(record));
    }
    for (const row of this.#database.all("SELECT record FROM manifest_lists ORDER BY name")) {
      const record = decode<ManifestListRecord>(row["record"]);
      this.#manifestLists.set(record.name, Object.freeze(record));
    }
    for (const row of this.#database.all("SELECT record FROM build_cache")) {
      const entry = decode<BuildCacheEntry>(row["record"]);
      this.#buildCache.set(entry.key, Object.freeze(entry));
    }
    for (const row of this.#database.all("SELECT record FROM secrets ORDER BY name")) {
      const record = decode<SecretRecord>(row["record"]);
      this.#secrets.set(record.name, Object.freeze(record));
    }
    for (const row of this.#database.all("SELECT record FROM networks ORDER BY rowid")) {
      const record = decode<NetworkRecord>(row["record"]);
      this.#networks.set(record.id, Object.freeze(record));
    }
    for (const row of this.#database.all("SELECT record FROM containers ORDER BY rowid")) {
      const record = decode<ContainerRecord>(row["record"]);
      // Containers of one image share its configuration in memory.
      const imageConfig = this.findImage(record.imageId)?.config ?? record.imageConfig;
      this.#containers.put(Object.freeze({ ...record, imageConfig }));
    }
    for (const row of this.#database.all("SELECT id, intent FROM intents ORDER BY id")) {
      this.#intents.set(Number(row["id"]), decode<Intent>(row["intent"]));
    }
  }
}

/** Opens `<dataRoot>/state.db`, see openDatabase(), and keeps copies of it. The caller disposes of it. */
export function openState(
  dataRoot: string,
  options: { readonly mayBeNew?: boolean | undefined } = {},
): State {
  const database = openDatabase(join(dataRoot, "state.db"), options);
  try {
    return new State(database, { copies: new StateCopies(database, dataRoot) });
  } catch (thrown) {
    database[Symbol.dispose]();
    throw isDamage(thrown) ? damagedState(dataRoot, thrown) : thrown;
  }
}

/** Opens the records in a new file, or in one that becomes `state.db` later: of these no copies are kept. */
export function openDraftState(path: string): State {
  const database = openDatabase(path, { mayBeNew: true });
  try {
    return new State(database);
  } catch (thrown) {
    database[Symbol.dispose]();
    throw isDamage(thrown) ? damagedState(dirname(path), thrown) : thrown;
  }
}
