import type { Descriptor } from "../spec/image/manifest.ts";
import { choosePlatform, formatPlatform, type Platform } from "../spec/platform.ts";

/** Picks the entry of an index for a platform; else one without a platform. */
export function pickManifest(manifests: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  const candidates = manifests.filter((manifest) => !isAttestation(manifest));
  const chosen = choosePlatform(stated(candidates), { host: platform, platformOf: (each) => each.platform });
  return chosen?.manifest ?? candidates.find((each) => each.platform === undefined);
}

/** For sentences: `linux/amd64, linux/arm64`, or `none`. */
export function listPlatforms(manifests: readonly Descriptor[]): string {
  const images = manifests.filter((manifest) => !isAttestation(manifest));
  return (
    stated(images)
      .map(({ platform }) => formatPlatform(platform))
      .join(", ") || "none"
  );
}

/** BuildKit adds provenance and SBOM to the images of an index. */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return annotations["vnd.docker.reference.type"] !== undefined || platform?.os === "unknown";
}

function stated(
  manifests: readonly Descriptor[],
): readonly { readonly manifest: Descriptor; readonly platform: Platform }[] {
  return manifests.flatMap((manifest) =>
    manifest.platform === undefined ? [] : [{ manifest, platform: manifest.platform }],
  );
}
