import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import {
  directoryOptionsOf,
  type LocalOptions,
  mountLocalVolume,
  parseLocalOptions,
} from "../../storage/local-volume.ts";
import type { VolumeStore } from "../../storage/volume-store.ts";
import { eventTimeNs } from "../describe-event.ts";
import type { VolumeRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import type { EngineEvent } from "../../model/engine.ts";
import type { ContainerId, VolumeName } from "../../model/ids.ts";
import type { VolumeSpec } from "../../model/volumes.ts";
import { anonymousLabel, parseNewVolumeName, randomVolumeName, refuseVolume } from "./volume-name.ts";

/** Records and directories of volumes, kept consistent. The containers' records list the users of a volume. */
export class VolumeCatalog {
  readonly store: VolumeStore;
  readonly #state: State;
  readonly #locks = new KeyedLock();

  constructor(state: State, store: VolumeStore) {
    this.#state = state;
    this.store = store;
  }

  /**
   * Brings records and directories together after the engine was away. SAFETY: a directory without a record is never
   * removed, unless its removal had begun: it becomes a volume again.
   */
  async reconcile(): Promise<void> {
    for (const [id, intent] of this.#state.intents()) {
      if (intent.kind !== "remove-volume") continue;
      this.store.discard(intent.volume);
      this.#state.endIntent(id);
    }
    for (const name of this.store.list()) {
      if (this.#state.volumes().has(name)) continue;
      const labels: Record<string, string> = /^[0-9a-f]{64}$/.test(name) ? { [anonymousLabel]: "" } : {};
      this.#state.putVolume({ name, createdAt: Date.now(), labels, options: {} });
    }
  }

  find(name: string): VolumeRecord | undefined {
    return this.#state.volumes().get(name);
  }

  /** Throws "not-found". */
  get(name: string): VolumeRecord {
    const record = this.find(name);
    if (record === undefined) {
      throw new Failure("not-found", `cannot find volume "${name.slice(0, 300)}"`, {
        details: { volume: name },
      });
    }
    return record;
  }

  /** Whether an operation holds it. */
  isHeld(name: string): boolean {
    return this.#locks.isHeld(name);
  }

  /** Volume → the containers that have it. */
  users(): ReadonlyMap<string, readonly ContainerId[]> {
    const users = new Map<string, ContainerId[]>();
    for (const { id, spec } of this.#state.containers()) {
      for (const mount of spec.storage?.mounts ?? []) {
        if (mount.kind !== "volume" || mount.name === undefined) continue;
        const known = users.get(mount.name);
        if (known === undefined) users.set(mount.name, [id]);
        else if (!known.includes(id)) known.push(id);
      }
    }
    return users;
  }

  /** Keeps these volumes from being made, filled, mounted or removed by others until it is disposed of. */
  async hold(names: readonly string[]): Promise<Disposable> {
    using held = new DisposableStack();
    // In a fixed order, so that two callers with the same volumes never wait for each other.
    for (const name of [...new Set(names)].sort()) held.use(await this.#locks.acquire(name));
    return held.move();
  }

  /** See Volumes.create(). */
  async create({ name = "", ...rest }: VolumeSpec = {}): Promise<VolumeRecord> {
    const isNamed = name !== "";
    const checked = isNamed ? parseNewVolumeName(name) : randomVolumeName();
    using _ = await this.hold([checked]);
    const labels = isNamed ? rest.labels : { ...rest.labels, [anonymousLabel]: "" };
    return await this.ensure(checked, { ...rest, labels });
  }

  /** The volume, made if it isn't there. It is held by the caller, and the name is proven to be one. */
  async ensure(name: VolumeName, spec: Omit<VolumeSpec, "name"> = {}): Promise<VolumeRecord> {
    const { driver = "local", options = {}, labels = {} } = spec;
    const known = this.find(name);
    if (driver !== "local" && driver !== "") {
      if (known !== undefined) throw nameConflict(name);
      throw new Failure(
        "not-found",
        `cannot create volume "${name}": there is no volume driver "${driver}"`,
        {
          details: { volume: name, driver },
        },
      );
    }
    checkOptions(name, options);
    if (known !== undefined) {
      if (Object.keys(options).length > 0 && !isSame(options, known.options)) throw nameConflict(name);
      // After power loss, its record may have come back without it.
      await this.store.create(name, directoryOptionsOf(known.options));
      return known;
    }
    await this.store.create(name, directoryOptionsOf(options));
    const record: VolumeRecord = { name, createdAt: Date.now(), labels, options };
    this.#state.putVolume(record, [volumeEvent(name, "create", { driver: "local" })]);
    fault("volume.recorded");
    return record;
  }

  /** See Volumes.remove(). */
  async remove(
    name: string,
    { force = false }: { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    using _ = await this.hold([name]);
    if (force && this.find(name) === undefined) return;
    const { name: known } = this.get(name);
    const users = this.users().get(known) ?? [];
    if (users.length > 0) {
      throw new Failure(
        "conflict",
        `cannot remove volume "${name}": it belongs to container ${users.join(", ")}`,
        {
          details: { volume: name, users },
        },
      );
    }
    this.#drop(known);
  }

  /** Removes existing volumes that are neither in use nor held; returns their names. */
  removeUnused(names: readonly string[]): readonly string[] {
    const users = this.users();
    return names.filter((name) => {
      const record = this.find(name);
      if (record === undefined || users.has(name)) return false;
      using held = this.#locks.find(name);
      if (held === undefined) return false;
      this.#drop(record.name);
      return true;
    });
  }

  /** The mount that its options request; undefined for a plain directory. Throws "not-found". */
  localOptions(name: string): LocalOptions | undefined {
    return parseLocalOptions(this.get(name).options);
  }

  /** Whether content of an image may come into it. A tmpfs is new at each use, as in Docker. */
  isFillable(name: VolumeName): boolean {
    const options = this.localOptions(name);
    return options === undefined ? this.store.isEmpty(name) : options.type !== "tmpfs";
  }

  /** Copies a directory of an image into a volume that is empty. It is held by the caller. */
  async fill(name: VolumeName, source: Fd): Promise<void> {
    const options = this.localOptions(name);
    using mounted = options === undefined ? undefined : await mountLocalVolume(options);
    await this.store.fill(name, { source, mounted: mounted?.fd });
  }

  recordEvent(event: EngineEvent): void {
    this.#state.events.record(event);
  }

  list(): readonly VolumeRecord[] {
    return [...this.#state.volumes().values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  #drop(name: VolumeName): void {
    const intent = this.#state.removeVolume(name, [volumeEvent(name, "destroy", { driver: "local" })]);
    fault("volume.forgotten");
    this.store.discard(name);
    fault("volume.discarded");
    this.#state.endIntent(intent);
  }
}

export function volumeEvent(
  name: string,
  action: string,
  attributes: Readonly<Record<string, string>>,
): EngineEvent {
  return { type: "volume", action, actor: { id: name, attributes }, timeNs: eventTimeNs() };
}

function checkOptions(name: string, options: Readonly<Record<string, string>>): void {
  try {
    parseLocalOptions(options);
  } catch (thrown) {
    throw kindOf(thrown) === "invalid" ? refuseVolume(name, sentenceOf(thrown)) : thrown;
  }
}

function nameConflict(name: string): Failure {
  const sentence = `cannot create volume "${name}": there is one with this name and another driver or other options`;
  return new Failure("conflict", sentence, { details: { volume: name } });
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
