import type { Undefinable } from "../base/defined.ts";
import type { ImageDefaults } from "../spec/image/config.ts";

/** Variables, labels, ports and volumes are added to what is there, all else replaces it. */
export type CommittedConfig = Undefinable<Omit<ImageDefaults, "healthcheck">>;

/** Settings of an image that is committed from a container, in addition to the container's files. */
export interface CommitSettings {
  /** The new image's name. */
  readonly reference?: string | undefined;
  readonly author?: string | undefined;
  readonly message?: string | undefined;
  /** Comes before what the container has. */
  readonly config?: CommittedConfig | undefined;
  /** Dockerfile instructions: CMD, ENTRYPOINT, ENV … They come last. */
  readonly changes?: readonly string[] | undefined;
  /** Freeze the container while its files are read (default true). */
  readonly pause?: boolean | undefined;
  /** An abort ends the commit with "canceled"; nothing of it stays. */
  readonly signal?: AbortSignal | undefined;
}
