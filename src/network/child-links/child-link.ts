import type { NamespaceId } from "../../linux/netlink/namespace-ids.ts";

/** The kinds of interfaces that are made on a parent, for containers. */
export function isChildKind(kind: string): boolean {
  return kind === "macvlan" || kind === "ipvlan";
}

/**
 * A container's interface of such a kind. It has no end on the host: after the container's end it is reached by
 * the id of its network namespace, and known by its alias, as ids are used again.
 */
export interface ChildLink {
  readonly namespaceId: NamespaceId;
  /** In the host's namespace. */
  readonly parentIndex: number;
  /** "" for ipvlan: it has its parent's. */
  readonly macAddress: string;
}
