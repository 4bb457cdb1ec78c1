import { Failure } from "../../base/failure.ts";
import { formatIpAddress } from "../../spec/ip-address.ts";
import { mergePortRanges } from "../../spec/merge-ports.ts";
import { parsePortRange, portsOfRange } from "../../spec/port-range.ts";
import { type ContainerContext, isRunning } from "../context.ts";
import { getContainer } from "../find-container.ts";
import type { ExtraHost } from "../resolve/network-files.ts";
import type { ContainerRecord } from "../state/records.ts";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { defaultNetwork } from "./fixed-networks.ts";

interface Link {
  readonly target: string;
  readonly alias: string;
}

/** `db:database`, `db`. Throws "invalid" in Docker's words. */
export function parseLink(text: string): Link {
  const parts = text.replace(/^\//, "").split(":");
  const [target = "", alias] = parts;
  // SAFETY: an alias is a name in /etc/hosts and part of a variable's name.
  if (target === "" || parts.length > 2 || /[\s\p{Cc}]/u.test(text))
    throw new Failure("invalid", `bad format for links: ${text.slice(0, 200)}`);
  return { target, alias: alias?.replace(/^.*\//, "") ?? target };
}

/** Links of the default bridge, where there is no name server: they are lines of /etc/hosts and variables. */
function linksOf({ endpoints = [] }: Pick<ContainerRecord, "endpoints">): readonly Link[] {
  const end = endpoints.find(({ networkName }) => networkName === defaultNetwork);
  return (end?.settings.links ?? []).map(parseLink);
}

/** Throws "not-found" for a link to an unknown container. */
export function checkLinks(
  context: ContainerContext,
  { network: { networks = [] } = {} }: ContainerSpec,
): void {
  for (const { links = [], network } of networks) {
    for (const { target } of links.map(parseLink)) {
      if (network !== defaultNetwork && network !== "default") continue;
      try {
        getContainer(context.state, target);
      } catch (cause) {
        throw new Failure("invalid", `could not get container for ${target}: No such container: ${target}`, {
          cause,
        });
      }
    }
  }
}

/** Throws "conflict" for a link to one that does not run. */
export function linkedHosts(context: ContainerContext, record: ContainerRecord): readonly ExtraHost[] {
  return linksOf(record).flatMap(({ target, alias }) => {
    const other = getLinked(context, record, { target, alias });
    const names = [
      ...new Set([alias, other.spec.network?.hostname ?? other.id.slice(0, 12), other.name]),
    ].join(" ");
    return addressesOf(other).map((address) => ({ name: names, address }));
  });
}

/** `DB_PORT_5432_TCP_ADDR` and its like, as Docker gives them to containers of the default bridge. */
export function linkVariables(context: ContainerContext, record: ContainerRecord): readonly string[] {
  return linksOf(record).flatMap(({ target, alias }) => {
    const other = getLinked(context, record, { target, alias });
    const [address] = addressesOf(other);
    if (address === undefined) return [];
    const prefix = alias.replaceAll("-", "_").toUpperCase();
    const exposed = [...other.imageConfig.defaults.exposedPorts, ...(other.spec.network?.exposedPorts ?? [])];
    const ports = mergePortRanges(exposed.flatMap((text) => parsePortRange(text) ?? []))
      .flatMap(portsOfRange)
      .sort((one, two) => one.port - two.port);
    const [first] = ports;
    return [
      `${prefix}_NAME=/${record.name}/${alias}`,
      ...(first === undefined ? [] : [`${prefix}_PORT=${first.protocol}://${address}:${first.port}`]),
      ...ports.flatMap(({ protocol, port }) => {
        const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
        return [
          `${name}=${protocol}://${address}:${port}`,
          `${name}_ADDR=${address}`,
          `${name}_PORT=${port}`,
          `${name}_PROTO=${protocol}`,
        ];
      }),
      ...(other.spec.process?.env ?? [])
        .filter((entry) => entry.includes("=") && !/^(?:HOME|PATH)=/.test(entry))
        .map((entry) => `${prefix}_ENV_${entry}`),
    ];
  });
}

function getLinked(
  context: ContainerContext,
  record: ContainerRecord,
  { target, alias }: Link,
): ContainerRecord {
  const other = getContainer(context.state, target);
  if (isRunning(other)) return other;
  throw new Failure(
    "conflict",
    `Cannot link to a non running container: /${other.name} AS /${record.name}/${alias}`,
    { details: { container: other.id } },
  );
}

function addressesOf({ endpoints = [] }: ContainerRecord): readonly string[] {
  const plan = endpoints.find(({ networkName }) => networkName === defaultNetwork)?.plan;
  return (plan?.addresses ?? []).map(({ address }) => formatIpAddress(address));
}
