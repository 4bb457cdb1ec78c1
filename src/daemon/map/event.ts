import type { ApiVersion } from "../../api/http/version.ts";
import type { EngineEvent } from "../../model/engine.ts";

/** Images that are made had no event before. */
const createsImages: ApiVersion = 1046;
/** SPEC: `status`, `id` and `from` are given below this version, for containers and images only. */
const withoutOldFields: ApiVersion = 1052;

/**
 * A line of `GET /events`; undefined for an event that the version does not have. Written as text: its nanoseconds have
 * more digits than a JavaScript number holds.
 */
export function eventLine(event: EngineEvent, version: ApiVersion): string | undefined {
  const { type, action, actor, timeNs } = event;
  if (version < createsImages && type === "image" && action === "create") return undefined;
  const attributes = actor.attributes;
  const hasOldFields = version < withoutOldFields && (type === "container" || type === "image");
  const message = {
    status: hasOldFields ? action : undefined,
    id: hasOldFields ? actor.id : undefined,
    from: hasOldFields && type === "container" ? attributes["image"] : undefined,
    Type: type,
    Action: action,
    Actor: { ID: actor.id, Attributes: attributes },
    scope: "local",
    time: Number(timeNs / 1_000_000_000n),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${timeNs}}\n`;
}
