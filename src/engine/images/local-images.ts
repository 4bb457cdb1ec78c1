import { Downloads } from "../../image/downloads.ts";
import { importRootfs } from "../../image/import.ts";
import { loadArchive } from "../../image/load.ts";
import type { Progress } from "../../base/progress.ts";
import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Digest } from "../../spec/digest.ts";
import { createdMs } from "../../spec/image/config.ts";
import { parseDecryptionKey } from "../../spec/image/encryption-keys.ts";
import { hostPlatform, parsePlatform } from "../../spec/platform.ts";
import { describePull } from "./describe-pull.ts";
import {
  formatFamiliar,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
  withTag,
} from "../../spec/reference.ts";
import type { PinnedImage } from "../context.ts";
import type { EngineDependencies } from "../dependencies.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import type {
  FoundImage,
  ImageDetails,
  ImageManifest,
  Images,
  ImageSummary,
  ImageTree,
  RegistryImage,
} from "../../model/images.ts";
import { EmbeddedProgram, findEmbedded } from "./embedded-image.ts";
import { familiar, findImage, getImage, referencesOf } from "./find-image.ts";
import type { BlobKeeping } from "./blob-keeping.ts";
import type { Garbage } from "./garbage.ts";
import { growImageTree } from "./image-tree.ts";
import { filterImages, isShownReference } from "./image-filters.ts";
import { chooseParents, hasChildren } from "./image-parents.ts";
import { imagesOf } from "./images-in-use.ts";
import { imageEvent } from "../describe-event.ts";
import { describeImageManifest } from "./image-manifest.ts";
import { StoringSink } from "./load-sink.ts";
import { chooseRemovals } from "./choose-removals.ts";
import { pruneImages } from "./prune.ts";
import { searchImages } from "./search.ts";
import { parseNewName } from "./parse-new-name.ts";
import { requirePlatform } from "./require-platform.ts";
import { pushNamed } from "./push.ts";
import { saveNamed } from "./save.ts";
import { StoredLayers } from "./stored-layers.ts";
import type { PrunedImages, PruneFilters } from "../../model/prune.ts";

/** The images of one data root. */
export class LocalImages implements Images {
  readonly #state: State;
  readonly #dependencies: EngineDependencies;
  readonly #garbage: Garbage;
  readonly #blobs: BlobKeeping;
  readonly #embedding = new KeyedLock();
  #embedded: EmbeddedProgram | undefined;
  /** Containers that are being made, by image. */
  readonly #pins = new Map<string, number>();
  readonly #downloads = new Downloads();
  readonly #layers: StoredLayers;

  constructor(
    state: State,
    {
      dependencies,
      garbage,
      blobs,
    }: { readonly dependencies: EngineDependencies; readonly garbage: Garbage; readonly blobs: BlobKeeping },
  ) {
    this.#blobs = blobs;
    this.#state = state;
    this.#dependencies = dependencies;
    this.#garbage = garbage;
    this.#layers = new StoredLayers(dependencies);
  }

