import type { ManifestListEntry, RegistryManifest } from "../../api/types/manifest.ts";
import { formatFamiliar, parseReference, repositoryOf } from "../../spec/reference.ts";

/** The document that a push of the list would send to the registry. */
export function indexOf(entries: readonly ManifestListEntry[]): unknown {
  const isDocker = entries.every(({ Descriptor }) =>
    Descriptor.mediaType.startsWith("application/vnd.docker."),
  );
  return {
    schemaVersion: 2,
    mediaType: isDocker
      ? "application/vnd.docker.distribution.manifest.list.v2+json"
      : "application/vnd.oci.image.index.v1+json",
    manifests: entries.map(({ Descriptor: { mediaType, size, digest, platform } }) => ({
      mediaType,
      size,
      digest,
      platform,
    })),
  };
}

/** One manifest as `docker manifest inspect --verbose` shows it. */
export function verboseManifest({ Ref, Descriptor, Raw }: RegistryManifest): {
  readonly Ref: string;
  readonly Raw: string;
} {
  const document: unknown = JSON.parse(Buffer.from(Raw, "base64").toString());
  const name = Descriptor.mediaType.startsWith("application/vnd.docker.")
    ? "SchemaV2Manifest"
    : "OCIManifest";
  return { Ref, Descriptor, Raw, [name]: document } as { Ref: string; Raw: string };
}

/** `app:1` → `app@sha256:…` */
export function digestedName(reference: string, digest: string): string {
  return `${formatFamiliar(repositoryOf(parseReference(reference)))}@${digest}`;
}
