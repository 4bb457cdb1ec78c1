import { Failure } from "../base/failure.ts";
import type { Progress } from "../base/progress.ts";
import { type Digest, digestOf, hexOf } from "../spec/digest.ts";
import {
  type Descriptor,
  encodeImageIndex,
  type IndexEntry,
  parseImageDocument,
} from "../spec/image/manifest.ts";
import { formatFamiliar, type Reference, repositoryOf, withDefaultTag } from "../spec/reference.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { Registries } from "./registries.ts";
import { downloadBlob } from "./registry/download.ts";
import { fetchManifest, findManifest, putManifest } from "./registry/manifests.ts";
import type { Repository } from "./registry/repository.ts";
import { uploadBlob } from "./registry/upload.ts";
import { forEachBounded } from "./streams/bounded.ts";
import { type Report, reporting } from "./streams/reporting.ts";

/** A manifest, and where a registry has it. */
export type PlacedManifest = IndexEntry & { readonly at: Reference };

export interface PushIndexOptions {
  readonly registries: Registries;
  readonly credentialsOf: (registry: string) => RegistryCredentials | undefined;
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const blobsAtOnce = 3;

/**
 * Pushes an index to its registry under its tag. Before it, pushes the manifests that its repository lacks with their
 * blobs, which are mounted if the same registry has them, else copied through this machine. Failures: those of the
 * registries.
 */
export function pushIndex(
  wanted: Reference,
  entries: readonly PlacedManifest[],
  options: PushIndexOptions,
): AsyncGenerator<Progress, void, undefined> {
  const target = withDefaultTag(wanted);
  const tag = target.tag ?? "latest";
  return reporting(
    async (report, signal) => {
      const index = encodeImageIndex(entries);
      await withRepository(target, { ...options, action: "push", signal }, async (repository) => {
        for (const entry of entries) {
          await bringManifest(entry, { target, repository, options: { ...options, signal }, report });
          const name = formatFamiliar(repositoryOf(target));
          report({ kind: "status", text: `Pushed ref ${name}@${entry.digest} with digest: ${entry.digest}` });
        }
        await putManifest(repository, tag, index);
      });
      report({ kind: "image", id: digestOf(index.bytes), reference: formatFamiliar(target) });
    },
    { signal: options.signal },
  );
}

async function withRepository<T>(
  reference: Reference,
  {
    registries,
    credentialsOf,
    insecure,
    signal,
    action,
  }: PushIndexOptions & { readonly action: "pull" | "push" },
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const known = credentialsOf(reference.domain);
  const access = {
    action,
    insecure,
    signal,
    credentials: known && (() => Promise.resolve(known)),
  };
  return await registries.with(reference, access, work);
}

interface Bringing {
  readonly target: Reference;
  readonly repository: Repository;
  readonly options: PushIndexOptions & { readonly signal: AbortSignal };
  readonly report: Report;
}

async function bringManifest(entry: PlacedManifest, bringing: Bringing): Promise<void> {
  const { target, repository, options } = bringing;
  if ((await findManifest(repository, entry.digest)) !== undefined) return;
  await withRepository(entry.at, { ...options, action: "pull" }, async (source) => {
    const { bytes } = await fetchManifest(source, entry.digest);
    const content = parseImageDocument(bytes);
    if (content.kind !== "manifest") {
      throw new Failure("invalid", `cannot push ${entry.digest}: it is an index itself`);
    }
    const isSameRegistry = entry.at.domain === target.domain;
    const blobs = new Map([...content.layers, content.config].map((blob) => [blob.digest, blob]));
    await forEachBounded(blobs.values(), { limit: blobsAtOnce, signal: options.signal }, (blob, signal) =>
      bringBlob(blob, { ...bringing, source, signal, mountFrom: isSameRegistry ? [entry.at.path] : [] }),
    );
    await putManifest(repository, entry.digest, { bytes, mediaType: content.mediaType });
  });
}

async function bringBlob(
  { digest, size }: Descriptor,
  {
    repository,
    report,
    source,
    signal,
    mountFrom,
  }: Bringing & {
    readonly source: Repository;
    readonly signal: AbortSignal;
    readonly mountFrom: readonly string[];
  },
): Promise<void> {
  const id = shortId(digest);
  const outcome = await uploadBlob(
    repository,
    { digest, size, open: (offset) => downloadBlob(source, { digest, size }, { offset, signal }) },
    {
      mountFrom,
      signal,
      onBytes: (currentBytes) =>
        report({ kind: "layer", id, phase: "uploading", currentBytes, totalBytes: size }),
    },
  );
  if (outcome.kind === "mounted") report({ kind: "status", text: `Mounted from ${outcome.from}`, id });
  else report({ kind: "layer", id, phase: outcome.kind === "exists" ? "exists" : "uploaded" });
}

function shortId(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}
