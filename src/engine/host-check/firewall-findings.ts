import type { HostFinding } from "../../model/host-check.ts";
import type { HostFacts, ShutChain } from "./facts.ts";
import { inGroup, notVisible } from "./finding.ts";

const firewall = inGroup("firewall");

/** Pure. */
export function findFirewallFaults(facts: HostFacts): readonly HostFinding[] {
  return [
    nfTables(facts),
    forwarding(facts),
    ...forwardChains(facts),
    facts.firewall.filtersBridges
      ? firewall(
          "bridge_nf",
          "net.bridge.bridge-nf-call-iptables is 1: packets within a bridge pass the firewall",
          {
            status: "info",
          },
        )
      : firewall("bridge_nf", "packets within a bridge do not pass the host's firewall"),
    legacy(facts),
    managers(facts),
  ];
}

function nfTables({ firewall: { nfTables: state } }: HostFacts): HostFinding {
  switch (state) {
    case undefined:
      return firewall("nf_tables", notVisible, { status: "info" });
    case "works":
      return firewall("nf_tables", "works");
    case "unloaded":
      return firewall("nf_tables", "not tested: the module is not loaded", {
        status: "info",
        fix: ["modprobe nf_tables"],
      });
    case "refused":
      return firewall("nf_tables", "the kernel refuses tables of the family inet", {
        status: "missing",
        affects: "published ports, masquerading and bridge networks other than the default one",
      });
    default:
      return state satisfies never;
  }
}

function forwarding({ firewall: { forwards }, daemon }: HostFacts): HostFinding {
  if (forwards) return firewall("ip_forward", "on");
  const fix = ["sysctl -w net.ipv4.ip_forward=1"];
  return daemon.state === "serves"
    ? firewall("ip_forward", "off", { status: "warning", affects: "containers reach no other host", fix })
    : firewall("ip_forward", "off; the daemon switches it on with the first bridge network", {
        status: "info",
        fix,
      });
}

/** Tare's bridges, but those that a network's options name. */
const bridges = "tr-";

function forwardChains({ firewall: { shutChains, managers: active }, privileges }: HostFacts): HostFinding[] {
  if (shutChains === undefined) return [firewall("forward chains", notVisible, { status: "info" })];
  if (shutChains.length === 0) {
    return [
      firewall(
        "forward chains",
        privileges.uid === 0 ? "no chain cuts containers off" : "none are visible to this user",
      ),
    ];
  }
  return shutChains.map((shut) =>
    firewall(
      `forward chain ${shut.chainName}${shut.direction === "within" ? " within networks" : ""}`,
      shut.direction === "outwards"
        ? "refuses what containers send to other hosts"
        : "refuses what containers send to each other",
      {
        status: "warning",
        affects:
          shut.direction === "outwards"
            ? "containers reach no other host, and no other host reaches published ports"
            : "containers of a network reach each other not at all",
        fix: letPass(shut, active),
      },
    ),
  );
}

/** In the words of the program that manages the chain, so that it stays open after a reload. */
function letPass({ chainName, direction }: ShutChain, managers: readonly string[]): readonly string[] {
  const isOfIptables = /^ip6? filter FORWARD$/.test(chainName);
  if (chainName.startsWith("inet firewalld ")) {
    return [`firewall-cmd --permanent --zone=trusted --add-interface=${bridges}+`, "firewall-cmd --reload"];
  }
  if (isOfIptables && managers.includes("ufw")) return ["ufw default allow routed", "ufw reload"];
  const [outwards, inwards] =
    isOfIptables && managers.includes("docker")
      ? ["i", "o"].map((flag) => `iptables -I DOCKER-USER -${flag} ${bridges}+ -j ACCEPT`)
      : ["iifname", "oifname"].map((key) => `nft insert rule ${chainName} ${key} '"${bridges}*"' accept`);
  return direction === "within" ? [outwards ?? ""] : [outwards ?? "", inwards ?? ""];
}

function legacy({ firewall: { legacyTables } }: HostFacts): HostFinding {
  if (legacyTables === undefined) return firewall("iptables-legacy", notVisible, { status: "info" });
  if (legacyTables.length === 0) return firewall("iptables-legacy", "not in use");
  return firewall("iptables-legacy", `tables in use: ${legacyTables.join(", ")}`, {
    status: legacyTables.includes("filter") ? "warning" : "info",
    affects: "Tare reads nf_tables only: a policy there that drops is not found",
    fix: ["iptables-legacy -S FORWARD"],
  });
}

const reloads: Readonly<Record<string, string>> = {
  firewalld: "its policies decide about containers, too",
  ufw: "its default for routed packets decides about containers, too (ufw default allow routed)",
  nftables: "a restart of nftables.service flushes all tables; Tare restores its own",
  docker: "it sets the policy of FORWARD to drop",
};

function managers({ firewall: { managers: active } }: HostFacts): HostFinding {
  if (active.length === 0) return firewall("managers", "none is active");
  const known = active.flatMap((name) => (reloads[name] === undefined ? [] : [`${name}: ${reloads[name]}`]));
  return firewall("managers", active.join(", "), { status: "info", affects: known.join("; ") });
}
