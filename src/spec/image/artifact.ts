import { noDefaults, type ImageConfig } from "./config.ts";
import { type ImageManifest, roleOf } from "./manifest.ts";

/**
 * The type of what is packed as an image is but is none (a chart, a signature, a policy); undefined for an image. SPEC:
 * OCI image 1.1, manifest.md, "Guidelines for Artifact Usage"
 */
export function artifactTypeOf({ config, artifactType }: ImageManifest): string | undefined {
  if (roleOf(config.mediaType) === "config") return undefined;
  return artifactType || config.mediaType;
}

/** Stands where an image has its config: an artifact's own may be anything. */
export function artifactConfig({ annotations }: ImageManifest): ImageConfig {
  const created = annotations["org.opencontainers.image.created"];
  const isTime = created !== undefined && !Number.isNaN(Date.parse(created));
  return Object.freeze({
    platform: { os: "unknown", architecture: "unknown" },
    created: isTime ? created : undefined,
    defaults: noDefaults,
    diffIds: [],
    history: [],
  });
}
