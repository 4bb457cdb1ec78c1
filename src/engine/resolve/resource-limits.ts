import { checkResourceLimit, findResourceName } from "../../linux/process/rlimit.ts";
import type { RuntimeConfig } from "../../spec/runtime-config.ts";
import type { ContainerResources } from "../../model/container-spec.ts";
import { quote, refuse } from "./refusal.ts";

type ResourceLimit = NonNullable<RuntimeConfig["process"]["rlimits"]>[number];

/** In the specification's names. −1 is unlimited. Throws "invalid" for unknown, contradicting and doubled ones. */
export function resolveResourceLimits(asked: ContainerResources["rlimits"] = []): readonly ResourceLimit[] {
  const seen = new Set<string>();
  return asked.map(({ name, soft, hard }) => {
    const resource = findResourceName(name);
    if (resource === undefined) throw refuse(`invalid ulimit type: ${quote(name)}`);
    if (seen.has(resource)) throw refuse(`ulimit ${resource} is given twice`);
    seen.add(resource);
    for (const value of [soft, hard]) {
      if (!Number.isSafeInteger(value) || value < -1) throw refuse(`invalid ulimit ${resource}: ${value}`);
    }
    checkResourceLimit({ resource, soft, hard });
    return { type: `RLIMIT_${resource.toUpperCase()}`, soft, hard };
  });
}
