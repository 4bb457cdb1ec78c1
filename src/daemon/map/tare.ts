import type * as api from "../../api/types/tare.ts";
import type { CheckFinding, ContainerNamespaces } from "../../model/engine.ts";
import type { PublishedReach } from "../../model/networks.ts";
import type { StoreUsage } from "../../model/usage.ts";

export function namespacesRowOf({ id, name, pid, namespaces }: ContainerNamespaces): api.NamespacesRow {
  const entries = Object.entries(namespaces).map(([type, { inode, sharedWith }]) => [
    type,
    { Inode: inode, SharedWith: sharedWith },
  ]);
  return { Id: id, Name: name, Pid: pid, Namespaces: Object.fromEntries(entries) };
}

export function storeUsageOf({
  policy,
  totalBytes,
  rows,
  rebuildable,
  refetchable,
}: StoreUsage): api.StoreUsage {
  const counted = ({ count, bytes }: { readonly count: number; readonly bytes: number }) => ({
    Count: count,
    Size: bytes,
  });
  return {
    Policy: policy,
    TotalSize: totalBytes,
    Kinds: rows.map(({ kind, ...rest }) => ({ Kind: kind, ...counted(rest) })),
    Rebuildable: counted(rebuildable),
    Refetchable: counted(refetchable),
  };
}

export function reachRowOf(reach: PublishedReach): api.ReachRow {
  return {
    Container: reach.containerId,
    Network: reach.network,
    Type: reach.protocol,
    HostIp: reach.hostAddress ?? "",
    HostPort: reach.hostPort,
    ContainerPort: reach.containerPort,
    Count: reach.count,
    Interfaces: reach.interfaces,
    BlockedBy: reach.blockedBy,
    Conflicts: reach.conflicts,
    Summary: reach.summary,
    Text: reach.text,
  };
}

export function checkFindingOf({ subject, problem, advice }: CheckFinding): api.CheckFinding {
  return { Subject: subject, Problem: problem, Advice: advice };
}
