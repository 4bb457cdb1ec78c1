import { required } from "../base/required.ts";
import type { PortProtocol, PortRange } from "./port-range.ts";

/** Ports of a container and, where these are chosen, the ports of the host that lead to them. */
export interface PortMapping {
  readonly protocol: PortProtocol;
  readonly containerPort: number;
  readonly count: number;
  /** The first one; absent: any free ones. */
  readonly hostPort?: number | undefined;
  /** The host's port is one of a range: such a mapping stays by itself. */
  readonly lastHostPort?: number | undefined;
}

/**
 * Each port once: neighbors and ranges that overlap become one. In the order of their numbers, protocol by protocol.
 */
export function mergePortRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  const sorted = [...ranges].sort((one, other) => one.first - other.first);
  return [...Map.groupBy(sorted, ({ protocol }) => protocol).values()].flatMap((own) =>
    mergeSorted(own, {
      keyOf: () => "",
      merge: (last, next) =>
        next.first > last.last + 1 ? undefined : { ...last, last: Math.max(last.last, next.last) },
    }),
  );
}

/**
 * Neighbors of one protocol and address of the host whose ports continue in parallel become one mapping, in the order
 * of the container's ports. What is published twice stays twice.
 */
export function mergePortMappings<M extends PortMapping>(
  mappings: readonly M[],
  addressOf: (mapping: M) => string,
): readonly M[] {
  const sorted = [...mappings].sort(
    (one, other) => one.containerPort - other.containerPort || (one.hostPort ?? 0) - (other.hostPort ?? 0),
  );
  return mergeSorted(sorted, {
    keyOf: (mapping) => `${mapping.protocol}/${addressOf(mapping)}/${distanceOf(mapping)}`,
    merge: (last, next) =>
      isOneOfSeveral(last) || isOneOfSeveral(next) || last.containerPort + last.count !== next.containerPort
        ? undefined
        : { ...last, count: last.count + next.count },
  });
}

function distanceOf({ hostPort, containerPort }: PortMapping): string {
  return hostPort === undefined ? "any" : String(hostPort - containerPort);
}

function isOneOfSeveral({ lastHostPort }: PortMapping): boolean {
  return lastHostPort !== undefined;
}

/** Merges each item with the last one of its key, where `merge` can. */
function mergeSorted<T>(
  items: readonly T[],
  {
    keyOf,
    merge,
  }: { readonly keyOf: (item: T) => string; readonly merge: (last: T, next: T) => T | undefined },
): readonly T[] {
  const merged: T[] = [];
  const lastOfKey = new Map<string, number>();
  for (const item of items) {
    const key = keyOf(item);
    const at = lastOfKey.get(key);
    const both = at === undefined ? undefined : merge(required(merged[at]), item);
    if (at !== undefined && both !== undefined) merged[at] = both;
    else {
      lastOfKey.set(key, merged.length);
      merged.push(item);
    }
  }
  return merged;
}

/** The rest of a range without the given ports. */
export function subtractPortRanges(range: PortRange, others: readonly PortRange[]): readonly PortRange[] {
  const left: PortRange[] = [];
  let { first } = range;
  for (const other of mergePortRanges(others.filter(({ protocol }) => protocol === range.protocol))) {
    if (other.first > first) left.push({ ...range, first, last: Math.min(other.first - 1, range.last) });
    first = Math.max(first, other.last + 1);
    if (first > range.last) break;
  }
  if (first <= range.last) left.push({ ...range, first });
  return left.filter((piece) => piece.first <= piece.last);
}
