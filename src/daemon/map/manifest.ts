import type * as api from "../../api/types/manifest.ts";
import type {
  ManifestList,
  ManifestListEntry,
  ManifestPlatform,
  RegistryManifest,
} from "../../model/manifests.ts";

export function manifestListOf({ name, createdAt, entries }: ManifestList): api.ManifestList {
  return { Name: name, Created: createdAt, Manifests: entries.map(entryOf) };
}

function entryOf({ reference, platform, ...descriptor }: ManifestListEntry): api.ManifestListEntry {
  const { mediaType, digest, size } = descriptor;
  return { Ref: reference, Descriptor: { mediaType, digest, size, platform: platformOf(platform) } };
}

export function registryManifestOf(manifest: RegistryManifest): api.RegistryManifest {
  const { reference, mediaType, digest, bytes, platform } = manifest;
  return {
    Ref: reference,
    Descriptor: {
      mediaType,
      digest,
      size: bytes.length,
      platform: platform && platformOf(platform),
    },
    Raw: Buffer.from(bytes).toString("base64"),
  };
}

function platformOf(platform: ManifestPlatform): api.ManifestPlatform {
  const { os, architecture, variant, osVersion, osFeatures } = platform;
  return {
    architecture,
    os,
    "os.version": osVersion,
    "os.features": osFeatures,
    variant,
  };
}
