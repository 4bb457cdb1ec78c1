import type { ImageDefaults } from "../../spec/image/config.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";

/** Health checks are not run yet: returns a warning when one is configured. A container's own replaces its image's. */
export function resolveHealthWarnings(spec: ContainerSpec, image: ImageDefaults): readonly string[] {
  const own = spec.lifecycle?.healthcheck ?? [];
  const test = own.length > 0 ? own : (image.healthcheck?.test ?? []);
  if (test.length === 0 || test[0] === "NONE") return [];
  const whose = own.length > 0 ? "the health check of the container" : "the HEALTHCHECK of the image";
  return [`${whose} is not run: health checks are not supported yet`];
}
