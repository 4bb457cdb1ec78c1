import { type EncodedExport, encodeExport, type ExportedImage } from "../../build/exporters/encode-export.ts";
import { packageUrl } from "../../build/exporters/provenance.ts";
import { Failure } from "../../base/failure.ts";
import { compressManifest } from "../../image/compress-manifest.ts";
import { pushDocuments } from "../../image/push-documents.ts";
import { layoutPath, writeLayout } from "../../image/write-layout.ts";
import type { BuildExport, ExportOptions, PushOptions } from "../../model/builds.ts";
import { formatFamiliar, formatReference, type Reference, withDefaultTag } from "../../spec/reference.ts";
import type { ContainerContext } from "../context.ts";
import { parseNewName } from "../images/parse-new-name.ts";
import { blobsOfLayer, describePush, rememberPush, repositoriesWith } from "../images/push.ts";
import type { OpenResult } from "./named-contexts.ts";

export interface ExportedResult extends OpenResult {
  readonly platform: string;
}

/** Compresses the layers that are plain, and makes the documents. Throws "invalid" for names that are none. */
export async function exportResults(
  results: readonly ExportedResult[],
  { context, options }: { readonly context: ContainerContext; readonly options: ExportOptions },
): Promise<BuildExport> {
  const {
    compression = "gzip",
    isIndex,
    annotations,
    hasAttestations = false,
    signal = context.closing,
  } = options;
  const { content: store } = context.dependencies;
  const references = options.references.map((each) => withDefaultTag(parseNewName(each)));
  const images: ExportedImage[] = [];
  for (const { platform, image, statements } of results) {
    const layers = await compressManifest(image.manifestBytes, {
      store,
      compression,
      diffIds: image.config.diffIds,
      otherBlobs: (diffId) => blobsOfLayer(context.state, diffId),
      signal,
    });
    images.push({
      platform,
      configBytes: image.configBytes,
      layers,
      statements: hasAttestations ? statements : [],
      subjects: references.map((reference) => packageUrl(formatReference(reference), platform)),
    });
  }
  const encoded = encodeExport(images, { isIndex, annotations });
  return new LocalExport(encoded, { context, references, results });
}

interface ExportParts {
  readonly context: ContainerContext;
  readonly references: readonly Reference[];
  readonly results: readonly ExportedResult[];
}

class LocalExport implements BuildExport {
  readonly #encoded: EncodedExport;
  readonly #parts: ExportParts;

  constructor(encoded: EncodedExport, parts: ExportParts) {
    this.#encoded = encoded;
    this.#parts = parts;
  }

  get root(): BuildExport["root"] {
    return this.#encoded.root;
  }

  archive(format: "docker" | "oci"): AsyncIterable<Uint8Array> {
    const { root, manifests, documents, layers } = this.#encoded;
    const { references, context, results } = this.#parts;
    const [only, ...others] = manifests;
    if (format === "docker" && (others.length > 0 || root.digest !== only?.digest)) {
      throw new Failure(
        "invalid",
        "docker exporter does not currently support exporting manifest lists: use the oci exporter",
      );
    }
    const created = results.map(({ image }) => image.config.created).find((each) => each !== undefined);
    const entry = { ...root, annotations: { "org.opencontainers.image.created": created } };
    const entries = references.map((reference) => ({
      ...entry,
      annotations: {
        "io.containerd.image.name": formatReference(reference),
        ...entry.annotations,
        "org.opencontainers.image.ref.name": reference.tag,
      },
    }));
    const dockerManifest = results.map(({ image }) => ({
      Config: layoutPath(image.id),
      RepoTags: references.length === 0 ? null : references.map(formatFamiliar),
      Layers: layers.map(({ digest }) => layoutPath(digest)),
    }));
    return writeLayout(
      {
        entries: entries.length === 0 ? [entry] : entries,
        documents,
        blobs: layers.map(({ digest }) => digest),
        dockerManifest: format === "docker" ? dockerManifest : undefined,
      },
      { store: context.dependencies.content },
    );
  }

  async push({ findCredentials, insecure, byDigest, onPart, signal }: PushOptions): Promise<void> {
    const { context, references, results } = this.#parts;
    const { state, dependencies } = context;
    const registries = await dependencies.openRegistries();
    const both = signal ?? context.closing;
    for (const reference of references) {
      try {
        await pushDocuments(this.#encoded, reference, {
          registries,
          store: dependencies.content,
          mountFrom: (digest) => repositoriesWith(digest, reference, { state, dependencies }),
          insecure,
          byDigest,
          credentials: await findCredentials?.(reference.domain, both),
          onPart,
          signal: both,
        });
      } catch (thrown) {
        throw describePush(thrown, reference);
      }
      for (const { image } of results)
        rememberPush(state, image.id, { reference, manifest: this.#encoded.root.digest });
    }
  }
}
