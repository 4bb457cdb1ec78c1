import type { Blob } from "../blobs/blob.ts";

export interface ArchiveLimits {
  readonly members?: number | undefined;
  /** Of all members together, decompressed. */
  readonly bytes?: number | undefined;
}

/** Can be sent to a thread. */
export interface SpoolJob {
  /** Gets a file for each member. */
  readonly directory: string;
  readonly limits?: ArchiveLimits | undefined;
}

/** The members of an archive, by name; the last of several with the same name. */
export type SpooledMembers = readonly (readonly [name: string, member: SpooledMember])[];

type SpooledMember =
  | { readonly kind: "file"; readonly path: string; readonly blob: Blob }
  | { readonly kind: "link"; readonly target: string };
