import { namespaceKinds, type NamespaceInodes, readNamespaces } from "../linux/namespaces/namespaces.ts";
import type { ContainerContext } from "./context.ts";
import type { ContainerNamespaces } from "../model/engine.ts";
import type { ContainerId } from "../model/ids.ts";

interface Row {
  readonly id: ContainerId | "";
  readonly name: string;
  readonly pid: number;
  readonly inodes: NamespaceInodes;
}

/** Namespaces of the host (its row has no id and is called "host") and of all running containers. */
export function listNamespaces({ live, state }: ContainerContext): readonly ContainerNamespaces[] {
  const rows: Row[] = [{ id: "", name: "host", pid: process.pid, inodes: readNamespaces("self") }];
  for (const [id, { kept }] of live) {
    const name = state.findContainer(id)?.name;
    const inodes = findInodes(kept.pid);
    if (name !== undefined && inodes !== undefined) rows.push({ id, name, pid: kept.pid, inodes });
  }
  return groupNamespaces(rows);
}

/** Groups containers by shared namespaces. Pure. */
export function groupNamespaces(rows: readonly Row[]): readonly ContainerNamespaces[] {
  return rows.map((row) => {
    const namespaces: Record<string, { inode: number; sharedWith: string[] }> = {};
    for (const { type } of namespaceKinds) {
      const inode = row.inodes[type];
      if (inode === undefined) continue;
      const others = rows.filter((other) => other !== row && other.inodes[type] === inode);
      namespaces[type] = { inode, sharedWith: others.map((other) => other.name) };
    }
    return { id: row.id, name: row.name, pid: row.pid, namespaces };
  });
}

function findInodes(pid: number): NamespaceInodes | undefined {
  try {
    return readNamespaces(pid);
  } catch {
    return undefined; // it has just ended
  }
}
