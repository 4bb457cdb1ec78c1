import type { Progress } from "../base/progress.ts";
import type { DecryptionKey } from "../spec/image/encryption-keys.ts";
import type { LayerCompression } from "../spec/image/layer-compression.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { ImageConfig } from "../spec/image/config.ts";
import type { Platform } from "../spec/platform.ts";
import type { PruneFilters, PrunedImages } from "./prune.ts";
import type { WallMs } from "./time.ts";

/** The manifest of an image for one platform, and what the store has of it. */
export interface ImageManifest {
  readonly digest: string;
  readonly mediaType: string;
  /** Of the manifest itself. */
  readonly sizeBytes: number;
  /** Undefined for what is no image but packed like one. */
  readonly platform?: Platform | undefined;
  /** Whether all that it names is here, or can be made from what is here. */
  readonly isAvailable: boolean;
  /** Bytes of it and of what it names, as they were received: compressed layers are counted so. */
  readonly contentBytes: number;
  /** The ids of the containers that use the image. */
  readonly containers: readonly string[];
}

/** An image as a list shows it. Sizes are in bytes. */
export interface ImageSummary {
  /** `sha256:…` of the config. */
  readonly id: string;
  readonly references: readonly string[];
  readonly digests: readonly string[];
  readonly createdAt: WallMs;
  /** The id of the image that it was committed from, while that exists. */
  readonly parent?: string | undefined;
  /** When it last received a name. */
  readonly taggedAt?: WallMs | undefined;
  /** Bytes of all its layers, unpacked. */
  readonly sizeBytes: number;
  readonly containers: number;
  readonly labels: Readonly<Record<string, string>>;
  /** It is no image but something else that is packed like one; nothing runs from it. */
  readonly artifactType?: string | undefined;
  /** When they were asked for: an image here has one. */
  readonly manifests?: readonly ImageManifest[] | undefined;
}

/** An image with its configuration. */
export interface ImageDetails extends ImageSummary {
  readonly config: ImageConfig;
  readonly layers: readonly string[];
  /** Of each layer, unpacked. */
  readonly layerBytes: readonly number[];
  readonly storage: { readonly driver: string; readonly data: Readonly<Record<string, string>> };
}

/** The content of a registry under a name. */
export interface RegistryImage {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes of the manifest or index. */
  readonly size: number;
  /** For which there is an image: `{ os: "linux", architecture: "arm64", variant: "v8" }`. */
  readonly platforms: readonly {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | undefined;
  }[];
}

