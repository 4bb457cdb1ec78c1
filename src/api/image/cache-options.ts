import { Failure } from "../../base/failure.ts";
import type { CacheExportOptions, CacheSource } from "../../model/builds.ts";
import { parseReference } from "../../spec/reference.ts";
import { parseExportForm } from "./export-form.ts";

/** A cache as BuildKit's clients describe it. */
export interface CacheEntry {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Where the cache of a build goes; "inline": into the config of the image. */
export type CacheTarget =
  | { readonly kind: "inline" }
  | ({ readonly kind: "registry"; readonly ignoresError: boolean } & Pick<
      CacheExportOptions,
      "reference" | "mode" | "compression" | "insecure"
    >);

/** Sources, and targets, of one build. */
const mostCaches = 16;

/** Throws "invalid" for more caches than a build may have. Pure. */
export function requireFewCaches(entries: readonly unknown[]): void {
  if (entries.length > mostCaches)
    throw new Failure("invalid", `a build has at most ${mostCaches} caches to read, and to write`);
}

/** Undefined: caches of the type are not read. Throws "invalid" for a reference that is none. Pure. */
export function parseCacheSource({ type, attributes }: CacheEntry): CacheSource | undefined {
  return type === "registry" ? registryOf(attributes) : undefined;
}

/** Undefined: caches are not written as the type. Throws "invalid" in BuildKit's words. Pure. */
export function parseCacheTarget({ type, attributes }: CacheEntry): CacheTarget | undefined {
  if (type === "inline") return { kind: "inline" };
  if (type !== "registry") return undefined;
  const { compression } = parseExportForm(attributes);
  const ignoresError = isTrue(attributes["ignore-error"]);
  return {
    kind: "registry",
    ...registryOf(attributes),
    mode: modeOf(attributes["mode"]),
    compression,
    ignoresError,
  };
}

function registryOf(attributes: Readonly<Record<string, string>>): CacheSource {
  const reference = attributes["ref"] ?? "";
  if (reference === "") throw new Failure("invalid", "ref is required for registry cache");
  parseReference(reference);
  return { reference, insecure: isTrue(attributes["registry.insecure"]) };
}

function modeOf(text: string | undefined): "min" | "max" {
  if (text === undefined || text === "" || text === "min") return "min";
  if (text === "max") return text;
  throw new Failure("invalid", `invalid cache export mode ${JSON.stringify(text.slice(0, 40))}`);
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && ["1", "t", "true"].includes(text.toLowerCase());
}
