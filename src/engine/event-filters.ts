import { Failure } from "../base/failure.ts";
import { hasLabel } from "./labels.ts";
import type { EngineEvent } from "../model/engine.ts";

type Filter = (event: EngineEvent, values: readonly string[]) => boolean;

function actorOf(type: EngineEvent["type"]): Filter {
  return ({ type: actual, actor }, values) =>
    actual === type &&
    values.some(
      (value) => actor.id === value || actor.id.startsWith(value) || actor.attributes["name"] === value,
    );
}

const filters: Readonly<Record<string, Filter>> = {
  type: ({ type }, values) => values.includes(type),
  // `exec_start` stands for `exec_start: sh`, too.
  event: ({ action }, values) => values.some((value) => action === value || action.startsWith(`${value}:`)),
  container: actorOf("container"),
  pod: actorOf("pod"),
  volume: actorOf("volume"),
  network: actorOf("network"),
  secret: actorOf("secret"),
  daemon: actorOf("daemon"),
  image: ({ type, actor }, values) => {
    const image = type === "image" ? (actor.attributes["name"] ?? actor.id) : actor.attributes["image"];
    return values.some(
      (value) => image === value || actor.id === value || image?.replace(/:[^/:]*$/, "") === value,
    );
  },
  label: ({ actor }, values) => values.every((value) => hasLabel(actor.attributes, value)),
  scope: (_, values) => values.includes("local"),
};

/** Throws "invalid" in Docker's words for a filter that there is none of. */
export function parseEventFilters(
  wanted: Readonly<Record<string, readonly string[]>>,
): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(wanted).filter(([key, values]) => {
    if (!Object.hasOwn(filters, key)) throw new Failure("invalid", `invalid filter '${key.slice(0, 100)}'`);
    return values.length > 0;
  });
}

export function matchesEvent(event: EngineEvent, wanted: ReturnType<typeof parseEventFilters>): boolean {
  return wanted.every(([key, values]) => filters[key]?.(event, values) === true);
}