/** A repository that a search has found. */
export interface FoundImage {
  /** As it can be pulled. */
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

/** An image in a tree of shared layers. */
export interface ImageTreeImage {
  readonly id: string;
  readonly references: readonly string[];
}

/** A layer on top of certain others. */
export interface ImageTreeLayer {
  /** Stands for it and all below it. */
  readonly chainId: string;
  /** The layer itself, of which the disk has one, wherever it stands. */
  readonly diffId: string;
  /** The chain id of the layer below. */
  readonly parent?: string | undefined;
  readonly sizeBytes: number;
  readonly createdBy?: string | undefined;
  /** That end with it. */
  readonly images: readonly ImageTreeImage[];
  /** How many images have the layer, here or elsewhere. */
  readonly usedBy: number;
}

/** Which layers images share. */
export interface ImageTree {
  /** A layer comes before those on top of it. */
  readonly layers: readonly ImageTreeLayer[];
  readonly layerless: readonly ImageTreeImage[];
}

/** Operations on images. Images are named by reference, id or an unambiguous prefix of the id. */
export interface Images {
  /**
   * docker-archive or OCI archive; plain, gzip or zstd. Ends when all is stored; nothing is half-made when it throws.
   */
  load(
    archive: AsyncIterable<Uint8Array>,
    options?: {
      /** Of an index the image for this one, `linux/arm64`; the host's when absent. */
      readonly platform?: string | undefined;
      /** Private keys, in PEM, for layers that are encrypted: what is stored is plain. */
      readonly decryptionKeys?: readonly DecryptionKey[] | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<Progress>;
  /**
   * Brings an image from its registry, by tag or digest. Layers that are here are not fetched again, and what was
   * fetched when it fails or is canceled is there for the next one. A name without a registry may stand for others, see
   * registries.conf: then the image is called as it was asked for, and as where it was found. "not-found",
   * "not-permitted" and "unavailable" are the registry's.
   */
  pull(
    reference: string,
    options?: {
      /** `linux/arm64/v8`; the host's when absent. */
      readonly platform?: string | undefined;
      /** All that the repository has, one after the other. */
      readonly allTags?: boolean | undefined;
      /** Private keys, in PEM, for layers that are encrypted: what is stored is plain. */
      readonly decryptionKeys?: readonly DecryptionKey[] | undefined;
      readonly credentials?: RegistryCredentials | undefined;
      /** Take any certificate, and plain HTTP, this once. */
      readonly insecure?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<Progress>;
  /**
   * Pushes an image to the registry in its name; sends only what is missing. "not-found" without an image of that name,
   * "not-permitted" and "unavailable" are the registry's.
   */
  push(
    reference: string,
    options?: {
      /** Only if the image is for it: "not-found" otherwise. */
      readonly platform?: string | undefined;
      /** All tags of the repository that are here. */
      readonly allTags?: boolean | undefined;
      /** Of layers whose blobs are not compressed; gzip when absent. Each layer is compressed once. */
      readonly compression?: LayerCompression | undefined;
      /**
       * Public keys or certificates, in PEM, of the recipients who may read the layers: the pushed layers are
       * encrypted.
       */
      readonly encryptionKeys?: readonly string[] | undefined;
      /** Which layers are: 0 is the first, −1 the last. Absent: all. */
      readonly encryptLayers?: readonly number[] | undefined;
      readonly credentials?: RegistryCredentials | undefined;
      /** Take any certificate, and plain HTTP, this once. */
      readonly insecure?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<Progress>;
  /**
   * Repositories of Docker Hub, or of the registry that the term begins with, by their search or catalog. Filters:
   * is-official, is-automated, stars. Throws "unsupported" for a registry that has neither.
   */
  search(
    term: string,
    options?: {
      /** 1 to 100; 25 when absent. */
      readonly limit?: number | undefined;
      readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
      readonly credentials?: RegistryCredentials | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly FoundImage[]>;
  /** Asks the registry what it has under a name, without bringing it. Fails as pull() does. */
  lookUp(
    reference: string,
    options?: {
      readonly credentials?: RegistryCredentials | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RegistryImage>;
  /**
   * Checks the credentials with a registry (`docker.io`, `localhost:5000`): "not-permitted" when it rejects them.
   * Nothing is stored.
   */
  checkCredentials(
    registry: string,
    credentials: RegistryCredentials,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /**
   * One archive of these images that docker load, tare load and OCI tools read; to be read to its end, or left by
   * return(). A repository without a tag stands for all its tags. Throws "not-found" naming what is missing, before the
   * first byte.
   */
  save(
    references: readonly string[],
    options?: {
      /** Only if the images are for it: "not-found" otherwise. */
      readonly platform?: string | undefined;
    },
  ): AsyncIterable<Uint8Array>;
  /** A root file system as tar, or where the engine is to fetch one (http, https). Returns the new image's id. */
  import(
    archive: AsyncIterable<Uint8Array> | URL,
    options?: {
      readonly reference?: string | undefined;
      readonly changes?: readonly string[] | undefined;
      readonly message?: string | undefined;
      /** `linux/arm64`; the host's when absent. */
      readonly platform?: string | undefined;
    },
  ): Promise<string>;
  /**
   * Lists images; with `all` also those without a name that others were committed from, with `manifests` also what is
   * known of each one's manifest. Throws "invalid" for an unknown filter.
   */
  list(options?: {
    readonly all?: boolean | undefined;
    readonly manifests?: boolean | undefined;
    readonly filters?: Readonly<Record<string, readonly string[]>> | undefined;
  }): Promise<readonly ImageSummary[]>;
  /**
   * Describes one image. Throws "not-found" with details.image; with details.platform if it exists for another
   * platform.
   */
  inspect(
    reference: string,
    options?: {
      /** Only if the image is for it: "not-found" otherwise. */
      readonly platform?: string | undefined;
      readonly manifests?: boolean | undefined;
    },
  ): Promise<ImageDetails>;
  /** The layers of all images, or of these, and how they share them. */
  tree(references?: readonly string[]): Promise<ImageTree>;
  /** Gives an image one more reference; a reference that exists moves. Throws "not-found", "invalid". */
  tag(reference: string, target: string): Promise<void>;
  /**
   * Removes a reference, and the image with its last one; with it those without a name that it was committed from.
   * Throws "not-found"; "conflict" with details.conflict while it is in use or another image was committed from it.
   */
  remove(
    reference: string,
    options?: {
      readonly force?: boolean | undefined;
      /** Only if the image is for each of them: "not-found" otherwise. */
      readonly platforms?: readonly string[] | undefined;
      /** Leaves the images without a name that it was committed from. */
      readonly keepParents?: boolean | undefined;
    },
  ): Promise<readonly ({ readonly untagged: string } | { readonly deleted: string })[]>;
  /** Removes those without a name that no container is made of; with `all` those with a name, too. */
  prune(options?: {
    readonly all?: boolean | undefined;
    readonly filters?: PruneFilters | undefined;
  }): Promise<PrunedImages>;
}
