/** As OCI writes it. */
export interface ManifestPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly "os.version"?: string | undefined;
  readonly "os.features"?: readonly string[] | undefined;
}

/** One manifest of a list. */
export interface ManifestListEntry {
  readonly Ref: string;
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly platform: ManifestPlatform;
  };
}

/** `GET /tare/manifest-lists/{name}/json` */
export interface ManifestList {
  readonly Name: string;
  /** Milliseconds since 1970. */
  readonly Created: number;
  readonly Manifests: readonly ManifestListEntry[];
}

/** `GET /tare/manifests/{name}/json` */
export interface RegistryManifest {
  readonly Ref: string;
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly platform?: ManifestPlatform | undefined;
  };
  /** base64 */
  readonly Raw: string;
}

/** `POST /tare/manifest-lists/create` */
export interface ManifestListRequest {
  readonly Name: string;
  readonly Manifests: readonly string[];
  readonly Amend?: boolean | undefined;
  readonly Insecure?: boolean | undefined;
}

/** `POST /tare/manifest-lists/{name}/annotate`; what is absent stays. */
export interface ManifestAnnotation {
  readonly Manifest: string;
  readonly Os?: string | undefined;
  readonly Architecture?: string | undefined;
  readonly Variant?: string | undefined;
  readonly OsVersion?: string | undefined;
  readonly OsFeatures?: readonly string[] | undefined;
}
