import { existsSync } from "node:fs";
import { hasNfTables } from "../../linux/nftables/support.ts";
import { surveyForwarding } from "../../network/survey-forwarding.ts";
import type { FirewallFacts } from "./facts.ts";
import { findSysctl, findText } from "./read-text.ts";

export function readFirewall({ isPrivileged }: { readonly isPrivileged: boolean }): FirewallFacts {
  const tables = findText("/proc/net/ip_tables_names");
  const isAbsent = !existsSync("/proc/net/ip_tables_names");
  const works = isPrivileged ? hasNfTables() : undefined;
  return {
    hasNfTables: works,
    forwards: findSysctl("net.ipv4.ip_forward") === 1,
    filtersBridges: findSysctl("net.bridge.bridge-nf-call-iptables") === 1,
    shutChains:
      works === true ? surveyForwarding().map(({ place, direction }) => ({ place, direction })) : undefined,
    legacyTables: isAbsent ? [] : tables?.split("\n").filter((name) => name !== ""),
    managers: [
      ...(existsSync("/run/firewalld") || existsSync("/run/firewalld.pid") ? ["firewalld"] : []),
      ...(/^ENABLED=yes/im.test(findText("/etc/ufw/ufw.conf") ?? "") ? ["ufw"] : []),
      ...(existsSync("/run/docker.pid") ? ["docker"] : []),
      ...(existsSync("/etc/systemd/system/sysinit.target.wants/nftables.service") ? ["nftables"] : []),
    ],
  };
}
