import { isIP } from "node:net";
import type { ContainerSpec } from "../../model/container-spec.ts";
import { quote, refuse } from "./refusal.ts";

/** `name:address`, as `--add-host` takes it (`name=address`, too). */
export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

/** The keyword for the host's own address in an entry. */
export const hostGateway = "host-gateway";

/** Throws "invalid" for an entry without name or address. */
export function parseExtraHosts(entries: readonly string[] = []): readonly ExtraHost[] {
  return entries.map((entry) => {
    const match = /^([^\s:=\p{Cc}]+)[:=](.+)$/u.exec(entry);
    const name = match?.[1] ?? "";
    const address = (match?.[2] ?? "").replace(/^\[(.*)\]$/, "$1");
    if (name === "" || (address !== hostGateway && isIP(address) === 0)) {
      const isAddress = name === "" || address.includes("\n") || /[\p{Cc}\s]/u.test(entry);
      throw refuse(
        isAddress
          ? `bad format for add-host: ${quote(entry)}`
          : `invalid IP address in add-host: ${quote(address)}`,
      );
    }
    return { name, address };
  });
}

/** /etc/hosts of a container that has its own network namespace. */
export function formatHosts(own: readonly ExtraHost[], extra: readonly ExtraHost[]): string {
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...[...extra, ...own].map(({ name, address }) => `${address}\t${name}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** With the addresses that lead to the host, one line each; entries that need one go when there is none. */
export function withGateways(
  entries: readonly ExtraHost[],
  gateways: readonly string[],
): readonly ExtraHost[] {
  return entries.flatMap(({ name, address }) =>
    address === hostGateway ? gateways.map((gateway) => ({ name, address: gateway })) : [{ name, address }],
  );
}

/**
 * The text with the addresses of an interface that came; those of `gone` are taken out. Other lines stay as they are.
 */
export function changeHosts(
  text: string,
  {
    come = [],
    gone = [],
  }: { readonly come?: readonly ExtraHost[] | undefined; readonly gone?: readonly string[] | undefined },
): string {
  const lines = text.split("\n").filter((line) => line !== "" && !gone.includes(line.split(/\s/)[0] ?? ""));
  return `${[...lines, ...come.map(({ name, address }) => `${address}\t${name}`)].join("\n")}\n`;
}

/** A file of the caller's choice with the container's entries, and those of localhost where it has none. */
export function formatHostsOn(base: string, entries: readonly ExtraHost[]): string {
  const hasLocalhost = base
    .split("\n")
    .some((line) => line.replace(/#.*/, "").split(/\s+/).slice(1).includes("localhost"));
  return hasLocalhost ? extendHosts(base, entries) : extendHosts(extendHosts(base, localhost), entries);
}

const localhost: readonly ExtraHost[] = [
  { name: "localhost", address: "127.0.0.1" },
  { name: "localhost ip6-localhost ip6-loopback", address: "::1" },
];

/** Validates the base of /etc/hosts: `none`, `image` or an absolute path. Throws "invalid". */
export function checkHostsBase({
  network: { hostsFile, ownsHosts } = {},
  isolation: { namespaces } = {},
}: ContainerSpec): void {
  if (hostsFile === undefined) return;
  if (
    hostsFile !== "none" &&
    hostsFile !== "image" &&
    (!hostsFile.startsWith("/") || hostsFile.includes("\0"))
  )
    throw refuse(`invalid hosts file ${quote(hostsFile)}: it must be an absolute path, "none" or "image"`);
  if (ownsHosts === true) throw refuse("conflicting options: a hosts file and the image's own /etc/hosts");
  if (typeof namespaces?.network === "object")
    throw refuse("conflicting options: a hosts file and the network mode");
}

/** The host's file with the caller's entries. */
export function extendHosts(host: string, extra: readonly ExtraHost[]): string {
  const text = host === "" || host.endsWith("\n") ? host : `${host}\n`;
  return text + extra.map(({ name, address }) => `${address}\t${name}\n`).join("");
}
