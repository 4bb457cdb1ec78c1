export interface Volume {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  /** RFC 3339, whole seconds. */
  readonly CreatedAt?: string | undefined;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Scope: "local" | "global";
  readonly Options: Readonly<Record<string, string>> | null;
  /** Only in `GET /system/df`; −1: not counted. */
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | undefined;
}

export interface VolumeListResponse {
  readonly Volumes: readonly Volume[];
  readonly Warnings: readonly string[] | null;
}

/** The body of `POST /volumes/create`. */
export interface VolumeCreateRequest {
  readonly Name?: string | undefined;
  readonly Driver?: string | undefined;
  readonly DriverOpts?: Readonly<Record<string, string>> | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
}

export interface VolumePruneResponse {
  readonly VolumesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}
