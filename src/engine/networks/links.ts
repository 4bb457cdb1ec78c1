import { readFileSync, statSync, writeFileSync } from "node:fs";
import { Failure, sentenceOf } from "../../base/failure.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import { mergePortRanges } from "../../spec/merge-ports.ts";
import { parsePortRange, portsOfRange } from "../../spec/port-range.ts";
import type { ContainerReference } from "../../model/ids.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { getContainer } from "../find-container.ts";
import { inRealm } from "../realm.ts";
import { findLink, findTarget, type LinkRecord, linksOf, splitLink, withLinks } from "../link-records.ts";
import { findNetworkOwner } from "../network-owner.ts";
import { mergeEnvironment } from "../resolve/environment.ts";
import { formatLinkVariables } from "../resolve/link-variables.ts";
import type { ExtraHost } from "../resolve/network-files.ts";
import type { ContainerRecord, EndpointRecord } from "../state/records.ts";
import { defaultNetwork } from "./fixed-networks.ts";

/** A container may fill its file; no larger one is changed. */
const MOST_HOSTS_BYTES = 1024 * 1024;

/** Throws "invalid" in Docker's words. */
function parseLink(text: string): LinkRecord {
  // SAFETY: an alias is a name in /etc/hosts and part of a variable's name.
  const link = splitLink(text);
  if (link.target === "" || text.split(":").length > 2 || /[\s\p{Cc}]/u.test(text))
    throw new Failure("invalid", `bad format for links: ${text.slice(0, 200)}`);
  return link;
}

/**
 * Ends whose links in the default bridge name containers by their ids: a rename keeps the link. Of several with one
 * alias, the first is kept. Throws "invalid" for a link to an unknown container.
 */
export function pinLinks(
  context: ContainerContext,
  endpoints: readonly EndpointRecord[],
): readonly EndpointRecord[] {
  for (const { settings } of endpoints) settings.links?.forEach(parseLink);
  return withLinks(endpoints, (links) => {
    const byAlias = new Map<string, string>();
    for (const { target, alias } of links.map(parseLink)) {
      const { id, spec } = findLinkable(context, target);
      if (spec.isolation?.namespaces?.network === "host") {
        throw new Failure(
          "invalid",
          "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
        );
      }
      if (!byAlias.has(alias)) byAlias.set(alias, id);
    }
    return [...byAlias].map(([alias, id]) => `${id}:${alias}`);
  });
}

function findLinkable(context: ContainerContext, target: string): ContainerRecord {
  try {
    const found = getContainer(context.state, inRealm(context.state, target, "engine"));
    return findNetworkOwner(context, found) ?? found;
  } catch (cause) {
    throw new Failure("invalid", `could not get container for ${target}: No such container: ${target}`, {
      cause,
    });
  }
}

/**
 * Removes the link that a name such as `web/db` stands for, and its lines in the hosts file; the containers stay. Throws
 * "not-found", or "conflict" for the name of a container.
 */
