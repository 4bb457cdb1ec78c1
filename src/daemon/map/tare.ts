import type * as api from "../../api/types/tare.ts";
import type { CheckFinding, ContainerNamespaces } from "../../engine/engine-types.ts";

export function namespacesRowOf({ id, name, pid, namespaces }: ContainerNamespaces): api.NamespacesRow {
  const entries = Object.entries(namespaces).map(([type, { inode, sharedWith }]) => [
    type,
    { Inode: inode, SharedWith: sharedWith },
  ]);
  return { Id: id, Name: name, Pid: pid, Namespaces: Object.fromEntries(entries) };
}

export function checkFindingOf({ subject, problem, advice }: CheckFinding): api.CheckFinding {
  return { Subject: subject, Problem: problem, Advice: advice };
}