  async *load(
    archive: AsyncIterable<Uint8Array>,
    options: Parameters<Images["load"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
    await this.#garbage.relieve();
    using _ = await this.#garbage.use();
    let isDone = false;
    try {
      const progress = loadArchive(archive, {
        store: this.#dependencies.content,
        sink: this.#sink("load"),
        platform,
        decryptionKeys: (options.decryptionKeys ?? []).map(parseDecryptionKey),
        signal: options.signal,
      });
      yield* progress;
      isDone = true;
    } finally {
      if (!isDone) void this.#garbage.collect(); // layers that came before it failed
    }
  }

  async *pull(
    reference: string,
    options: Parameters<Images["pull"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    const { platform, credentials, insecure = false, signal, allTags = false, decryptionKeys = [] } = options;
    const wanted = parseReference(reference);
    if (allTags) return yield* this.#pullAll(wanted, options);
    const others = await (await this.#dependencies.openRegistries()).candidatesOf(reference);
    if (others.length > 0) return yield* this.#pullShort(wanted, others, options);
    await this.#garbage.relieve();
    using _ = await this.#garbage.use();
    let isDone = false;
    try {
      const { pullImage } = await import("../../image/pull.ts");
      yield* pullImage(wanted, {
        registries: await this.#dependencies.openRegistries(),
        store: this.#dependencies.content,
        sink: this.#sink("pull"),
        downloads: this.#downloads,
        insecure,
        wantsBlobs: this.#blobs.policy === "keep",
        decryptionKeys: decryptionKeys.length === 0 ? undefined : decryptionKeys.map(parseDecryptionKey),
        platform: platform === undefined ? undefined : parsePlatform(platform),
        credentials: credentials && (() => Promise.resolve(credentials)),
        signal,
      });
      isDone = true;
    } catch (thrown) {
      throw describePull(thrown, wanted);
    } finally {
      // The next pull wants the layers that came before it failed.
      if (!isDone) await this.#garbage.keepForNow();
    }
  }

  /** Pulls from the first registry that has it; the request's own name is used, too. */
  async *#pullShort(
    wanted: Reference,
    paths: readonly Reference[],
    options: NonNullable<Parameters<Images["pull"]>[1]>,
  ): AsyncGenerator<Progress, void> {
    const { credentials, ...others } = options;
    const reasons: string[] = [];
    for (const candidate of paths) {
      const name = formatReference(withDefaultTag(candidate));
      const isOther = name !== formatReference(withDefaultTag(wanted));
      if (isOther) yield { kind: "status", text: `Resolving ${formatFamiliar(wanted)} as ${name}` };
      try {
        // SAFETY: what the user may do at the registry that the name means is no business of another one.
        const known = credentials !== undefined && candidate.domain === wanted.domain ? { credentials } : {};
        yield* this.pull(name, { ...others, ...known });
        if (isOther && wanted.digest === undefined)
          await this.tag(name, formatReference(withDefaultTag(wanted)));
        return;
      } catch (thrown) {
        // An attacker who makes one registry fail must not choose the next one.
        if (!["not-found", "not-permitted"].includes(kindOf(thrown))) throw thrown;
        reasons.push(sentenceOf(thrown));
      }
    }
    throw new Failure("not-found", reasons.join("; "));
  }

  /** One after the other, as Docker does. */
  async *#pullAll(
    wanted: Reference,
    options: NonNullable<Parameters<Images["pull"]>[1]>,
  ): AsyncGenerator<Progress, void> {
    if (wanted.tag !== undefined || wanted.digest !== undefined) {
      throw new Failure("invalid", `cannot pull all tags of ${formatFamiliar(wanted)}: it names one`);
    }
    const { credentials, insecure = false, signal } = options;
    const { listRepositoryTags } = await import("../../image/list-tags.ts");
    const tags = await listRepositoryTags(wanted, {
      registries: await this.#dependencies.openRegistries(),
      insecure,
      credentials: credentials && (() => Promise.resolve(credentials)),
      signal,
    }).catch((thrown: unknown) => {
      throw describePull(thrown, wanted);
    });
    for (const tag of tags) {
      yield* this.pull(formatFamiliar(withTag(wanted, tag)), { ...options, allTags: false });
    }
  }

  async *push(
    reference: string,
    options: Parameters<Images["push"]>[1] = {},
  ): AsyncGenerator<Progress, void> {
    using _ = await this.#garbage.use();
    yield* pushNamed(reference, options, { state: this.#state, dependencies: this.#dependencies });
  }

  async *save(
    references: readonly string[],
    options: Parameters<Images["save"]>[1] = {},
  ): AsyncGenerator<Uint8Array, void> {
    using _ = await this.#garbage.use();
    yield* saveNamed(references, options, { state: this.#state, dependencies: this.#dependencies });
  }

  async lookUp(reference: string, options: Parameters<Images["lookUp"]>[1] = {}): Promise<RegistryImage> {
    const { credentials, signal } = options;
    const wanted = parseReference(reference);
    const { lookUpImage } = await import("../../image/look-up.ts");
    return await lookUpImage(wanted, {
      registries: await this.#dependencies.openRegistries(),
      credentials: credentials && (() => Promise.resolve(credentials)),
      signal,
    }).catch((thrown: unknown) => {
      throw describePull(thrown, wanted);
    });
  }

  async search(term: string, options: Parameters<Images["search"]>[1] = {}): Promise<readonly FoundImage[]> {
    return await searchImages(term, options, this.#dependencies);
  }

  async checkCredentials(
    ...[registry, credentials, options]: Parameters<Images["checkCredentials"]>
  ): Promise<void> {
    await (await this.#dependencies.openRegistries()).logIn(registry, credentials, options);
  }

  async import(
    archive: AsyncIterable<Uint8Array> | URL,
    options: Parameters<Images["import"]>[1] = {},
  ): Promise<string> {
    const source =
      archive instanceof URL ? (await this.#dependencies.openRegistries()).fetch(archive) : archive;
    return await this.#import(source, { ...options, action: "import" });
  }

  async list(
    options: {
      readonly all?: boolean | undefined;
      readonly manifests?: boolean | undefined;
      readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
    } = {},
  ): Promise<readonly ImageSummary[]> {
    const { filters = {}, all = false, manifests = false } = options;
    const records = filterImages(this.#state, filters, { all });
    const found = records
      .map((record) => this.#summarize(record, filters))
      .sort((one, other) => other.createdAt - one.createdAt);
    if (!manifests) return found;
    const known = new Map<string, readonly ImageManifest[]>();
    for (const record of records) known.set(record.id, await this.#manifestsOf(record));
    return found.map((image) => Object.freeze({ ...image, manifests: known.get(image.id) ?? [] }));
  }

  async #manifestsOf(record: ImageRecord): Promise<readonly ImageManifest[]> {
    const { content } = this.#dependencies;
    const manifest = await describeImageManifest(record, { state: this.#state, content });
    return manifest === undefined ? [] : [manifest];
  }

  async inspect(
    reference: string,
    {
      platform,
      manifests = false,
    }: { readonly platform?: string | undefined; readonly manifests?: boolean | undefined } = {},
  ): Promise<ImageDetails> {
    const { record } = getImage(this.#state, reference);
    requirePlatform(record, { reference, platform });
    const { storage } = this.#dependencies;
    return Object.freeze({
      ...this.#summarize(record),
      config: record.config,
      layers: record.config.diffIds,
      layerBytes: record.layerBytes,
      storage: { driver: storage.name, data: await storage.describe({ layers: record.config.diffIds }) },
      ...(manifests ? { manifests: await this.#manifestsOf(record) } : {}),
    });
  }

  async tree(references: readonly string[] = []): Promise<ImageTree> {
    const asked = references.map((reference) => getImage(this.#state, reference).record.id);
    const records = this.#state.images().filter(({ id }) => asked.length === 0 || asked.includes(id));
    return growImageTree(
      records.map((record) => ({ record, references: referencesOf(this.#state, record.id).map(familiar) })),
    );
  }

  async tag(reference: string, target: string): Promise<void> {
    const { record } = getImage(this.#state, reference);
    const whole = formatReference(parseNewName(target));
    this.#state.putImages(
      [{ ...record, taggedAt: Date.now() }],
      [[whole, record.id]],
      [imageEvent(record.id, "tag", { ...record.config.defaults.labels, name: familiar(whole) })],
    );
  }

  async remove(
    reference: string,
    options: Parameters<Images["remove"]>[1] = {},
  ): Promise<readonly ({ readonly untagged: string } | { readonly deleted: string })[]> {
    using _ = await this.#garbage.use();
    const before = await this.#garbage.list();
    // SAFETY: from here to the removal nothing waits, so no container can be made of it meanwhile.
    const { record, reference: named } = getImage(this.#state, reference);
    const { id } = record;
    for (const platform of options.platforms ?? []) requirePlatform(record, { reference, platform });
    const plan = chooseRemovals({
      record,
      reference: named,
      references: referencesOf(this.#state, id),
      users: this.#state.containers().filter((container) => imagesOf(container).includes(id)),
      isParent: hasChildren(this.#state, id),
      force: options.force ?? false,
    });
    if (plan.deleteImage && this.#isPinned(id)) {
      throw new Failure("conflict", "cannot remove the image: a container is just being made of it");
    }
    const isPinned = (image: Digest): boolean => this.#isPinned(image);
    const parents = options.keepParents === true ? [] : chooseParents(this.#state, record, { isPinned });
    const images = plan.deleteImage ? [id, ...parents] : [];
    this.#state.removeImages({ references: plan.untag, images }, [
      ...plan.untag.map((each) =>
        imageEvent(id, "untag", { ...record.config.defaults.labels, name: familiar(each) }),
      ),
      ...images.map((image) => imageEvent(image, "delete", { name: image })),
    ]);
    const digests = plan.deleteImage ? record.digests.filter((digest) => !plan.untag.includes(digest)) : [];
    const untagged = [...plan.untag.map(familiar), ...digests].map((each) => ({ untagged: each }));
    if (!plan.deleteImage) return untagged;
    this.#garbage.announce();
    const { layers } = await this.#garbage.list().finally(() => void this.#garbage.collect());
    const gone = layers.filter((layer) => !before.layers.includes(layer));
    const deleted = [...images, ...gone.toReversed()].map((each) => ({ deleted: each }));
    return [...untagged, ...deleted];
  }

  async prune(
    options: { readonly all?: boolean | undefined; readonly filters?: PruneFilters | undefined } = {},
  ): Promise<PrunedImages> {
    using _ = await this.#garbage.use();
    const pruned = pruneImages(this.#state, {
      all: options.all ?? false,
      filters: options.filters ?? {},
      isPinned: (id) => this.#isPinned(id),
    });
    void this.#garbage.collect({ all: true });
    return pruned;
  }

  /** For a container that is about to be made of it; brings the embedded image in when that is meant. */
  async pin(reference: string): Promise<PinnedImage> {
    using held = new DisposableStack();
    held.use(await this.#garbage.use());
    await this.#ensureEmbedded(reference);
    const { record } = getImage(this.#state, reference);
    if (record.artifact !== undefined) {
      throw new Failure(
        "invalid",
        `cannot make a container of ${reference}: it is no image but an artifact of type "${record.artifact.type}"`,
      );
    }
    await this.#layers.ensure(record);
    this.#pins.set(record.id, (this.#pins.get(record.id) ?? 0) + 1);
    held.defer(() => {
      const left = (this.#pins.get(record.id) ?? 1) - 1;
      if (left === 0) this.#pins.delete(record.id);
      else this.#pins.set(record.id, left);
    });
    const moved = held.move();
    return { record, [Symbol.dispose]: () => moved.dispose() };
  }

  #isPinned(id: Digest): boolean {
    return (this.#pins.get(id) ?? 0) > 0;
  }

  async #ensureEmbedded(reference: string): Promise<void> {
    const { helloProgram } = this.#dependencies;
    const embedded = helloProgram === undefined ? undefined : findEmbedded(reference);
    if (helloProgram === undefined || embedded === undefined) return;
    using _ = await this.#embedding.acquire(embedded.reference);
    this.#embedded ??= await EmbeddedProgram.read(helloProgram);
    const found = findImage(this.#state, embedded.reference)?.record;
    const age = found === undefined ? undefined : this.#embedded.ageOf(found.config.defaults.labels);
    if (age === "same" || (age === "foreign" && !embedded.isInternal)) return;
    await this.#import(this.#embedded.rootfs(), {
      reference: embedded.reference,
      changes: this.#embedded.changesOf(embedded),
      message: embedded.message,
      action: "import",
    });
    // The old one goes when no container needs it.
    if (found !== undefined && age === "older") await this.remove(found.id).catch(() => undefined);
  }

  async #import(
    archive: AsyncIterable<Uint8Array>,
    options: {
      readonly reference?: string | undefined;
      readonly changes?: readonly string[] | undefined;
      readonly message?: string | undefined;
      readonly platform?: string | undefined;
      readonly action: string;
    },
  ): Promise<string> {
    const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
    if (platform.os !== "linux") throw new Failure("invalid", "operating system is not supported");
    using _ = await this.#garbage.use();
    const sink = this.#sink(options.action);
    let isDone = false;
    try {
      const progress = importRootfs(archive, {
        store: this.#dependencies.content,
        sink,
        changes: options.changes,
        message: options.message,
        platform,
        reference: options.reference === undefined ? undefined : parseNewName(options.reference),
      });
      for await (const each of progress) void each;
      isDone = true;
    } finally {
      if (!isDone) void this.#garbage.collect();
    }
    const [id] = sink.stored;
    if (id === undefined) throw new Failure("internal", "cannot import the image: nothing was stored");
    return id;
  }

  #sink(action: string): StoringSink {
    return new StoringSink(this.#state, { storage: this.#dependencies.storage, action });
  }

  #summarize(record: ImageRecord, filters: Readonly<Record<string, readonly string[]>> = {}): ImageSummary {
    return Object.freeze({
      id: record.id,
      references: referencesOf(this.#state, record.id)
        .filter((reference) => isShownReference(reference, filters))
        .map(familiar),
      digests: record.digests.filter((digest) => isShownReference(digest, filters)),
      createdAt: createdMs(record.config),
      parent: record.parent === undefined ? undefined : this.#state.findImage(record.parent)?.id,
      taggedAt: record.taggedAt,
      sizeBytes: record.artifact?.bytes ?? record.layerBytes.reduce((sum, bytes) => sum + bytes, 0),
      artifactType: record.artifact?.type,
      containers: this.#state.containers().filter((container) => imagesOf(container).includes(record.id))
        .length,
      labels: record.config.defaults.labels,
    });
  }
}