export async function removeLink(context: ContainerContext, reference: ContainerReference): Promise<void> {
  const name = reference.replace(/^\//, "");
  if (!name.includes("/")) {
    getContainer(context.state, name);
    throw new Failure("conflict", "Conflict, cannot remove the default link name of the container");
  }
  const notFound = new Failure("not-found", `cannot find link "${name.slice(0, 200)}"`, {
    details: { container: reference },
  });
  const asked = findLink(context.state, name);
  if (asked === undefined) throw notFound;
  using _ = await context.locks.acquire(asked.parent.id);
  const link = findLink(context.state, name);
  if (link === undefined) throw notFound;
  const { parent, alias } = link;
  const endpoints = withLinks(parent.endpoints ?? [], (links) =>
    links.filter((each) => splitLink(each).alias !== alias),
  );
  context.state.putContainer({ ...parent, endpoints });
  if (isRunning(parent)) changeHosts(context, parent, (line) => (nameIn(line) === alias ? undefined : line));
}

/** Lines of running containers that have linked this one, which has got an address now. */
export function updateLinkedHosts(context: ContainerContext, record: ContainerRecord): void {
  for (const parent of context.state.linkingContainers()) {
    if (!isRunning(parent) || parent.id === record.id) continue;
    const aliases = linksOf(parent)
      .filter(({ target }) => target === record.id || target === record.name)
      .map(({ alias }) => alias);
    if (aliases.length === 0) continue;
    const addresses = addressesOf(record);
    changeHosts(context, parent, (line) => {
      const name = nameIn(line);
      if (name === undefined || !aliases.includes(name)) return line;
      const [before = "", names = ""] = line.split("\t");
      const address = addresses.find((each) => each.includes(":") === before.includes(":"));
      return address === undefined ? line : `${address}\t${names}`;
    });
  }
}

/** The name right behind the address. */
function nameIn(line: string): string | undefined {
  return /^[0-9a-f:.]+\t(\S+)/.exec(line)?.[1];
}

/** In place, because it is bind-mounted. The container may have written any other lines. */
function changeHosts(
  context: ContainerContext,
  { id }: ContainerRecord,
  change: (line: string) => string | undefined,
): void {
  const path = context.paths.file(id, "hosts");
  try {
    if (statSync(path).size > MOST_HOSTS_BYTES) return;
    const before = readFileSync(path, "latin1");
    const after = before
      .split("\n")
      .flatMap((line) => change(line) ?? [])
      .join("\n");
    if (after !== before) writeFileSync(path, after, "latin1");
  } catch (thrown) {
    context.background.note(id, `its hosts file cannot be changed: ${sentenceOf(thrown)}`);
  }
}

/** Throws "conflict" for a link to one that does not run. */
export function linkedHosts(context: ContainerContext, record: ContainerRecord): readonly ExtraHost[] {
  return linksOf(record).flatMap((link) => {
    const { alias } = link;
    const other = getLinked(context, record, link);
    if (other === undefined) return [];
    const names = [
      ...new Set([alias, other.spec.network?.hostname ?? other.id.slice(0, 12), other.name]),
    ].join(" ");
    return addressesOf(other).map((address) => ({ name: names, address }));
  });
}

/**
 * `DB_PORT_5432_TCP_ADDR` and its like, as Docker gives them to containers of the default bridge. Throws "conflict" for a
 * link to one that does not run; with `skipsStopped` such a link has none.
 */
export function linkVariables(
  context: ContainerContext,
  record: ContainerRecord,
  { skipsStopped = false }: { readonly skipsStopped?: boolean | undefined } = {},
): readonly string[] {
  return linksOf(record).flatMap((link) => {
    const found = findTarget(context.state, link);
    if (found === undefined || (skipsStopped && !isRunning(found))) return [];
    const other = getLinked(context, record, link);
    const [address] = other === undefined ? [] : addressesOf(other);
    if (other === undefined || address === undefined) return [];
    const exposed = [...other.imageConfig.defaults.exposedPorts, ...(other.spec.network?.exposedPorts ?? [])];
    const ports = mergePortRanges(exposed.flatMap((text) => parsePortRange(text) ?? [])).flatMap(
      portsOfRange,
    );
    const env = mergeEnvironment(other.spec.process?.env ?? [], other.imageConfig.defaults.env);
    return formatLinkVariables({
      name: `/${record.name}/${link.alias}`,
      alias: link.alias,
      address,
      ports,
      env,
    });
  });
}

/** Undefined when it is gone. Throws "conflict" when it does not run. */
function getLinked(
  context: ContainerContext,
  record: ContainerRecord,
  link: LinkRecord,
): ContainerRecord | undefined {
  const other = findTarget(context.state, link);
  if (other === undefined || isRunning(other)) return other;
  throw new Failure(
    "conflict",
    `Cannot link to a non running container: /${other.name} AS /${record.name}/${link.alias}`,
    { details: { container: other.id } },
  );
}

function addressesOf({ endpoints = [] }: ContainerRecord): readonly string[] {
  const plan = endpoints.find(({ networkName }) => networkName === defaultNetwork)?.plan;
  return (plan?.addresses ?? []).map(({ address }) => formatIpAddress(address));
}
