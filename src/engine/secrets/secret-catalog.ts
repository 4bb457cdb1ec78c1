import { randomBytes } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { fault } from "../../base/fault.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { SecretStore } from "../../storage/secret-store.ts";
import { eventTimeNs } from "../describe-event.ts";
import type { EngineEvent } from "../../model/engine.ts";
import { checkSecretName, checkSecretValue } from "../resolve/secrets.ts";
import type { SecretSpec, SecretUse } from "../../model/secrets.ts";
import type { SecretRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { parseSecretId, type SecretId } from "../../model/ids.ts";

/** The uses with which value each is, kept from being removed until this is disposed of; by then a record has them. */
export interface PinnedSecrets extends Disposable {
  readonly secrets: readonly SecretUse[];
}

/**
 * Records and values of secrets. A value is kept while a secret or a container uses it; the containers' records list
 * the users.
 */
export class SecretCatalog {
  readonly #state: State;
  readonly #store: SecretStore;
  readonly #locks = new KeyedLock();
  readonly #pins = new Map<SecretId, number>();

  constructor(state: State, store: SecretStore) {
    this.#state = state;
    this.#store = store;
  }

  /** By name. */
  list(): readonly SecretRecord[] {
    return [...this.#state.secrets().values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** By name, id, or the beginning of an id that only one has. Throws "not-found" in podman's words. */
  get(reference: string): SecretRecord {
    const byName = this.#state.secrets().get(reference);
    if (byName !== undefined) return byName;
    const isId = /^[0-9a-f]{1,25}$/.test(reference);
    const found = isId ? this.list().filter(({ id }) => id.startsWith(reference)) : [];
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    const name = reference.slice(0, 300);
    throw found.length > 1
      ? new Failure("invalid", `more than one secret has an id that begins with "${name}"`)
      : new Failure("not-found", `no secret with name or id "${name}": no such secret`, {
          details: { secret: name },
        });
  }

  /** See Secrets.create(). */
  async create(spec: SecretSpec): Promise<SecretRecord> {
    const name = checkSecretName(spec.name);
    const { driver = "file", labels = {}, replace = false } = spec;
    if (driver !== "file" && driver !== "") {
      throw new Failure(
        "unsupported",
        `cannot create the secret: there is no secret driver "${driver.slice(0, 50)}", only "file"`,
      );
    }
    checkSecretValue(spec.value);
    using _ = await this.#locks.acquire(name);
    const former = this.#state.secrets().get(name);
    if (former !== undefined && !replace) {
      throw new Failure("conflict", `cannot create the secret: ${name}: secret name in use`, {
        details: { secret: name },
      });
    }
    const now = Date.now();
    const record: SecretRecord = {
      id: parseSecretId(randomBytes(13).toString("hex").slice(1)),
      name,
      createdAt: former?.createdAt ?? now,
      updatedAt: now,
      labels,
    };
    // The value is pinned until its record exists: before that, a cleanup would treat it as unused.
    using pin = this.#pin([record.id]);
    await this.#store.put(record.id, spec.value);
    this.#state.putSecret(record, [secretEvent(record, "create")]);
    fault("secret.recorded");
    pin[Symbol.dispose]();
    if (former !== undefined) this.#removeUnused([former.id]);
    return record;
  }

  /** See Secrets.remove(). */
  async remove(reference: string): Promise<string> {
    const { name } = this.get(reference);
    using _ = await this.#locks.acquire(name);
    const record = this.get(reference);
    this.#state.removeSecret(record.name, [secretEvent(record, "remove")]);
    fault("secret.forgotten");
    this.#removeUnused([record.id]);
    return record.id;
  }

  read({ id }: Pick<SecretRecord, "id">): Uint8Array {
    return this.#store.read(id);
  }

  /** Pins the current values for a new container. Throws "not-found". */
  pin(uses: readonly SecretUse[] = []): PinnedSecrets {
    const secrets = uses.map((use) => ({ ...use, id: this.get(use.secret).id }));
    const pin = this.#pin(secrets.map(({ id }) => id));
    return { secrets, [Symbol.dispose]: () => pin[Symbol.dispose]() };
  }

  /** Removes the values of a removed container, unless another container or secret uses them. */
  release(uses: readonly SecretUse[] = []): void {
    this.#removeUnused(uses.flatMap(({ id }) => (id === undefined ? [] : [parseSecretId(id)])));
  }

  /** Removes unused values that a crash left. */
  reconcile(): void {
    this.#removeUnused(this.#store.list());
  }

  #pin(ids: readonly SecretId[]): Disposable {
    for (const id of ids) this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        for (const id of ids) {
          const left = (this.#pins.get(id) ?? 1) - 1;
          if (left === 0) this.#pins.delete(id);
          else this.#pins.set(id, left);
        }
        // Its secret may have gone meanwhile.
        this.#removeUnused(ids);
      },
    };
  }

  #removeUnused(ids: readonly SecretId[]): void {
    if (ids.length === 0) return;
    const used = new Set<string | undefined>([...this.#state.secrets().values()].map(({ id }) => id));
    for (const { spec } of this.#state.containers())
      for (const { id } of spec.storage?.secrets ?? []) used.add(id);
    for (const id of ids) if (!used.has(id) && !this.#pins.has(id)) this.#store.remove(id);
  }
}

function secretEvent({ id, name }: SecretRecord, action: "create" | "remove"): EngineEvent {
  return { type: "secret", action, actor: { id, attributes: { name } }, timeNs: eventTimeNs() };
}
