import { hasMembers, isText } from "../../base/is-record.ts";
import { parse, type TomlTable, type TomlValue } from "smol-toml";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { findReference, isShortName } from "../reference.ts";
import type { RegistriesConfig, RegistryMirror, RegistryRule } from "./registries-config.ts";

const locationPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)?$/;

/** Throws "invalid" naming the file, the entry and what is wrong with it. */
export function parseRegistriesConfig(text: string, path: string): RegistriesConfig {
  const refused = (detail: string): Failure => new Failure("invalid", `cannot read ${path}: ${detail}`);
  let document: TomlTable;
  try {
    document = parse(text);
  } catch (cause) {
    throw new Failure("invalid", `cannot read ${path}: ${sentenceOf(cause).split("\n")[0] ?? ""}`, { cause });
  }
  const rules = tables(document["registry"], "registry", refused).map((table, index) =>
    readRule(table, `registry ${index + 1}`, refused),
  );
  const seen = new Set<string>();
  for (const { prefix } of rules) {
    if (seen.has(prefix)) throw refused(`there are two entries for "${prefix}"`);
    seen.add(prefix);
  }
  const aliases = readAliases(document["aliases"], refused);
  const searched = readSearched(document["unqualified-search-registries"], refused);
  return {
    rules,
    aliases,
    searched,
  };
}

function readAliases(value: TomlValue | undefined, refused: Refuse): RegistriesConfig["aliases"] {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw refused("aliases must be a table ([aliases])");
  for (const [name, target] of Object.entries(value)) {
    const known = typeof target === "string" ? findReference(target) : undefined;
    if (!isShortName(name) || findReference(name)?.tag !== undefined || /[:@]/.test(name)) {
      throw refused(`the alias "${name}" must be a name without registry and tag`);
    }
    if (
      known === undefined ||
      known.tag !== undefined ||
      known.digest !== undefined ||
      isShortName(String(target))
    )
      throw refused(`the alias "${name}" must stand for a whole name without a tag, as "quay.io/acme/app"`);
  }
  const targets = { ...value };
  if (!hasMembers(targets, isText)) throw refused("each alias must stand for a string");
  return targets;
}

function readSearched(value: TomlValue | undefined, refused: Refuse): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const isHost = (each: TomlValue): each is string =>
    isText(each) && !each.includes("/") && locationPattern.test(each);
  if (!Array.isArray(value) || !value.every(isHost)) {
    throw refused('unqualified-search-registries must be a list of registries, as ["docker.io", "quay.io"]');
  }
  return value.length === 0 ? undefined : value;
}

type Refuse = (detail: string) => Failure;

function readRule(table: TomlTable, where: string, refused: Refuse): RegistryRule {
  const location = text(table, "location", { where, refused });
  const prefix = text(table, "prefix", { where, refused }) ?? location;
  if (prefix === undefined || prefix === "") throw refused(`${where} has neither prefix nor location`);
  const isWildcard = prefix.startsWith("*.");
  if (!locationPattern.test(isWildcard ? prefix.slice(2) : prefix))
    throw refused(`${where} has an invalid prefix "${prefix}"`);
  if (location !== undefined) checkLocation(location, where, refused);
  if (!isWildcard && location === undefined && text(table, "prefix", { where, refused }) === undefined) {
    throw refused(`${where} has no location`);
  }
  const digestOnly = flag(table, "mirror-by-digest-only", { where, refused });
  return {
    prefix,
    location,
    insecure: flag(table, "insecure", { where, refused }),
    blocked: flag(table, "blocked", { where, refused }),
    mirrors: tables(table["mirror"], `mirrors of ${where}`, refused).map((mirror, index) => {
      const label = `mirror ${index + 1} of ${where}`;
      const at = text(mirror, "location", { where: label, refused });
      if (at === undefined) throw refused(`${label} has no location`);
      checkLocation(at, label, refused);
      return {
        location: at,
        insecure: flag(mirror, "insecure", { where: label, refused }),
        pulls: pullsOf(text(mirror, "pull-from-mirror", { where: label, refused }), {
          digestOnly,
          label,
          refused,
        }),
      };
    }),
  };
}

function pullsOf(
  word: string | undefined,
  {
    digestOnly,
    label,
    refused,
  }: { readonly digestOnly: boolean; readonly label: string; readonly refused: Refuse },
): RegistryMirror["pulls"] {
  if (word === undefined) return digestOnly ? "digest-only" : "all";
  if (word === "all" || word === "digest-only" || word === "tag-only") return word;
  throw refused(`${label} has an invalid pull-from-mirror "${word}": use all, digest-only or tag-only`);
}

function checkLocation(location: string, where: string, refused: Refuse): void {
  if (!locationPattern.test(location)) {
    throw refused(
      `${where} has an invalid location "${location}": write host[:port][/path], without a scheme`,
    );
  }
}

interface Context {
  readonly where: string;
  readonly refused: Refuse;
}

function text(table: TomlTable, key: string, { where, refused }: Context): string | undefined {
  const value = table[key];
  if (value === undefined || typeof value === "string") return value;
  throw refused(`${key} of ${where} must be a string`);
}

function flag(table: TomlTable, key: string, { where, refused }: Context): boolean {
  const value = table[key];
  if (value === undefined || typeof value === "boolean") return value ?? false;
  throw refused(`${key} of ${where} must be true or false`);
}

function tables(value: TomlValue | undefined, what: string, refused: Refuse): readonly TomlTable[] {
  if (value === undefined) return [];
  const isTable = (each: TomlValue): each is TomlTable => typeof each === "object" && !Array.isArray(each);
  if (Array.isArray(value) && value.every(isTable)) return value;
  throw refused(`"${what}" must be a list of tables ([[registry]])`);
}
