import type { RuntimeConfig } from "../../spec/runtime-config.ts";
import type { ContainerSpec } from "../types.ts";
import { quote, refuse } from "./refusal.ts";

/** setrlimit(2). */
const names: ReadonlySet<string> = new Set([
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
]);

type ResourceLimit = NonNullable<RuntimeConfig["process"]["rlimits"]>[number];

/** In the specification's names. −1 is unlimited. Throws "invalid" for unknown, contradicting and doubled ones. */
export function planResourceLimits(asked: ContainerSpec["rlimits"] = []): readonly ResourceLimit[] {
  const seen = new Set<string>();
  return asked.map(({ name, soft, hard }) => {
    const short = name.toLowerCase().replace(/^rlimit_/, "");
    if (!names.has(short)) throw refuse(`invalid ulimit type: ${quote(name)}`);
    if (seen.has(short)) throw refuse(`ulimit ${short} is given twice`);
    seen.add(short);
    for (const value of [soft, hard]) {
      if (!Number.isSafeInteger(value) || value < -1) throw refuse(`invalid ulimit ${short}: ${value}`);
    }
    if (hard !== -1 && (soft === -1 || soft > hard)) {
      throw refuse(`ulimit soft limit must be less than or equal to hard limit: ${short}: ${soft} > ${hard}`);
    }
    return { type: `RLIMIT_${short.toUpperCase()}`, soft, hard };
  });
}
