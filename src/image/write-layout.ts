import { Failure } from "../base/failure.ts";
import { type Digest, hexOf } from "../spec/digest.ts";
import { encodeTarEnd, encodeTarMember, tarPadding } from "../spec/tar-writer.ts";
import type { ContentStore } from "./content-store.ts";

/** An OCI layout as tar. What it points at is in the documents or in the store. */
export interface LayoutContent {
  /** Of index.json, as JSON has them. */
  readonly entries: readonly object[];
  readonly documents: ReadonlyMap<Digest, { readonly bytes: Uint8Array }>;
  /** Blobs of the store. */
  readonly blobs: readonly Digest[];
  /** The manifest.json of a docker-archive; absent: it has none. */
  readonly dockerManifest?: readonly object[] | undefined;
}

/** The same content gives the same bytes. Throws "not-found" for a blob that is no longer in the store. */
export async function* writeLayout(
  { entries, documents, blobs, dockerManifest }: LayoutContent,
  { store }: { readonly store: ContentStore },
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeTarMember({ path: "blobs/", type: "directory", size: 0, mode: 0o755 });
  yield encodeTarMember({ path: "blobs/sha256/", type: "directory", size: 0, mode: 0o755 });
  for (const digest of new Set(blobs)) yield* layoutBlob(digest, store);
  for (const [digest, { bytes }] of documents) yield* layoutFile(layoutPath(digest), bytes);
  yield* layoutFile("index.json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: entries,
  });
  if (dockerManifest !== undefined) yield* layoutFile("manifest.json", dockerManifest);
  yield* layoutFile("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield encodeTarEnd();
}

/** A blob of the store as a member. */
export async function* layoutBlob(
  digest: Digest,
  store: ContentStore,
): AsyncGenerator<Uint8Array, void, undefined> {
  const blob = await store.find(digest);
  if (blob === undefined) {
    throw new Failure(
      "not-found",
      `cannot save the image: its blob ${digest} is not in the store any more; pull or load it again`,
    );
  }
  const { size } = blob;
  yield encodeTarMember({ path: layoutPath(digest), type: "file", size, mode: 0o644 });
  let given = 0;
  for await (const piece of store.open(digest, { verify: true })) {
    given += piece.length;
    yield piece;
  }
  if (given !== size)
    throw new Failure("corrupt", `cannot save blob ${digest}: it has ${given} bytes instead of ${size}`);
  yield new Uint8Array(tarPadding(size));
}

/** A file with these bytes, or with this value as JSON. */
export function* layoutFile(path: string, content: unknown): Generator<Uint8Array, void, undefined> {
  const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content));
  yield encodeTarMember({ path, type: "file", size: bytes.length, mode: 0o644 });
  yield bytes;
  yield new Uint8Array(tarPadding(bytes.length));
}

export function layoutPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(":"))}/${hexOf(digest)}`;
}
