import { Failure } from "../../base/failure.ts";
import type { RegistriesConfig, RegistryMirror, RegistryRule } from "./registries-config.ts";

/** What a daemon's configuration adds to registries.conf and the environment. */
export interface RegistryOverrides {
  /** `host[:port]`: plain HTTP and untrusted certificates are allowed. */
  readonly insecure?: readonly string[] | undefined;
  /** Of Docker Hub, in the order in which they are asked; `http(s)://host[:port]`. */
  readonly mirrors?: readonly string[] | undefined;
  /** Replace those of the environment. */
  readonly proxies?:
    | {
        readonly http?: string | undefined;
        readonly https?: string | undefined;
        readonly no?: string | undefined;
      }
    | undefined;
  /** Layers of one pull. */
  readonly downloadsAtOnce?: number | undefined;
  /** Layers of one push. */
  readonly uploadsAtOnce?: number | undefined;
}

const hub = "docker.io";

/** Throws Failure("invalid") in dockerd's words. */
export function parseRegistryMirror(text: string): RegistryMirror {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw wrong(`"${text}" is not a valid URI`);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw wrong(`unsupported scheme "${url.protocol.slice(0, -1)}" in "${text}"`);
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
    throw wrong(`path, query, or fragment at end of the URI "${text}"`);
  if (url.username !== "" || url.password !== "") throw wrong("username/password not allowed in URI");
  return { location: url.host, insecure: url.protocol === "http:", pulls: "all" };
}

/** `host[:port]`. Throws Failure("invalid"). */
export function parseInsecureRegistry(text: string): string {
  if (/^https?:\/\//.test(text))
    throw new Failure("invalid", `insecure registry ${text} should not contain '://'`);
  if (text.includes("/"))
    throw new Failure(
      "invalid",
      `cannot use insecure registry "${text}": Tare takes host names with their ports, but no address ranges`,
    );
  if (!/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::\d{1,5})?$/.test(text))
    throw new Failure("invalid", `insecure registry ${text} is not valid: invalid host "${text}"`);
  return text;
}

/** The rules of registries.conf with those that the daemon's configuration adds. Pure. */
export function withOverrides(
  config: RegistriesConfig,
  { insecure = [], mirrors = [] }: RegistryOverrides,
): RegistriesConfig {
  let rules = config.rules;
  for (const prefix of insecure) {
    // A rule of a repository in that registry wins over the registry's own: it becomes insecure, too.
    rules = rules.map((each) =>
      each.prefix === prefix || each.prefix.startsWith(`${prefix}/`) ? { ...each, insecure: true } : each,
    );
    rules = withRule(rules, prefix, (found) => ({ ...found, insecure: true }));
  }
  if (mirrors.length > 0) {
    const parsed = mirrors.map(parseRegistryMirror);
    rules = withRule(rules, hub, (found) => ({ ...found, mirrors: [...found.mirrors, ...parsed] }));
  }
  return { ...config, rules };
}

function withRule(
  rules: readonly RegistryRule[],
  prefix: string,
  change: (rule: RegistryRule) => RegistryRule,
): readonly RegistryRule[] {
  if (rules.some((each) => each.prefix === prefix))
    return rules.map((each) => (each.prefix === prefix ? change(each) : each));
  return [...rules, change({ prefix, insecure: false, blocked: false, mirrors: [] })];
}

function wrong(why: string): Failure {
  return new Failure("invalid", `invalid mirror: ${why}`);
}
