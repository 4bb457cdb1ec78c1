import { getNamespaceKind } from "../../linux/namespaces/namespaces.ts";
import type { RuntimeNamespaceType } from "../../spec/runtime-config.ts";
import type { PlanBlob, PlanList } from "./plan.ts";
import { addBarrier, bornBarrier } from "./report.ts";

/**
 * A child that was cloned into a user namespace waits until the engine has given that its ids, if it is new, and the
 * child what only the host's root may give (limits, a score); then it becomes its root.
 */
export function addBirth(list: PlanList, blob: PlanBlob): void {
  addBarrier(list, blob, blob.reserve(16), bornBarrier, "wait for the ids of the user namespace");
  addNamespaceRoot(list);
}

/**
 * Changes from the host's root, which has no id in the user namespace and could create no file, to the namespace's
 * root.
 */
export function addNamespaceRoot(list: PlanList): void {
  const about = "become root of the user namespace";
  list.add(about, "setgroups", [0, null]);
  list.add(about, "setresgid", [0, 0, 0]);
  list.add(about, "setresuid", [0, 0, 0]);
}

/**
 * Namespaces that belong to another user namespace are joined by the keeper: the child has no rights over them. SAFETY:
 * it is not seen from there, and what it does (pipes, log, sockets by descriptor) depends on none of them.
 */
export function addKeeperJoins(before: PlanList, joins: ReadonlyMap<RuntimeNamespaceType, number>): void {
  for (const [type, fd] of joins) {
    if (type !== "pid" && type !== "user")
      before.add(`join the ${type} namespace`, "setns", [fd, getNamespaceKind(type).cloneFlag]);
  }
}
