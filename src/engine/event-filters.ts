import { findReference, formatFamiliar, repositoryOf } from "../spec/reference.ts";
import { hasLabel } from "./labels.ts";
import type { EngineEvent } from "../model/engine.ts";

type Filter = (event: EngineEvent, values: readonly string[]) => boolean;

/** SPEC: dockerd takes the beginning of an id or of a name. */
function actorOf(type: EngineEvent["type"]): Filter {
  return ({ type: actual, actor }, values) =>
    actual === type &&
    values.some(
      (value) => actor.id.startsWith(value) || actor.attributes["name"]?.startsWith(value) === true,
    );
}

const filters: Readonly<Record<string, Filter>> = {
  type: ({ type }, values) => values.includes(type),
  // `exec_start` stands for `exec_start: sh`, too.
  event: ({ action }, values) =>
    values.some((value) => action.trimEnd() === value.trimEnd() || action.startsWith(`${value}:`)),
  container: actorOf("container"),
  pod: actorOf("pod"),
  volume: actorOf("volume"),
  network: actorOf("network"),
  secret: actorOf("secret"),
  daemon: actorOf("daemon"),
  image: ({ type, actor }, values) => {
    const image = type === "image" ? (actor.attributes["name"] ?? actor.id) : actor.attributes["image"];
    const known = [actor.id, ...(image === undefined ? [] : [image])];
    return known.some((name) => values.includes(name) || values.includes(repositoryIn(name)));
  },
  label: ({ actor }, values) => values.every((value) => hasLabel(actor.attributes, value)),
  // Docker has events of these, too; here they never come.
  plugin: () => false,
  node: () => false,
  service: () => false,
  config: () => false,
  scope: (_, values) => values.includes("local"),
};

/** `localhost:5000/app` for `localhost:5000/app:1@sha256:…`; an id stays. */
function repositoryIn(name: string): string {
  const reference = findReference(name);
  return reference === undefined ? name : formatFamiliar(repositoryOf(reference));
}

/** SPEC: dockerd ignores filters that it does not know. */
export function parseEventFilters(
  wanted: Readonly<Record<string, readonly string[]>>,
): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(wanted).filter(([key, values]) => Object.hasOwn(filters, key) && values.length > 0);
}

export function matchesEvent(event: EngineEvent, wanted: ReturnType<typeof parseEventFilters>): boolean {
  return wanted.every(([key, values]) => filters[key]?.(event, values) === true);
}
