import type { Fd } from "../../linux/kernel/fd.ts";
import type { UnpackOptions, UnpackResult } from "../../linux/tree/unpack-options.ts";
import type { Digest } from "../../spec/digest.ts";

/** The work on the blob of a layer, in one pass over it. Can be sent to a thread. */
export interface LayerJob {
  /** The required diffID of the tar. */
  readonly diffId: Digest;
  /** The verified digest of the blob, or, when it is not verified yet, the expected digest: then the blob is hashed. */
  readonly blob: Digest;
  readonly isProven: boolean;
  /** A file that has the blob; absent: it is sent piece by piece. */
  readonly path?: string | undefined;
  /** An open file that gets the blob, but for what it has already. */
  readonly store?: { readonly fd: Fd; readonly from: number } | undefined;
  /** An open directory that gets the tree; absent: the tar is only proven. */
  readonly into?: Fd | undefined;
  readonly options?: Omit<UnpackOptions, "signal"> | undefined;
}

/** The tar matches `diffId`. */
export interface LayerProof {
  /** The digest of the blob; the caller compares it. */
  readonly blob: Digest;
  /** Absent when nothing was to be unpacked. */
  readonly unpacked?: UnpackResult | undefined;
}
