import { existsSync } from "node:fs";
import { capabilitiesOfMask } from "../../linux/process/capability.ts";
import { parseResolvConf, readResolver } from "../resolve/resolver.ts";
import { parseDistribution } from "./distribution.ts";
import type { Distribution, PrivilegeFacts, ResolverFacts } from "./facts.ts";
import { optionalPrograms } from "./programs.ts";
import { findText } from "./read-text.ts";

/** Without these no container is created. */
const needed = [
  "CAP_SYS_ADMIN",
  "CAP_NET_ADMIN",
  "CAP_SYS_CHROOT",
  "CAP_SETUID",
  "CAP_MKNOD",
  "CAP_SYS_RESOURCE",
] as const;

export function readPrivileges(): PrivilegeFacts {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(findText("/proc/self/status") ?? "")?.[1] ?? "0";
  const held = new Set<string>(capabilitiesOfMask(BigInt(`0x${mask}`)));
  const map = findText("/proc/self/uid_map")?.trim().split(/\s+/) ?? [];
  return {
    uid: process.getuid?.() ?? 0,
    lacking: needed.filter((name) => !held.has(name)),
    isInitialUserNamespace: map.join(" ") === "0 0 4294967295",
  };
}

export function readDistribution(): Distribution {
  return parseDistribution(findText("/etc/os-release") ?? findText("/usr/lib/os-release") ?? "");
}

/** SPEC: sd_booted(3). */
export function hasSystemd(): boolean {
  return existsSync("/run/systemd/system");
}

export function readResolverFacts(): ResolverFacts {
  const text = findText("/etc/resolv.conf");
  const { upstreams } = readResolver({ readText: (path) => findText(path) ?? "" }, {});
  return {
    hasFile: text !== undefined,
    servers: parseResolvConf(text ?? "").servers,
    upstreams: upstreams.map(({ address }) => address),
  };
}

/** Where an administrator's shell looks, whatever this process's does. */
const directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export function findPrograms(): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    optionalPrograms.map(({ name }) => [
      name,
      directories.some((directory) => existsSync(`${directory}/${name}`)),
    ]),
  );
}
