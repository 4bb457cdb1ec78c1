import { isIP } from "node:net";
import type { ContainerNetwork } from "../../model/container-spec.ts";
import { refuse, quote } from "./refusal.ts";

/** Text of a file of the host; "" when absent. */
export interface ResolverHost {
  readText(path: string): string;
}

/** The name server for names other than containers'; a loopback address is the host's own. */
export interface ResolverUpstream {
  readonly address: string;
  readonly from: "container" | "host";
}

export interface Resolver {
  readonly upstreams: readonly ResolverUpstream[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** The caller has set the number of dots of an absolute name. */
  readonly ndotsSet: boolean;
}

type ResolverWishes = Pick<ContainerNetwork, "dns" | "dnsSearch" | "dnsOptions">;

/** The address at which the engine's name server is reached in each container. */
export const embeddedServer = "127.0.0.11";
const systemdStub = "127.0.0.53";
const systemdFile = "/run/systemd/resolve/resolv.conf";

/** The host's resolver with the caller's wishes: each replaces the host's, as in Docker. SPEC: resolv.conf(5) */
export function readResolver(
  host: ResolverHost,
  { dns, dnsSearch, dnsOptions }: ResolverWishes = {},
): Resolver {
  const file = readHostFile(host);
  const servers = dns === undefined || dns.length === 0 ? file.servers : dns;
  const search = dnsSearch === undefined || dnsSearch.length === 0 ? file.search : dnsSearch;
  const options = dnsOptions === undefined || dnsOptions.length === 0 ? file.options : dnsOptions;
  return {
    upstreams: servers.map((address) => ({ address, from: isLoopback(address) ? "host" : "container" })),
    // "." disables the search list.
    search: search.filter((domain) => domain !== "."),
    options,
    ndotsSet: (dnsOptions ?? []).some((option) => option.startsWith("ndots:")),
  };
}

/** systemd-resolved's stub is only reachable on the host: another file lists its upstream servers. */
function readHostFile(host: ResolverHost): ReturnType<typeof parseResolvConf> {
  const own = parseResolvConf(host.readText("/etc/resolv.conf"));
  if (own.servers.length === 0 || own.servers.some((address) => address !== systemdStub)) return own;
  const real = parseResolvConf(host.readText(systemdFile));
  return real.servers.length === 0 ? own : real;
}

export function parseResolvConf(text: string): {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
} {
  const servers: string[] = [];
  let search: readonly string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "nameserver" && rest[0] !== undefined && isIP(rest[0].split("%")[0] ?? "") !== 0) {
      servers.push(rest[0]);
    } else if (word === "search" || word === "domain") search = rest;
    else if (word === "options") options.push(...rest);
  }
  return { servers, search, options };
}

/** /etc/resolv.conf of a container that asks these itself. */
export function formatResolvConf({ upstreams, search, options }: Resolver): string {
  const reachable = upstreams.filter(({ from }) => from === "container");
  return formatLines(
    reachable.map(({ address }) => address),
    { search, options },
  );
}

/** That of one that asks the engine's name server. Names without a dot are containers': they are asked for first. */
export function formatEmbeddedResolvConf({ search, options, ndotsSet }: Resolver): string {
  const own = options.filter((option) => ndotsSet || !option.startsWith("ndots:"));
  return formatLines([embeddedServer], { search, options: ndotsSet ? own : [...own, "ndots:0"] });
}

/** Throws "invalid" in Docker's words. */
export function checkResolverWishes({
  dns = [],
  dnsSearch = [],
  dnsOptions = [],
}: ResolverWishes = {}): void {
  for (const address of dns) {
    if (isIP(address) === 0) throw refuse(`${address.slice(0, 100)} is not an ip address`);
  }
  for (const domain of dnsSearch) {
    if (domain !== "." && !/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(domain)) {
      throw refuse(`${quote(domain)} is not a valid domain`);
    }
  }
  // SAFETY: the file has one setting a line, and its words are separated by white space.
  for (const option of dnsOptions) {
    if (!/^[\x21-\x7e]+$/.test(option)) throw refuse(`invalid DNS option ${quote(option)}`);
  }
}

function formatLines(
  servers: readonly string[],
  { search, options }: { readonly search: readonly string[]; readonly options: readonly string[] },
): string {
  return [
    ...servers.map((address) => `nameserver ${address}\n`),
    ...(search.length === 0 ? [] : [`search ${search.join(" ")}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}\n`]),
  ].join("");
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
