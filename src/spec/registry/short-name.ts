import type { RegistriesConfig } from "./registries-config.ts";
import { findReference, isShortName, type Reference } from "../reference.ts";

/**
 * Expands a name without a registry: to its alias, else to the name below each of the registries to search, in their
 * order. Empty: Docker's rules apply, also for a name with a registry. Pure.
 */
export function expandShortName(
  name: string,
  { aliases = {}, searched = [] }: Pick<RegistriesConfig, "aliases" | "searched">,
): readonly Reference[] {
  if (!isShortName(name)) return [];
  const [, repository = name, suffix = ""] = /^([^:@]*)(.*)$/.exec(name) ?? [];
  const alias = Object.hasOwn(aliases, repository) ? aliases[repository] : undefined;
  const candidates = alias === undefined ? searched.map((registry) => `${registry}/${repository}`) : [alias];
  return candidates.flatMap((candidate) => findReference(`${candidate}${suffix}`) ?? []);
}
