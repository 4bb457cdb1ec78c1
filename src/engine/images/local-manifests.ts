import { mergeDefined, type Undefinable } from "../../base/defined.ts";
import { Failure } from "../../base/failure.ts";
import type { Progress } from "../../base/progress.ts";
import { parseDigest } from "../../spec/digest.ts";
import { normalizePlatform } from "../../spec/platform.ts";
import { formatFamiliar, formatReference, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type {
  ManifestAccess,
  ManifestList,
  ManifestListEntry,
  ManifestPlatform,
  Manifests,
  RegistryManifest,
} from "../../model/manifests.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { ManifestListRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import { describePull } from "./describe-pull.ts";
import { familiar } from "./find-image.ts";

/** Manifest lists in the making, of one data root. */
export class LocalManifests implements Manifests {
  readonly #state: State;
  readonly #dependencies: EngineDependencies;

  constructor(state: State, dependencies: EngineDependencies) {
    this.#state = state;
    this.#dependencies = dependencies;
  }

  async create(
    name: string,
    references: readonly string[],
    options: Parameters<Manifests["create"]>[2] = {},
  ): Promise<ManifestList> {
    const whole = wholeName(name);
    const refuseTaken = (): void => {
      if (options.amend !== true && this.#state.manifestLists().has(whole)) {
        throw new Failure(
          "conflict",
          `cannot create manifest list ${familiar(whole)}: there is one already: use --amend to add to it`,
        );
      }
    };
    refuseTaken();
    const added = await Promise.all(references.map((reference) => this.#find(reference, options)));
    refuseTaken(); // another one may have been faster
    const before = this.#state.manifestLists().get(whole);
    const fresh = new Set(added.map(({ digest }) => digest));
    const record: ManifestListRecord = {
      name: whole,
      createdAt: before?.createdAt ?? Date.now(),
      entries: [...(before?.entries ?? []).filter(({ digest }) => !fresh.has(digest)), ...added],
    };
    this.#state.putManifestList(record);
    return shown(record);
  }

  async annotate(
    name: string,
    reference: string,
    platform: Undefinable<ManifestPlatform>,
  ): Promise<ManifestList> {
    const record = this.#get(name);
    const index = findEntry(record, reference);
    const entries = record.entries.map((entry, at) =>
      at === index ? { ...entry, platform: annotated(entry.platform, platform) } : entry,
    );
    const changed = { ...record, entries };
    this.#state.putManifestList(changed);
    return shown(changed);
  }

  async inspect(name: string): Promise<ManifestList> {
    return shown(this.#get(name));
  }

  async list(): Promise<readonly ManifestList[]> {
    return [...this.#state.manifestLists().values()].map(shown);
  }

  async *push(
    name: string,
    options: Parameters<Manifests["push"]>[1] = {},
  ): AsyncGenerator<Progress, void, undefined> {
    const record = this.#get(name);
    const entries = record.entries.map((entry) => ({
      ...entry,
      digest: parseDigest(entry.digest),
      at: parseReference(entry.reference),
    }));
    if (entries.length === 0) {
      throw new Failure("invalid", `cannot push ${familiar(record.name)}: there is no manifest in it`);
    }
    const { credentials = {}, insecure, signal, purge = false } = options;
    const { pushIndex } = await import("../../image/push-index.ts");
    yield* pushIndex(parseReference(record.name), entries, {
      registries: await this.#dependencies.openRegistries(),
      credentialsOf: (registry) => credentials[registry],
      insecure,
      signal,
    });
    if (purge) this.#state.removeManifestList(record.name);
  }

  async remove(name: string): Promise<void> {
    this.#state.removeManifestList(this.#get(name).name);
  }

  async fetch(reference: string, options: ManifestAccess = {}): Promise<RegistryManifest> {
    const wanted = parseReference(reference);
    const { credentials = {}, insecure, signal } = options;
    const known = credentials[wanted.domain];
    const { fetchDocument } = await import("../../image/fetch-manifest.ts");
    const { content: _, ...document } = await fetchDocument(wanted, {
      registries: await this.#dependencies.openRegistries(),
      insecure,
      signal,
      credentials: known && (() => Promise.resolve(known)),
    }).catch((thrown: unknown) => {
      throw describePull(thrown, wanted);
    });
    return { reference: formatFamiliar(withDefaultTag(wanted)), ...document };
  }

  async #find(reference: string, access: ManifestAccess): Promise<ManifestListEntry> {
    const found = await this.fetch(reference, access);
    if (found.platform === undefined) {
      throw new Failure(
        "invalid",
        `cannot use ${found.reference} in a manifest list: it is no image of one platform but of type "${found.mediaType}"`,
      );
    }
    return {
      reference: formatReference(withDefaultTag(parseReference(reference))),
      mediaType: found.mediaType,
      digest: found.digest,
      size: found.bytes.length,
      platform: found.platform,
    };
  }

  #get(name: string): ManifestListRecord {
    const record = this.#state.manifestLists().get(wholeName(name));
    if (record !== undefined) return record;
    throw new Failure("not-found", `No such manifest: ${familiar(wholeName(name))}`, {
      details: { manifestList: name },
    });
  }
}

function wholeName(name: string): string {
  const reference = parseReference(name);
  if (reference.digest !== undefined) {
    throw new Failure("invalid", `cannot name a manifest list "${name}": it must be a name and a tag`);
  }
  return formatReference(withDefaultTag(reference));
}

function findEntry({ name, entries }: ManifestListRecord, reference: string): number {
  const whole = formatReference(withDefaultTag(parseReference(reference)));
  const { digest } = parseReference(reference);
  const index = entries.findIndex((entry) => entry.reference === whole || entry.digest === digest);
  if (index >= 0) return index;
  throw new Failure(
    "not-found",
    `manifest for image ${familiar(whole)} does not exist in ${familiar(name)}`,
    {
      details: { manifestList: name },
    },
  );
}

function annotated(before: ManifestPlatform, given: Undefinable<ManifestPlatform>): ManifestPlatform {
  const { os, architecture, variant, ...others } = mergeDefined(before, given);
  if (os === "" || architecture === "") {
    throw new Failure("invalid", "cannot annotate a manifest: os and architecture must not be empty");
  }
  return { ...normalizePlatform(os, architecture, variant), ...others };
}

function shown({ name, createdAt, entries }: ManifestListRecord): ManifestList {
  return Object.freeze({
    name: familiar(name),
    createdAt,
    entries: entries.map((entry) => ({ ...entry, reference: familiar(entry.reference) })),
  });
}
