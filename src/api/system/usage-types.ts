import { Failure } from "../../base/failure.ts";
import type { ApiVersion } from "../http/version.ts";

const types = ["container", "image", "volume", "build-cache"] as const;
export type UsageType = (typeof types)[number];

/**
 * The `type` parameters of `/system/df`; all of them when there is none, and before 1.42. Throws "invalid" in
 * Docker's words for another.
 */
export function parseUsageTypes(texts: readonly string[], version: ApiVersion): readonly UsageType[] {
  if (version < 1042 || texts.length === 0) return types;
  return texts.map((text) => {
    const found = types.find((type) => type === text);
    if (found === undefined) throw new Failure("invalid", `unknown object type: ${text.slice(0, 100)}`);
    return found;
  });
}
