import { mergeDefined } from "../../base/defined.ts";
import type { ImageDefaults } from "../../spec/image/config.ts";
import { spellOutPorts } from "../../spec/port-range.ts";
import type { CommittedConfig } from "../../model/commits.ts";
import { mergeEnvironment } from "./environment.ts";

/**
 * Merges the caller's settings for a new image with those of its container: variables, labels, ports and volumes are
 * added, all others replace. A new entrypoint discards the arguments of the old one.
 */
export function mergeCommitted(defaults: ImageDefaults, config: CommittedConfig): ImageDefaults {
  const { env = [], labels, exposedPorts = [], volumes = [], ...replaced } = config;
  const { cmd: _, ...rest } = defaults;
  return {
    ...mergeDefined<ImageDefaults>(config.entrypoint === undefined ? defaults : rest, replaced),
    env: mergeEnvironment(env, defaults.env).filter((entry) => entry.includes("=")),
    labels: { ...defaults.labels, ...labels },
    exposedPorts: [...new Set([...defaults.exposedPorts, ...exposedPorts.flatMap(spellOutPorts)])],
    volumes: [...new Set([...defaults.volumes, ...volumes])],
  };
}
