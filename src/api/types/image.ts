import type { HealthConfig } from "./container-config.ts";

interface OciPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** The manifest of an image for one platform. Since 1.47, where it is asked for. */
export interface ImageManifestSummary {
  /** Its digest. */
  readonly ID: string;
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly platform?: OciPlatform | undefined;
  };
  /** Whether all that it names is here. */
  readonly Available: boolean;
  /** Bytes: `Content` of the blobs, `Total` with the unpacked layers. */
  readonly Size: { readonly Content: number; readonly Total: number };
  /** `image` or `unknown`. */
  readonly Kind: string;
  readonly ImageData?:
    | {
        readonly Platform: OciPlatform;
        readonly Containers: readonly string[];
        readonly Size: { readonly Unpacked: number };
      }
    | undefined;
}

/** One row of `GET /images/json`. */
export interface ImageSummary {
  readonly Id: string;
  readonly ParentId: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  /** Seconds since 1970. */
  readonly Created: number;
  readonly Size: number;
  /** Before 1.44. */
  readonly VirtualSize?: number | undefined;
  /** −1: not counted. */
  readonly SharedSize: number;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** −1: not counted. */
  readonly Containers: number;
  readonly Manifests?: readonly ImageManifestSummary[] | undefined;
  readonly Tare?: TareImage | undefined;
}

/** Details of an image that only Tare reports. */
export interface TareImage {
  /** It is no image but something else that is packed like one. */
  readonly ArtifactType?: string | undefined;
}

/** Since 1.52 without what is empty; before 1.50 with the fields of a container, which are empty. */
export interface ImageConfig {
  readonly User?: string | undefined;
  readonly ExposedPorts?: Readonly<Record<string, object>> | undefined;
  readonly Env?: readonly string[] | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Healthcheck?: HealthConfig | undefined;
  readonly ArgsEscaped?: boolean | undefined;
  readonly Volumes?: Readonly<Record<string, object>> | null | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly OnBuild?: readonly string[] | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly StopSignal?: string | undefined;
  readonly Shell?: readonly string[] | undefined;
}

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Parent?: string | undefined;
  readonly Comment?: string | undefined;
  readonly Created?: string | undefined;
  readonly DockerVersion?: string | undefined;
  readonly Author?: string | undefined;
  readonly Config: ImageConfig;
  /** Before 1.45. */
  readonly Container?: string | undefined;
  readonly ContainerConfig?: ImageConfig | undefined;
  readonly Architecture: string;
  readonly Variant?: string | undefined;
  readonly Os: string;
  readonly OsVersion?: string | undefined;
  readonly Size: number;
  /** Before 1.44. */
  readonly VirtualSize?: number | undefined;
  readonly GraphDriver: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: { readonly Type: string; readonly Layers: readonly string[] };
  readonly Manifests?: readonly ImageManifestSummary[] | undefined;
  readonly Metadata: { readonly LastTagTime?: string | undefined };
  readonly Tare?: (TareImage & { readonly LayerBytes?: readonly number[] | undefined }) | undefined;
}

export interface ImageHistoryItem {
  readonly Id: string;
  /** Seconds since 1970. */
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Tags: readonly string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

export interface ImageDeleteItem {
  readonly Untagged?: string | undefined;
  readonly Deleted?: string | undefined;
}

/** The content of a registry under a name. */
export interface DistributionInspect {
  readonly Descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly Platforms: readonly {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string | undefined;
  }[];
}

/** One row of `GET /images/search`. */
export interface ImageSearchResult {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

/** `GET /tare/images/tree` */
export interface ImageTree {
  /** A layer comes before those on top of it. */
  readonly Layers: readonly ImageTreeLayer[];
  /** Images without layers. */
  readonly Layerless: readonly ImageTreeImage[];
}

export interface ImageTreeLayer {
  readonly ChainId: string;
  readonly DiffId: string;
  /** The chain id of the layer below. */
  readonly Parent?: string | undefined;
  readonly Size: number;
  readonly CreatedBy?: string | undefined;
  readonly Images: readonly ImageTreeImage[];
  /** How many images have the layer, here or elsewhere. */
  readonly UsedBy: number;
}

export interface ImageTreeImage {
  readonly Id: string;
  readonly RepoTags: readonly string[];
}
