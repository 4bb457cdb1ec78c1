import type { LayerTar, LoadedImage, LoadSink, StoredDocuments } from "../../image/loaded-image.ts";
import type { Digest } from "../../spec/digest.ts";
import {
  formatFamiliar,
  formatReference,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "../../spec/reference.ts";
import type { StorageDriver } from "../../storage/driver.ts";
import { imageEvent } from "../describe-event.ts";
import type { ImageRecord } from "../state/records.ts";
import type { State } from "../state/state.ts";
import type { EngineEvent } from "../../model/engine.ts";
import { familiar } from "./find-image.ts";

/** Joins what comes out of archives with storage and records. One for each load. */
export class StoringSink implements LoadSink {
  /** The ids of the images that were recorded. */
  readonly stored: Digest[] = [];
  readonly #state: State;
  readonly #storage: StorageDriver;
  readonly #action: string;
  readonly #layerBytes = new Map<Digest, number>();

  constructor(
    state: State,
    { storage, action }: { readonly storage: StorageDriver; readonly action: string },
  ) {
    this.#state = state;
    this.#storage = storage;
    this.#action = action;
  }

  hasLayer(diffId: Digest): boolean {
    return this.#storage.hasLayer(diffId);
  }

  hasImage(id: Digest, reference: Reference): boolean {
    return this.#state.references().get(formatReference(withDefaultTag(reference))) === id;
  }

  findDecrypted(id: Digest, sealed: Digest): StoredDocuments | undefined {
    const isKnown = this.#state.findImage(id)?.sealedManifests?.includes(sealed) === true;
    return isKnown ? this.findStored(id) : undefined;
  }

  findStored(id: Digest): StoredDocuments | undefined {
    const known = this.#state.findImage(id);
    if (known === undefined || known.artifact !== undefined) return undefined;
    const [, manifest, ...others] = known.blobs;
    const index = others[known.config.diffIds.length];
    return manifest === undefined ? undefined : { manifest, index };
  }

  async ensureLayer(diffId: Digest, tar: LayerTar): Promise<void> {
    await using draft = await this.#storage.beginLayer();
    const { bytes } =
      draft.root === undefined
        ? await draft.apply(tar.open(), { names: "docker" })
        : await tar.unpack(draft.root, { names: "docker", whiteouts: draft.marks ?? "overlay" });
    await draft.commit(diffId);
    this.#layerBytes.set(diffId, bytes);
  }

  async addImage(image: LoadedImage): Promise<void> {
    const layerBytes: number[] = [];
    for (const diffId of image.config.diffIds) layerBytes.push(await this.#bytesOf(diffId));
    const known = this.#state.findImage(image.id);
    const sealed = new Set([
      ...(known?.sealedDigests ?? []),
      ...(image.decryptedFrom === undefined ? [] : (image.digests ?? [])),
    ]);
    const sealedManifests = new Set([
      ...(known?.sealedManifests ?? []),
      ...(image.decryptedFrom === undefined ? [] : [image.decryptedFrom]),
    ]);
    const digests = image.digests ?? [];
    const other = new Set(known?.otherDigests ?? []);
    for (const each of digests) {
      if (image.hasOtherManifest === true) other.add(each);
      else other.delete(each);
    }
    const record: ImageRecord = {
      id: image.id,
      config: image.config,
      storedAt: Date.now(),
      taggedAt: image.references.length === 0 ? known?.taggedAt : Date.now(),
      parent: image.parent ?? known?.parent,
      layerBytes,
      artifact:
        image.artifactType === undefined
          ? undefined
          : { type: image.artifactType, bytes: bytesOf(image.manifest.content) },
      blobs: [
        image.manifest.content.config.digest,
        image.manifest.digest,
        ...image.manifest.content.layers.map((layer) => layer.digest),
        ...(image.index === undefined ? [] : [image.index]),
      ],
      digests: [...new Set([...(known?.digests ?? []), ...digests])],
      otherDigests: other.size === 0 ? undefined : [...other],
      sealedDigests: sealed.size === 0 ? undefined : [...sealed],
      sealedManifests: sealedManifests.size === 0 ? undefined : [...sealedManifests],
    };
    const references = image.references.map((each) => formatReference(withDefaultTag(each)));
    this.#state.putImages(
      [record],
      references.map((reference) => [reference, image.id] as const),
      this.#eventsOf(image, references),
    );
    this.stored.push(image.id);
  }

  /**
   * SPEC: dockerd names what was pulled by the reference and has its repository as the name; others have their id as
   * both. It emits no event for the tags of what was pulled or loaded, and that of an import before it.
   */
  #eventsOf(image: LoadedImage, references: readonly string[]): readonly EngineEvent[] {
    if (this.#action === "pull") {
      const asked = references[0] === undefined ? image.digests?.[0] : familiar(references[0]);
      const id = asked ?? image.id;
      const name = asked === undefined ? image.id : formatFamiliar(repositoryOf(parseReference(asked)));
      return [imageEvent(id, "pull", { ...image.config.defaults.labels, name })];
    }
    const { labels } = image.config.defaults;
    const made = (): EngineEvent => imageEvent(image.id, this.#action, { ...labels, name: image.id });
    const tags = (): readonly EngineEvent[] =>
      references.map((reference) => imageEvent(image.id, "tag", { ...labels, name: familiar(reference) }));
    switch (this.#action) {
      case "load":
        return [made()];
      case "import":
        return [...tags(), made()];
      default:
        return [made(), ...tags()];
    }
  }

  /** For an existing layer, the record of another image contains the size. */
  async #bytesOf(diffId: Digest): Promise<number> {
    const measured = this.#layerBytes.get(diffId);
    if (measured !== undefined) return measured;
    for (const { config, layerBytes } of this.#state.images()) {
      const known = layerBytes[config.diffIds.indexOf(diffId)];
      if (known !== undefined) return known;
    }
    return (await this.#storage.usage({ layer: diffId })).contentBytes;
  }
}

function bytesOf({ config, layers }: LoadedImage["manifest"]["content"]): number {
  return layers.reduce((total, { size }) => total + size, config.size);
}
