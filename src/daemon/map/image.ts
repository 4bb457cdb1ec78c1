import { formatHealthcheck } from "../../api/container/healthcheck.ts";
import type * as api from "../../api/types/image.ts";
import type {
  FoundImage,
  ImageDetails,
  ImageManifest,
  ImageSummary,
  ImageTree,
  ImageTreeImage,
} from "../../model/images.ts";
import type { ImageConfig, ImageDefaults } from "../../spec/image/config.ts";
import { graphDriverOf } from "./graph-driver.ts";

/** A row of what a removal did. */
export function deleteItemOf(
  item: { readonly untagged: string } | { readonly deleted: string },
): api.ImageDeleteItem {
  return "untagged" in item ? { Untagged: item.untagged } : { Deleted: item.deleted };
}

/** A row of `GET /images/json`. */
export function imageSummaryOf(image: ImageSummary): api.ImageSummary {
  return {
    Id: image.id,
    ParentId: image.parent ?? "",
    RepoTags: image.references,
    RepoDigests: image.digests,
    Created: Math.trunc(image.createdAt / 1000),
    Size: image.sizeBytes,
    SharedSize: -1,
    Labels: Object.keys(image.labels).length === 0 ? null : image.labels,
    Containers: image.containers,
    Manifests: image.manifests?.map((manifest) => manifestOf(manifest, image.sizeBytes)),
    Tare: image.artifactType === undefined ? undefined : { ArtifactType: image.artifactType },
  };
}

function manifestOf(manifest: ImageManifest, unpackedBytes: number): api.ImageManifestSummary {
  const { digest, mediaType, sizeBytes, platform, contentBytes } = manifest;
  return {
    ID: digest,
    Descriptor: { mediaType, digest, size: sizeBytes, ...(platform === undefined ? {} : { platform }) },
    Available: manifest.isAvailable,
    Size: { Content: contentBytes, Total: contentBytes + (platform === undefined ? 0 : unpackedBytes) },
    ...(platform === undefined
      ? { Kind: "unknown" }
      : {
          Kind: "image",
          ImageData: {
            Platform: platform,
            Containers: manifest.containers,
            Size: { Unpacked: unpackedBytes },
          },
        }),
  };
}

/** `GET /images/{name}/json` */
export function imageInspectOf(image: ImageDetails): api.ImageInspect {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: image.references,
    RepoDigests: image.digests,
    Parent: image.parent ?? "",
    Comment: config.comment ?? "",
    Created: config.created,
    DockerVersion: "",
    Author: config.author ?? "",
    Config: imageConfigOf(config.defaults),
    Architecture: config.platform.architecture,
    Variant: config.platform.variant,
    Os: config.platform.os,
    Size: image.sizeBytes,
    GraphDriver: graphDriverOf(image.storage),
    RootFS: { Type: "layers", Layers: image.layers },
    Manifests: image.manifests?.map((manifest) => manifestOf(manifest, image.sizeBytes)),
    Metadata: image.taggedAt === undefined ? {} : { LastTagTime: new Date(image.taggedAt).toISOString() },
    Tare: {
      ArtifactType: image.artifactType,
      LayerBytes: image.layerBytes,
    },
  };
}

function imageConfigOf(defaults: ImageDefaults): api.ImageConfig {
  const set = (keys: readonly string[]): Record<string, object> =>
    Object.fromEntries(keys.map((key) => [key, {}]));
  return {
    User: defaults.user,
    ExposedPorts: defaults.exposedPorts.length === 0 ? undefined : set(defaults.exposedPorts),
    Env: defaults.env,
    Cmd: defaults.cmd ?? null,
    Healthcheck: defaults.healthcheck && formatHealthcheck(defaults.healthcheck),
    Volumes: defaults.volumes.length === 0 ? null : set(defaults.volumes),
    WorkingDir: defaults.workingDirectory,
    Entrypoint: defaults.entrypoint ?? null,
    OnBuild: defaults.onBuild.length === 0 ? null : defaults.onBuild,
    Labels: Object.keys(defaults.labels).length === 0 ? null : defaults.labels,
    StopSignal: defaults.stopSignal,
    Shell: defaults.shell,
    ArgsEscaped: defaults.argsEscaped === true ? true : undefined,
  };
}

/**
 * `GET /images/{name}/history`, newest step first; the layers belong to the steps that made some, in their order. The
 * ancestors, nearest first, give their ids and names to the steps below the first, as dockerd does.
 */
export function imageHistoryOf(
  image: ImageDetails,
  ancestors: readonly Pick<ImageDetails, "id" | "references">[] = [],
): readonly api.ImageHistoryItem[] {
  const known = [image, ...ancestors];
  let layer = 0;
  const steps = historyOf(image.config).map((step) => ({
    ...step,
    bytes: step.emptyLayer ? 0 : (image.layerBytes[layer++] ?? 0),
  }));
  return steps.toReversed().map((step, index) => ({
    Id: known[index]?.id ?? "<missing>",
    Created: step.created === undefined ? 0 : Math.trunc(Date.parse(step.created) / 1000) || 0,
    CreatedBy: step.createdBy ?? "",
    Tags: known[index]?.references.length ? known[index].references : null,
    Size: step.bytes,
    Comment: step.comment ?? "",
  }));
}

function historyOf(config: ImageConfig): ImageConfig["history"] {
  return config.history.length > 0 ? config.history : config.diffIds.map(() => ({ emptyLayer: false }));
}

/** A row of `GET /images/search`. */
export function searchResultOf(found: FoundImage): api.ImageSearchResult {
  return {
    name: found.name,
    description: found.description,
    star_count: found.stars,
    is_official: found.isOfficial,
    is_automated: found.isAutomated,
  };
}

/** `GET /tare/images/tree` */
export function imageTreeOf({ layers, layerless }: ImageTree): api.ImageTree {
  return {
    Layers: layers.map(({ chainId, diffId, parent, sizeBytes, createdBy, images, usedBy }) => ({
      ChainId: chainId,
      DiffId: diffId,
      Parent: parent,
      Size: sizeBytes,
      CreatedBy: createdBy,
      Images: images.map(treeImageOf),
      UsedBy: usedBy,
    })),
    Layerless: layerless.map(treeImageOf),
  };
}

function treeImageOf({ id, references }: ImageTreeImage): api.ImageTreeImage {
  return { Id: id, RepoTags: references };
}
