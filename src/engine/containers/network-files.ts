import { chownSync, writeFileSync } from "node:fs";
import { hostRootOf } from "../../spec/id-map.ts";
import { extendHosts, formatHosts } from "../planning/network-files.ts";
import type { ContainerPlan } from "../planning/plan-container.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ContainerContext } from "./context.ts";

/** Writes the files that stand for /etc/{hosts,hostname,resolv.conf}; gives their paths by target. */
export function makeNetworkFiles(
  context: ContainerContext,
  record: ContainerRecord,
  plan: ContainerPlan,
): Readonly<Record<string, string>> {
  const { places, parts } = context;
  const network = record.spec.namespaces?.network ?? "none";
  // Who shares a network shares what its names mean.
  const owner = typeof network === "object" ? network.container : record.id;
  if (owner === record.id) {
    const hosts =
      network === "host"
        ? extendHosts(parts.host.readText("/etc/hosts"), plan.extraHosts)
        : formatHosts([], plan.extraHosts);
    writeContainerFile(places.file(owner, "hosts"), hosts, record);
    writeContainerFile(places.file(owner, "resolv.conf"), parts.host.readText("/etc/resolv.conf"), record);
  }
  writeContainerFile(places.file(record.id, "hostname"), `${plan.hostname}\n`, record);
  return {
    "/etc/resolv.conf": places.file(owner, "resolv.conf"),
    ...(record.spec.ownsHostname === true ? {} : { "/etc/hostname": places.file(record.id, "hostname") }),
    ...(record.spec.ownsHosts === true ? {} : { "/etc/hosts": places.file(owner, "hosts") }),
  };
}

/** For every user of the container to read, and for its root to change. */
export function writeContainerFile(path: string, text: string, { idMaps }: ContainerRecord): void {
  // Readable by every user in the container; the directory above keeps the host's users out.
  writeFileSync(path, text, { mode: 0o644 });
  if (idMaps === undefined) return;
  const { uid, gid } = hostRootOf(idMaps);
  chownSync(path, uid, gid);
}
