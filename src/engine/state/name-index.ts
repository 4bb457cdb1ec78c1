import type { ContainerRecord } from "./records.ts";

/** Containers by id, name and beginning of an id, in the order in which they were created. */
export class NameIndex {
  readonly #byId = new Map<string, ContainerRecord>();
  readonly #byName = new Map<string, ContainerRecord>();
  /** Those with links. Most installations have none, and a start looks for its own. */
  readonly #linking = new Map<string, ContainerRecord>();
  #sorted: readonly ContainerRecord[] | undefined;

  put(record: ContainerRecord): void {
    const before = this.#byId.get(record.id);
    if (before !== undefined && before.name !== record.name) this.#byName.delete(before.name);
    this.#byId.set(record.id, record);
    this.#byName.set(record.name, record);
    if (record.endpoints?.some(({ settings }) => settings.links !== undefined) === true)
      this.#linking.set(record.id, record);
    else if (this.#linking.size > 0) this.#linking.delete(record.id);
    this.#sorted = undefined;
  }

  remove(id: string): void {
    const record = this.#byId.get(id);
    if (record === undefined) return;
    this.#byId.delete(id);
    this.#byName.delete(record.name);
    this.#linking.delete(id);
    this.#sorted = undefined;
  }

  findId(id: string): ContainerRecord | undefined {
    return this.#byId.get(id);
  }

  findName(name: string): ContainerRecord | undefined {
    return this.#byName.get(name);
  }

  withPrefix(prefix: string): readonly ContainerRecord[] {
    const found: ContainerRecord[] = [];
    for (const record of this.#byId.values()) {
      if (record.id.startsWith(prefix) && record.isBuildStep !== true && record.spec.cri === undefined)
        found.push(record);
      if (found.length > 1) break;
    }
    return found;
  }

  linking(): readonly ContainerRecord[] {
    return this.#linking.size === 0 ? [] : [...this.#linking.values()];
  }

  all(): readonly ContainerRecord[] {
    this.#sorted ??= [...this.#byId.values()].sort((one, other) => one.createdAt - other.createdAt);
    return this.#sorted;
  }
}
