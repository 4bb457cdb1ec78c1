import { Failure } from "../../base/failure.ts";
import { readRestartPolicy } from "./restart-policy.ts";
import { parseRemoval, parsePorts } from "./published-ports.ts";
import { hostConfigSchemas } from "./create-schemas.ts";
import { adaptUpdate } from "./adapt-request.ts";
import { checkResources } from "./create-checks.ts";
import { readFields } from "../http/field-schemas.ts";
import { parseChangedLimits } from "./limits.ts";
import type { ContainerUpdate } from "../../model/updates.ts";
import { namesOfUnsupported } from "./unsupported-fields.ts";
import type { HostConfig } from "../types/host-config.ts";
import type { ApiVersion } from "../http/version.ts";

/** The body of `POST /containers/{id}/update`. Throws "invalid", or "unsupported" naming what we can't change yet. */
export function parseUpdateRequest(body: unknown, version: ApiVersion): ContainerUpdate {
  const { PidsLimit, ...others } = adaptUpdate(readFields(body ?? {}, hostConfigSchemas, ""), version);
  // SPEC: clients of older versions send 0 with each update, so dockerd ignores the field of theirs.
  const resources: HostConfig = PidsLimit === undefined || version < 1040 ? others : { ...others, PidsLimit };
  const restartPolicy = readRestartPolicy(resources.RestartPolicy);
  const found = namesOfUnsupported(resources);
  if (found.length > 0) {
    throw new Failure("unsupported", `cannot update the container: not supported yet: ${found.join(", ")}`);
  }
  if (resources.OomKillDisable ?? false) {
    throw new Failure("invalid", "cannot update the container: OomKillDisable can't be changed");
  }
  checkResources(resources);
  const { PublishAdd: add, PublishRemove: remove } = resources.Tare ?? {};
  return {
    ...parseChangedLimits(resources),
    restartPolicy,
    publishAdd: add === undefined || add === null ? undefined : parsePorts({ PortBindings: add }),
    publishRemove: remove?.map(parseRemoval),
  };
}
