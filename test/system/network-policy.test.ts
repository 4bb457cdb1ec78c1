import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { NetworkFinding, PortReach } from "../../src/network/networks.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";
import { poll } from "../support/patience.ts";

let world: World;
let web: TestNamespace;
const front = bridgePlan("front", 1);
const published = ports(
  "tcp 8080:80",
  "tcp 8081:80",
  "udp 8080:80",
  "tcp 8082+4:8082",
  "tcp 127.0.0.1:8090:80",
);

beforeAll(async () => {
  world = await openWorld();
  filterBridges("0");
  web = await world.add("web");
  await world.host.call("open", { dataRoot: world.dataRoot });
  await world.host.call("ensure", front);
  await world.host.call("attach", endpointPlan(front, 2, { ports: published }), web.path);
  for (const port of [80, 8082, 8084]) await web.listen("tcp", port, "web");
  await web.listen("udp", 80, "web");
  await world.other.listen("tcp", 80, "other");
  // A service of the host's own, to compare with.
  await world.host.listen("tcp", 9090, "host");
});

/** Whether packets within a bridge pass the chains of iptables and of inet tables, too: br_netfilter. */
function filterBridges(value: "0" | "1"): void {
  world.host.run("sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${value}`);
}

afterAll(async () => await world[Symbol.asyncDispose]());

interface Firewall {
  readonly name: string;
  readonly set: () => void;
  readonly clear: () => void;
  /** protocol, port → whether the other host may. */
  readonly open: readonly (readonly ["tcp" | "udp", number])[];
  readonly shut: readonly (readonly ["tcp" | "udp", number])[];
  readonly blockedBy: string;
  /** Its rules for forwarded packets let containers out. */
  readonly letsOut: boolean;
}

const firewalls: readonly Firewall[] = [
  {
    name: "rules of one's own, with a set and a map of verdicts",
    set: () =>
      world.host.nft(`table inet filter {
        set allowed { type inet_service; flags interval; elements = { 8081, 8084-8085 } }
        set friends { type ipv4_addr; flags interval; elements = { 10.9.1.0/24 } }
        chain services { tcp dport @allowed accept; udp dport 8080 counter accept }
        chain input {
          type filter hook input priority filter; policy drop;
          ct state vmap { established : accept, related : accept, invalid : drop }
          iifname "lo" accept
          meta l4proto vmap { icmp : accept, ipv6-icmp : accept, tcp : goto services, udp : goto services }
        }
      }`),
    clear: () => world.host.nft("delete table inet filter"),
    open: [
      ["tcp", 8081],
      ["tcp", 8084],
      ["udp", 8080],
    ],
    shut: [
      ["tcp", 8080],
      ["tcp", 8082],
    ],
    blockedBy: "inet filter input",
    letsOut: true,
  },
  {
    name: "firewalld's rules",
    set: () =>
      world.host.nft(`table inet firewalld {
        chain filter_INPUT {
          type filter hook input priority filter + 10; policy accept;
          ct state { established, related } accept
          ct status dnat accept
          iifname "lo" accept
          ct state invalid drop
          jump filter_INPUT_ZONES
          reject with icmpx admin-prohibited
        }
        chain filter_INPUT_ZONES { iifname "lan" goto filter_IN_public; goto filter_IN_public; }
        chain filter_IN_public {
          jump filter_IN_public_deny
          jump filter_IN_public_allow
          meta l4proto { icmp, ipv6-icmp } accept
          reject with icmpx admin-prohibited
        }
        chain filter_IN_public_deny { }
        chain filter_IN_public_allow { tcp dport 8081 accept; udp dport 8080 accept; tcp dport 8084 accept }
        chain filter_FORWARD {
          type filter hook forward priority filter + 10; policy accept;
          ct state { established, related } accept
          ct status dnat accept
          iifname "lo" accept
          reject with icmpx admin-prohibited
        }
      }`),
    clear: () => world.host.nft("delete table inet firewalld"),
    open: [
      ["tcp", 8081],
      ["tcp", 8084],
      ["udp", 8080],
    ],
    shut: [
      ["tcp", 8080],
      ["tcp", 8082],
    ],
    blockedBy: "inet firewalld filter_INPUT",
    letsOut: false,
  },
  {
    name: "iptables with extensions, as ufw writes it",
    set: () => {
      for (const program of ["iptables-nft", "ip6tables-nft"]) {
        for (const rule of [
          "-N user-input",
          "-A user-input -p tcp -m multiport --dports 8081,8084 -j ACCEPT",
          "-A user-input -p udp -m udp --dport 8080 -j ACCEPT",
          "-A user-input -m limit --limit 3/min -j LOG --log-prefix blocked",
          "-A user-input -p tcp --dport 8082 -j REJECT",
          "-A INPUT -i lo -j ACCEPT",
          "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
          ...(program === "iptables-nft" ? ["-A INPUT -m addrtype --dst-type BROADCAST -j RETURN"] : []),
          ...(program === "ip6tables-nft" ? ["-A INPUT -p ipv6-icmp -j ACCEPT"] : []),
          "-A INPUT -j user-input",
          "-P INPUT DROP",
        ]) {
          world.host.run(program, ...rule.split(" "));
        }
      }
    },
    clear: () => world.host.nft("delete table ip filter; delete table ip6 filter"),
    open: [
      ["tcp", 8081],
      ["tcp", 8084],
      ["udp", 8080],
    ],
    shut: [
      ["tcp", 8080],
      ["tcp", 8082],
    ],
    blockedBy: "ip filter INPUT",
    letsOut: true,
  },
];

async function reach(text: "tcp" | "udp", port: number): Promise<PortReach> {
  const all = await world.host.call<PortReach[]>("reachOf", published, front.id);
  return all.find(
    ({ ports: each }) =>
      each.protocol === text &&
      each.hostPort <= port &&
      port < each.hostPort + each.count &&
      each.hostAddress === undefined,
  ) as PortReach;
}

const addresses = ["10.9.0.1", "fd09::1"] as const;

for (const firewall of firewalls) {
  describe(firewall.name, () => {
    beforeAll(() => firewall.set());
    afterAll(async () => {
      firewall.clear();
      await world.host.call("setPolicy", "docker");
    });

    test("policy docker: published ports pass the input rules by", async () => {
      expect(await world.other.probeBriefly("tcp", "10.9.0.1", 9090)).not.toStartWith("host");
      for (const [protocol, port] of [...firewall.open, ...firewall.shut]) {
        for (const address of addresses)
          expect(await world.other.probe(protocol, address, port)).toStartWith("web");
      }
      expect((await reach("tcp", 8080)).text).toBe("from lan");
    });

    test("policy respect-host: published ports obey the input rules, sources and all", async () => {
      await world.host.call("setPolicy", "respect-host");
      for (const address of addresses) {
        for (const [protocol, port] of firewall.open) {
          expect(await world.other.probe(protocol, address, port)).toBe(
            `web ${address === "fd09::1" ? "fd09::2" : "10.9.0.2"}`,
          );
        }
        for (const [protocol, port] of firewall.shut) {
          expect(await world.other.probeBriefly(protocol, address, port)).not.toStartWith("web");
        }
      }
      expect(await world.host.probe("tcp", "127.0.0.1", 8080)).toBe("web 172.30.1.1");
      expect(await world.host.probe("tcp", "10.9.0.1", 8080)).toBe("web 10.9.0.1");
      expect(await web.probe("tcp", "10.9.0.2", 80)).toBe(firewall.letsOut ? "other 10.9.0.1" : "refused");
      expect(await world.host.call<NetworkFinding[]>("findings")).toEqual([]);
    });

    test("reachOf() says so", async () => {
      const shut = await reach("tcp", 8080);
      expect(shut.local).toBe(true);
      expect(shut.blockedBy).toContain(firewall.blockedBy);
      expect(shut.text).toStartWith(`from this host only (blocked by ${firewall.blockedBy}`);
      const open = await reach("tcp", 8081);
      expect(open.interfaces).toEqual(["lan"]);
    });

    test("a change of the host's rules counts at once", async () => {
      const look = async (): Promise<true | undefined> =>
        (await world.other.probeBriefly("tcp", "10.9.0.1", 8080)).startsWith("web") ? true : undefined;
      expect(await look()).toBeUndefined();
      firewall.clear();
      await poll(look, { timeoutMs: 20_000, everyMs: 50, what: "reach the port" });
      firewall.set();
      await poll(async () => ((await look()) === undefined ? true : undefined), {
        timeoutMs: 20_000,
        everyMs: 50,
        what: "find the port shut",
      });
    });
  });
}

test("what the host's forward chain refuses is told, for what comes in and what goes out", async () => {
  world.host.run("ip", "route", "add", "default", "via", "10.9.0.2");
  world.host.nft(`table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; ct state established accept; } }
    table ip6 filter { chain FORWARD { type filter hook forward priority filter; policy drop; } }`);
  expect(await world.other.probeBriefly("tcp", "10.9.0.1", 8080)).toBe("silent");
  expect(await reach("tcp", 8080)).toMatchObject({
    local: true,
    text: "from this host only (blocked by ip filter FORWARD, ip6 filter FORWARD)",
  });
  const [finding] = await world.host.call<NetworkFinding[]>("findings");
  expect(finding?.problem).toBe("refuses what containers of front send to other hosts");
  expect(await web.probeBriefly("tcp", "10.9.0.2", 80)).toBe("silent");
  // What is advised helps.
  for (const command of (finding as NetworkFinding).advice.replace("let it pass there: ", "").split("; ")) {
    world.host.run(...command.split(" "));
  }
  expect(await web.probe("tcp", "10.9.0.2", 80)).toBe("other 10.9.0.1");
  expect(await world.host.call<NetworkFinding[]>("findings")).toEqual([]);
  world.host.nft("delete table ip filter; delete table ip6 filter");
});

test("what a forward chain keeps from a network is told before the network is made, within the bridge where bridges are filtered", async () => {
  const obstacles = async (id: number): Promise<readonly string[]> => {
    const found = await world.host.call<NetworkFinding[]>("obstaclesOf", bridgePlan(`plan${id}`, id));
    return found.map(({ subject, problem }) => `${subject} ${problem}`);
  };
  const chain = "firewall chain ip filter FORWARD refuses what containers of";
  // That nobody has a chain there is known, until somebody has.
  await Bun.sleep(150);
  for (let i = 0; i < 2; i++) expect(await obstacles(7)).toEqual([]);
  world.host.nft(
    "table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; } }",
  );
  expect(await obstacles(7)).toEqual([`${chain} plan7 send to other hosts`]);
  filterBridges("1");
  // They are kept as they were read; a change counts at once, and is also read ahead, four times a second.
  for (const pauseMs of [0, 0, 600]) {
    await Bun.sleep(pauseMs);
    expect(await obstacles(7)).toEqual([
      `${chain} plan7 send to other hosts`,
      `${chain} plan7 send to each other`,
    ]);
    world.host.nft("insert rule ip filter FORWARD accept");
    await Bun.sleep(pauseMs);
    expect(await obstacles(7)).toEqual([]);
    world.host.nft("flush chain ip filter FORWARD");
  }
  world.host.nft("delete table ip filter");
  filterBridges("0");
});

test("a rule that cannot be copied refuses, and is a finding", async () => {
  world.host.nft(`table inet odd { 
    ct helper ftp { type "ftp" protocol tcp; }
    chain input { type filter hook input priority filter; policy accept; tcp dport 8081 accept; tcp dport 21 ct helper set "ftp"; tcp dport 8080 ct count over 5 drop; } }`);
  await world.host.call("setPolicy", "respect-host");
  expect(await world.other.probe("tcp", "10.9.0.1", 8081)).toBe("web 10.9.0.2");
  expect(await world.host.call<NetworkFinding[]>("findings")).toEqual([]);
  world.host.nft("delete table inet odd");
  await world.host.call("setPolicy", "docker");
  expect(world.host.run("nft", "list", "tables")).not.toContain("-input-");
});
