import { Failure } from "../../base/failure.ts";
import { formatFamiliar, type Reference } from "../../spec/reference.ts";
import type { RegistriesConfig, RegistryRule } from "../../spec/registry/registries-config.ts";
import type { RepositoryAction } from "./endpoint.ts";

/** A host to ask for a repository, before it is known which of the two schemes it speaks. */
export interface EndpointCandidate {
  /** With a port where there is one. */
  readonly host: string;
  /** The repository's path there. */
  readonly path: string;
  /** TLS with any certificate, and plain HTTP where there is no TLS. */
  readonly insecure: boolean;
  readonly isMirror: boolean;
}

/** Docker's own registry is found under another name than its images have. */
const hosts: ReadonlyMap<string, string> = new Map([["docker.io", "registry-1.docker.io"]]);

/**
 * The endpoints for a reference, in order of preference; for a push there is one. Throws "not-permitted" for a blocked
 * one.
 */
export function chooseEndpoints(
  reference: Reference,
  { config, action }: { readonly config: RegistriesConfig; readonly action: RepositoryAction },
): readonly EndpointCandidate[] {
  const { domain, path } = reference;
  const rule = findRule(`${domain}/${path}`, config);
  if (rule?.blocked === true) {
    const what = action === "search" ? domain : formatFamiliar(reference);
    throw new Failure(
      "not-permitted",
      `cannot ${action} ${what}: "${rule.prefix}" is blocked by the registries' configuration`,
    );
  }
  const locate = (location: string): { readonly host: string; readonly path: string } => {
    const [host = "", ...above] = location.split("/");
    const below = rest(`${domain}/${path}`, rule);
    return { host: hosts.get(host) ?? host, path: [...above, below].filter((part) => part !== "").join("/") };
  };
  const own =
    rule?.location === undefined ? { host: hosts.get(domain) ?? domain, path } : locate(rule.location);
  const primary = { ...own, insecure: rule?.insecure === true || isLoopback(own.host), isMirror: false };
  if (action !== "pull" || rule === undefined) return [primary];
  const byDigest = reference.digest !== undefined;
  const mirrors = rule.mirrors
    .filter(({ pulls }) => pulls === "all" || (pulls === "digest-only") === byDigest)
    .map(({ location, insecure }) => {
      const at = locate(location);
      return { ...at, insecure: insecure || isLoopback(at.host), isMirror: true };
    });
  return [...mirrors, primary];
}

/** The one with the longest prefix that fits. */
function findRule(name: string, { rules }: RegistriesConfig): RegistryRule | undefined {
  return rules
    .filter(({ prefix }) => fits(name, prefix))
    .sort((one, other) => other.prefix.length - one.prefix.length)[0];
}

function fits(name: string, prefix: string): boolean {
  if (!prefix.startsWith("*.")) return name === prefix || name.startsWith(`${prefix}/`);
  const [domain = ""] = name.split("/");
  const host = domain.replace(/:\d+$/, "");
  return host.endsWith(prefix.slice(1));
}

/** The part of the name after the prefix. */
function rest(name: string, rule: RegistryRule | undefined): string {
  if (rule === undefined || rule.prefix.startsWith("*.")) return name.slice(name.indexOf("/") + 1);
  return name.slice(rule.prefix.length + 1);
}

/** As Docker: what never leaves this machine may be unencrypted. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
