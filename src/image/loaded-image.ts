import type { Fd } from "../linux/kernel/fd.ts";
import type { UnpackOptions, UnpackResult } from "../linux/tree/unpack-options.ts";
import type { Digest } from "../spec/digest.ts";
import type { ImageConfig } from "../spec/image/config.ts";
import type { ImageId } from "../spec/image/id.ts";
import type { ImageManifest } from "../spec/image/manifest.ts";
import type { Reference } from "../spec/reference.ts";

/** An image all of whose blobs are in the content store, and all of whose layers the sink has. */
export interface LoadedImage {
  readonly id: ImageId;
  readonly config: ImageConfig;
  /** The blob of the config is `id`; an artifact's `id` is the manifest's own digest. */
  readonly manifest: { readonly digest: Digest; readonly content: ImageManifest };
  /** From the lowest to the topmost; as many as `config.diffIds`: none of an artifact. */
  readonly layers: readonly LoadedLayer[];
  /** Names that it came with. */
  readonly references: readonly Reference[];
  /** `busybox@sha256:…`: as what it was found in a registry. */
  readonly digests?: readonly string[] | undefined;
  /** The manifest as it came, with layers that are encrypted; those here are not. */
  readonly decryptedFrom?: Digest | undefined;
  /** Its manifest is not the one that `digests` name: the same image has come with other blobs. */
  readonly hasOtherManifest?: boolean | undefined;
  /** It is no image but something else that is packed like one: its blobs are stored, nothing is unpacked. */
  readonly artifactType?: string | undefined;
  /** The image that it was committed from. */
  readonly parent?: ImageId | undefined;
  /** The index that led to it, which is a blob of the store, too. */
  readonly index?: Digest | undefined;
}

export interface LoadedLayer {
  /** Uncompressed digest: identity on disk. */
  readonly diffId: Digest;
  /** Of the blob as stored and pushed. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the blob. */
  readonly size: number;
}

/**
 * An uncompressed layer in transit. Both methods throw "corrupt" at the end when the content does not match its diffID.
 */
export interface LayerTar {
  /** Its bytes. */
  open(): AsyncIterable<Uint8Array>;
  /** As unpackLayer(), in a worker thread; the directory is free again when the promise settles. */
  unpack(into: Fd, options?: Omit<UnpackOptions, "signal">): Promise<UnpackResult>;
}

/** Documents of an image that is here, besides its config. */
export interface StoredDocuments {
  /** Of what came encrypted: the one of plain layers. */
  readonly manifest: Digest;
  /** Where it came by an index. */
  readonly index?: Digest | undefined;
}

/** The operations that loading needs from storage; the caller implements them. */
export interface LoadSink {
  hasLayer(diffId: Digest): boolean | Promise<boolean>;
  /**
   * Stores a layer that hasLayer() did not find; called once for each, a few concurrently. It reads or unpacks the tar
   * completely and once before anything becomes visible, or not at all when the layer has arrived meanwhile.
   */
  ensureLayer(diffId: Digest, tar: LayerTar): Promise<void>;
  /** Whether the image has this name already. */
  hasImage?(id: ImageId, reference: Reference): boolean | Promise<boolean>;
  /** The stored documents of an image that was decrypted from this manifest. */
  findDecrypted?(id: ImageId, sealed: Digest): StoredDocuments | undefined;
  /** The stored documents of an image. */
  findStored?(id: ImageId): StoredDocuments | undefined;
  /** Records an image; called when everything of all images is stored. */
  addImage(image: LoadedImage): Promise<void>;
}
