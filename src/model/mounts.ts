import type { Digest } from "../spec/digest.ts";
import type { IdmapOption } from "../spec/idmap-option.ts";

/** A file system, directory or file that a container sees at `target`, an absolute path. */
export type ContainerMount = BindMount | VolumeMount | TmpfsMount | ImageMount;

interface MountTarget {
  readonly target: string;
  readonly readonly?: boolean | undefined;
  /** The options as `-v` had them, to be shown. */
  readonly mode?: string | undefined;
}

/** A path of the host. */
export interface BindMount extends MountTarget {
  readonly kind: "bind";
  /** Absolute path on the host. */
  readonly source: string;
  readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" | undefined;
  /** Make the source as a directory when it is absent (as `-v` does). */
  readonly createSource?: boolean | undefined;
  /** False: without what is mounted below the source. Default true. */
  readonly recursive?: boolean | undefined;
  /** False: what is mounted below a read-only one stays writable. Default true. */
  readonly readonlyBelow?: boolean | undefined;
  /** The host's owner that is mapped to the container's user there, both ways; `true`: the owner of the source. */
  readonly idmap?: IdmapOption | undefined;
}

/** A volume, which is created when it does not exist. */
export interface VolumeMount extends MountTarget {
  readonly kind: "volume";
  /** Absent: an anonymous one, made for this container. */
  readonly name?: string | undefined;
  /** Made for this container, goes with it. */
  readonly anonymous?: boolean | undefined;
  /** False: an empty volume stays empty instead of getting what the image has there. Default true. */
  readonly copy?: boolean | undefined;
  /** A path in the volume, which must exist: mounted in place of the whole. */
  readonly subpath?: string | undefined;
  /** In what list and inspect give: the host's path of its content. */
  readonly mountpoint?: string | undefined;
  /** When the volume has to be made. */
  readonly driver?: string | undefined;
  readonly options?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** An empty file system in memory, for each run a new one. */
export interface TmpfsMount extends MountTarget {
  readonly kind: "tmpfs";
  /** `size=64m,mode=1777,ro` */
  readonly options?: string | undefined;
}

/** The files of an image, read-only; it stays as long as the container does. */
export interface ImageMount extends MountTarget {
  readonly kind: "image";
  /** Reference or id of an image that is in the store. */
  readonly image: string;
  /** A path in the image, which must exist: mounted in place of the whole. */
  readonly subpath?: string | undefined;
  /** In what list and inspect give, and kept: which image that was when the container was made. */
  readonly imageId?: string | undefined;
  readonly layers?: readonly Digest[] | undefined;
}
