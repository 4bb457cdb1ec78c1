import type { ContainerRecord } from "./state/records.ts";
import type { EngineEvent } from "../model/engine.ts";

let lastNs = 0n;

/** Now; later than every time given before, so that events keep their order. */
export function eventTimeNs(): bigint {
  // Not performance.timeOrigin: that goes away from the wall clock, with which people ask for events.
  const now = BigInt(Date.now()) * 1_000_000n;
  lastNs = now > lastNs ? now : lastNs + 1n;
  return lastNs;
}

/** Events at a time before now: of what ended while no engine ran. They stay in this order, behind others of the time. */
export function backdateEvents(events: readonly EngineEvent[], timeMs: number): readonly EngineEvent[] {
  const endNs = BigInt(timeMs + 1) * 1_000_000n;
  return events.map((event, index) => ({ ...event, timeNs: endNs - BigInt(events.length - index) }));
}

/** An event of a container, with Docker's attributes: its labels, image and name, and what the action adds. */
export function containerEvent(
  record: Pick<ContainerRecord, "id" | "name" | "image" | "spec" | "imageConfig">,
  action: string,
  more: Readonly<Record<string, string>> = {},
): EngineEvent {
  const labels = { ...record.imageConfig.defaults.labels, ...record.spec.labels };
  const attributes = { ...labels, image: record.image, name: record.name, ...more };
  const type = record.spec.cri === undefined ? "container" : "cri-container";
  return { type, action, actor: { id: record.id, attributes }, timeNs: eventTimeNs() };
}

/** An event of an image, with Docker's attributes. */
export function imageEvent(
  id: string,
  action: string,
  attributes: Readonly<Record<string, string>>,
): EngineEvent {
  return { type: "image", action, actor: { id, attributes }, timeNs: eventTimeNs() };
}
