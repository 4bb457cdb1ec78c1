import type { Filters } from "../../api/http/filters.ts";
import { Failure } from "../../base/failure.ts";
import type { CliContext } from "../context.ts";
import { readDockerConfig } from "../registry/config-file.ts";

/**
 * The filters of the command line and those that `pruneFilters` of Docker's client configuration adds; one of the
 * command line that contradicts (`label=x`, `label!=x`) takes its place. SPEC: docker config.json, "pruneFilters"
 *
 * Throws "invalid" for a configuration that cannot be read: it may name what must stay.
 */
export function withPruneFilters(asked: Filters, { env }: Pick<CliContext, "env">): Filters {
  const { path, document } = readDockerConfig(env);
  const configured = document["pruneFilters"] ?? [];
  if (!Array.isArray(configured) || !configured.every((each) => typeof each === "string")) {
    throw new Failure("invalid", `cannot read ${path}: pruneFilters must be a list of texts`);
  }
  const merged = new Map(Object.entries(asked));
  for (const text of configured) {
    const at = text.indexOf("=");
    if (at < 0) continue;
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    const opposite = name === "label" ? "label!" : "label";
    const isLabel = name === "label" || name === "label!";
    if (isLabel && Object.hasOwn(asked, opposite) && asked[opposite]?.includes(value) === true) continue;
    const known = merged.get(name) ?? [];
    if (!known.includes(value)) merged.set(name, [...known, value]);
  }
  return Object.fromEntries(merged);
}
