import type { NamespaceId } from "../../linux/netlink/namespace-ids.ts";

/**
 * A container's interface of the kind macvlan. It has no end on the host: after the container's end it is reached by
 * the id of its network namespace, and known by its alias, as ids are used again.
 */
export interface Macvlan {
  readonly namespaceId: NamespaceId;
  /** In the host's namespace. */
  readonly parentIndex: number;
  readonly macAddress: string;
}
