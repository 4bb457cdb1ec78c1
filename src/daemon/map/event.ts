import type { EngineEvent } from "../../model/engine.ts";

/** A line of `GET /events`. Written as text: its nanoseconds have more digits than a JavaScript number holds. */
export function eventLine(event: EngineEvent): string {
  const { type, action, actor, timeNs } = event;
  const attributes = actor.attributes;
  // Docker gives these three for containers and images only.
  const isOld = type === "container" || type === "image";
  const message = {
    status: isOld ? action : undefined,
    id: isOld ? actor.id : undefined,
    from: type === "container" ? attributes["image"] : undefined,
    Type: type,
    Action: action,
    Actor: { ID: actor.id, Attributes: attributes },
    scope: "local",
    time: Number(timeNs / 1_000_000_000n),
  };
  return `${JSON.stringify(message).slice(0, -1)},"timeNano":${timeNs}}\n`;
}
