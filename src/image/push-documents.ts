import { Failure } from "../base/failure.ts";
import type { Digest } from "../spec/digest.ts";
import type { Descriptor } from "../spec/image/manifest.ts";
import type { Reference } from "../spec/reference.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { ContentStore } from "./content-store.ts";
import type { Registries } from "./registries.ts";
import { putManifest } from "./registry/manifests.ts";
import { uploadBlob } from "./registry/upload.ts";
import { forEachBounded } from "./streams/bounded.ts";

type Pointer = Pick<Descriptor, "mediaType" | "digest" | "size">;

/** What is pushed: documents that are here, and blobs of the store. */
export interface PushedDocuments {
  readonly root: Pointer;
  /** What others point at comes first. */
  readonly documents: ReadonlyMap<
    Digest,
    { readonly mediaType: string; readonly bytes: Uint8Array; readonly isManifest: boolean }
  >;
  readonly layers: readonly Pointer[];
}

export interface PushDocumentsOptions {
  readonly registries: Registries;
  readonly store: ContentStore;
  /** Repositories of the same registry that are likely to have a blob. */
  readonly mountFrom?: ((digest: Digest) => readonly string[]) | undefined;
  readonly insecure?: boolean | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  /** The root is pushed by its digest: no tag is set. */
  readonly byDigest?: boolean | undefined;
  /** Parts of the work as they begin: `pushing layers`. */
  readonly onPart?: ((text: string) => void) | undefined;
  readonly signal: AbortSignal;
}

const blobsAtOnce = 5;

/**
 * Pushes blobs, then manifests, and the root under the reference's tag as the last. Failures: those of the registry;
 * "not-found" for a blob that is no longer in the store.
 */
export async function pushDocuments(
  { root, documents, layers }: PushedDocuments,
  reference: Reference,
  options: PushDocumentsOptions,
): Promise<void> {
  const { registries, store, credentials, insecure = false, byDigest = false, signal } = options;
  const access = {
    action: "push" as const,
    signal,
    insecure,
    credentials: credentials && (() => Promise.resolve(credentials)),
  };
  const blobs = [...documents].filter(([, { isManifest }]) => !isManifest);
  await registries.with(reference, access, async (repository) => {
    options.onPart?.("pushing layers");
    await forEachBounded(layers, { limit: blobsAtOnce, signal }, async ({ digest }, both) => {
      const found = await store.find(digest);
      if (found === undefined) {
        throw new Failure("not-found", `cannot push ${digest}: its blob is not in the store any more`);
      }
      const open = (from: number): AsyncIterable<Uint8Array> => store.open(digest, { from });
      const mountFrom = options.mountFrom?.(digest) ?? [];
      await uploadBlob(repository, { digest, size: found.size, open }, { mountFrom, signal: both });
    });
    await forEachBounded(blobs, { limit: blobsAtOnce, signal }, async ([digest, { bytes }], both) => {
      const open = async function* (from: number): AsyncGenerator<Uint8Array, void> {
        await Promise.resolve();
        yield bytes.subarray(from);
      };
      await uploadBlob(repository, { digest, size: bytes.length, open }, { signal: both });
    });
    for (const [digest, { bytes, mediaType, isManifest }] of documents) {
      if (!isManifest) continue;
      const tag = byDigest || digest !== root.digest ? digest : (reference.tag ?? "latest");
      options.onPart?.(`pushing manifest ${digest}`);
      await putManifest(repository, tag, { bytes, mediaType });
    }
  });
}
