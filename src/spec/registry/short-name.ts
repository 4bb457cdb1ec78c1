import type { RegistriesConfig } from "./registries-config.ts";
import { findReference, isShortName, type Reference } from "../reference.ts";

/**
 * What a name without a registry stands for: its alias, else the name below each of the registries that are to be searched, in their order.
 * Empty: what Docker says, also for a name with a registry. Pure.
 */
export function expandShortName(
  name: string,
  { aliases = {}, searched = [] }: Pick<RegistriesConfig, "aliases" | "searched">,
): readonly Reference[] {
  if (!isShortName(name)) return [];
  const [, repository = name, suffix = ""] = /^([^:@]*)(.*)$/.exec(name) ?? [];
  const alias = Object.hasOwn(aliases, repository) ? aliases[repository] : undefined;
  const candidates = alias === undefined ? searched.map((registry) => `${registry}/${repository}`) : [alias];
  return candidates.flatMap((place) => findReference(`${place}${suffix}`) ?? []);
}
