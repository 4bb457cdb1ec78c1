import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { hostRootOf } from "../../spec/id-map.ts";
import type { EndpointPlan } from "../../network/types.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import { hasNameServer } from "./names.ts";
import { linkedHosts } from "./links.ts";
import {
  type ExtraHost,
  extendHosts,
  formatHosts,
  formatHostsOn,
  withGateways,
} from "../resolve/network-files.ts";
import type { ResolvedContainer } from "../resolve/container.ts";
import { formatEmbeddedResolvConf, formatResolvConf, readResolver } from "../resolve/resolver.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ContainerContext } from "../context.ts";
import { readBaseHosts } from "./hosts-file.ts";
import { findNetworkOwner } from "../network-owner.ts";

/** Writes the files that stand for /etc/{hosts,hostname,resolv.conf}; returns their paths by target. */
export function makeNetworkFiles(
  context: ContainerContext,
  record: ContainerRecord,
  {
    plan,
    ends,
    root,
  }: { readonly plan: ResolvedContainer; readonly ends: readonly EndpointPlan[]; readonly root: Fd },
): Readonly<Record<string, string>> {
  const { paths, dependencies } = context;
  const network = record.spec.isolation?.namespaces?.network;
  // Containers that share a network share its host name and its DNS names.
  const owner = findNetworkOwner(context, record)?.id ?? record.id;
  // But for a container of a pod that shares the network and not the name.
  const named = (record.spec.network?.hostname ?? "") === "" ? owner : record.id;
  if (owner === record.id) {
    const extra = withGateways(plan.extraHosts, gatewaysOf(context, ends));
    const base = readBaseHosts(record.spec, root);
    const linked = linkedHosts(context, record);
    const hosts =
      base !== undefined
        ? formatHostsOn(base, [...extra, ...linked, ...ownHosts(plan, ends)])
        : network === "host"
          ? extendHosts(dependencies.host.readText("/etc/hosts"), extra)
          : formatHosts(ownHosts(plan, ends), [...extra, ...linked]);
    writeContainerFile(paths.file(owner, "hosts"), hosts, record);
    writeContainerFile(paths.file(owner, "resolv.conf"), resolvConfOf(context, record), record);
  }
  if (named === record.id) {
    writeContainerFile(paths.file(named, "hostname"), `${plan.hostname}\n`, record);
  }
  return {
    "/etc/resolv.conf": paths.file(owner, "resolv.conf"),
    ...(record.spec.network?.ownsHostname === true ? {} : { "/etc/hostname": paths.file(named, "hostname") }),
    ...(record.spec.network?.ownsHosts === true ? {} : { "/etc/hosts": paths.file(owner, "hosts") }),
  };
}

/** Its own name at each of its addresses. */
export function ownHosts(
  { hostname, domainname }: Pick<ResolvedContainer, "hostname" | "domainname">,
  ends: readonly EndpointPlan[],
): readonly ExtraHost[] {
  const name = domainname === "" ? hostname : `${hostname}.${domainname} ${hostname}`;
  return ends.flatMap(({ addresses }) =>
    addresses.map(({ address }) => ({ name, address: formatIpAddress(address) })),
  );
}

/**
 * Updates the file after a change of the container's networks, unless another program has changed it. Writes it in
 * place, because it is bind-mounted.
 */
export function updateResolvConf(
  context: ContainerContext,
  { before, after }: { readonly before: ContainerRecord; readonly after: ContainerRecord },
): void {
  const path = context.paths.file(after.id, "resolv.conf");
  const [old, text] = [resolvConfOf(context, before), resolvConfOf(context, after)];
  if (old !== text && readFileSync(path, "utf8") === old) writeFileSync(path, text);
}

function resolvConfOf(context: ContainerContext, record: ContainerRecord): string {
  const { host } = context.dependencies;
  const { isolation: { namespaces } = {}, network: { dns, dnsSearch, dnsOptions } = {} } = record.spec;
  const asks = (dns ?? dnsSearch ?? dnsOptions ?? []).length > 0;
  // Returns the host's file unchanged when the container reaches the host's resolver as the host does, or reaches none.
  if (namespaces?.network !== undefined && !asks) return host.readText("/etc/resolv.conf");
  const resolver = readResolver(host, record.spec.network);
  if (hasNameServer(context, record)) return formatEmbeddedResolvConf(resolver);
  return formatResolvConf(
    namespaces?.network === "host"
      ? { ...resolver, upstreams: resolver.upstreams.map(({ address }) => ({ address, from: "container" })) }
      : resolver,
  );
}

/** Addresses at which the host is reached: those that its packets leave by, else those of the default bridge. */
function gatewaysOf({ networks }: ContainerContext, ends: readonly EndpointPlan[]): readonly string[] {
  const own = ends.flatMap(({ networkId, defaultGateways }) =>
    networks.find(networkId)?.plan?.driver === "bridge" ? defaultGateways : [],
  );
  if (own.length > 0) return own.map(formatIpAddress);
  return (networks.default().plan?.subnets ?? []).flatMap(({ gateway }) =>
    gateway === undefined ? [] : [formatIpAddress(gateway)],
  );
}

/** For every user of the container to read, and for its root to change. */
export function writeContainerFile(
  path: string,
  text: string | Uint8Array,
  { idMaps }: ContainerRecord,
): void {
  // Readable by every user in the container; the directory above keeps the host's users out.
  writeFileSync(path, text, { mode: 0o644 });
  if (idMaps === undefined) return;
  const { uid, gid } = hostRootOf(idMaps);
  chownSync(path, uid, gid);
}
