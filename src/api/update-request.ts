import { Failure } from "../base/failure.ts";
import { hostConfigShapes } from "./request/create-shapes.ts";
import { readFields } from "./request/field-shapes.ts";
import { planChangedLimits, type PlannedLimits } from "./request/limits.ts";
import { namesOfUnsupported } from "./request/unsupported-fields.ts";
import type { HostConfig } from "./types/host-config.ts";

/** The body of `POST /containers/{id}/update`. Throws "invalid", or "unsupported" naming what we can't change yet. */
export function parseUpdateRequest(body: unknown): PlannedLimits {
  if (body === undefined) throw new Failure("invalid", "cannot read the request: it is empty");
  const resources = readFields(body, hostConfigShapes, "") as HostConfig;
  const policy = resources.RestartPolicy?.Name ?? "";
  const found = namesOfUnsupported(resources);
  if (policy !== "" || found.length > 0) {
    const what = found.length > 0 ? found.join(", ") : "restart policies (RestartPolicy)";
    throw new Failure("unsupported", `cannot update the container: not supported yet: ${what}`);
  }
  if (resources.OomKillDisable ?? false) {
    throw new Failure("unsupported", "cannot update the container: OomKillDisable can't be changed");
  }
  return planChangedLimits(resources);
}
