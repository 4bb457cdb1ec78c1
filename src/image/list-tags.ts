import type { Reference } from "../spec/reference.ts";
import type { AccessOptions, Registries } from "./registries.ts";
import { listTags } from "./registry/tags.ts";

/** The tags of a repository, from its registry or a mirror. */
export async function listRepositoryTags(
  reference: Reference,
  { registries, ...access }: Omit<AccessOptions, "action"> & { readonly registries: Registries },
): Promise<readonly string[]> {
  return await registries.with(reference, { ...access, action: "pull" }, listTags);
}
