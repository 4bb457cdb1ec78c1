import { Failure } from "../../base/failure.ts";

/**
 * The treatment of a layer's blob after unpacking. "keep": it stays. "rebuild": it is dropped when it was just proven
 * that the unpacked files recreate the same bytes. "refetch": it is also dropped when a known registry has it.
 */
export type BlobPolicy = "keep" | "rebuild" | "refetch";

export const blobPolicies: readonly BlobPolicy[] = ["keep", "rebuild", "refetch"];

/** Throws "invalid". */
export function parseBlobPolicy(text: string): BlobPolicy {
  const found = blobPolicies.find((policy) => policy === text);
  if (found !== undefined) return found;
  throw new Failure(
    "invalid",
    `invalid --blob-policy "${text.slice(0, 60)}": want ${blobPolicies.slice(0, -1).join(", ")} or refetch`,
  );
}
