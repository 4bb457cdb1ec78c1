import { type Undefinable } from "../base/defined.ts";
import type { Progress } from "../base/progress.ts";
import type { RegistryCredentials } from "../spec/registry/registry-credentials.ts";
import type { WallMs } from "./time.ts";

/** For what a manifest is: `{ os: "linux", architecture: "arm", variant: "v7" }`. */
export interface ManifestPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly osFeatures?: readonly string[] | undefined;
}

/** One manifest of a list, as a registry has it. */
export interface ManifestListEntry {
  /** Where it is: `localhost:5000/app:amd64`. */
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes of the manifest. */
  readonly size: number;
  readonly platform: ManifestPlatform;
}

/** An index that is put together here, and is in its registry only once it is pushed. */
export interface ManifestList {
  readonly name: string;
  readonly createdAt: WallMs;
  readonly entries: readonly ManifestListEntry[];
}

/** A manifest or index as it stands in a registry. */
export interface RegistryManifest {
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: string;
  /** Exactly as it came. */
  readonly bytes: Uint8Array;
  /** Of an image; absent for an index or an artifact. */
  readonly platform?: ManifestPlatform | undefined;
}

/** How a registry is accessed. */
export interface ManifestAccess {
  /** By registry: `docker.io`, `localhost:5000`. */
  readonly credentials?: Readonly<Record<string, RegistryCredentials>> | undefined;
  /** Take any certificate, and plain HTTP, of these registries this once. */
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Manifest lists (indexes) of one's own. */
export interface Manifests {
  /**
   * A list of manifests that registries have, looked up now. Throws "conflict" when there is one of that name, unless
   * `amend`: then they are added to it, each in place of the one with the same digest; "invalid" for a list in a list.
   */
  create(
    name: string,
    references: readonly string[],
    options?: ManifestAccess & { readonly amend?: boolean | undefined },
  ): Promise<ManifestList>;
  /** Absent values stay unchanged. Throws "not-found" without such a list, or such a manifest in it. */
  annotate(name: string, reference: string, platform: Undefinable<ManifestPlatform>): Promise<ManifestList>;
  /** Returns a manifest list of this engine. Throws "not-found" with details.manifestList. */
  inspect(name: string): Promise<ManifestList>;
  /** Returns all manifest lists of this engine. */
  list(): Promise<readonly ManifestList[]>;
  /**
   * Brings the list to its registry, before it the manifests and blobs that its repository lacks: mounted where the
   * registry has them in another repository, else copied, also from another registry. With `purge` the list is gone
   * here afterwards.
   */
  push(
    name: string,
    options?: ManifestAccess & { readonly purge?: boolean | undefined },
  ): AsyncIterable<Progress>;
  /** Here; the registry keeps its own. Throws "not-found". */
  remove(name: string): Promise<void>;
  /** The content of a registry under a name, unparsed. Fails as a pull does. */
  fetch(reference: string, options?: ManifestAccess): Promise<RegistryManifest>;
}
