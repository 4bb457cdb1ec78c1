import { Failure } from "../../base/failure.ts";

/**
 * What becomes of a layer's blob once the layer is unpacked. "keep": it stays. "rebuild": it goes where it was just
 * proven that the same bytes can be made of the unpacked files. "refetch": it also goes where a registry is known that
 * has it.
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
