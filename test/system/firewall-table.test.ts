import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { openNetlink } from "../../src/linux/netlink/netlink-socket.ts";
import { listChains, listRules } from "../../src/linux/nftables/rules.ts";
import { appendRules } from "../../src/linux/nftables/tables.ts";
import { changeElements, NFNLGRP_NFTABLES, removeTable } from "../../src/linux/nftables/nftables.ts";
import { endpointElements, networkElements, standInElements } from "../../src/network/firewall/elements.ts";
import { FirewallTable } from "../../src/network/firewall/firewall-table.ts";
import { shiftRules } from "../../src/network/firewall/ruleset.ts";
import { isShifted } from "../../src/network/firewall/sets.ts";
import type { NetworkPlan } from "../../src/network/types.ts";
import { parseIpAddress } from "../../src/spec/ip-address.ts";
import { formatTable, isInText } from "../support/nft-table.ts";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { isRoot } from "../support/tare.ts";

const table = "tare-00c0ffee";
const nft = (...words: readonly string[]): string => execFileSync("nft", words).toString();

/** Without the engine's quarter of a second in which it makes the table whole again. */
describe.skipIf(!isRoot)("compare()", () => {
  const plan = bridgePlan("front", 1);
  const end = endpointPlan(plan, 2, {
    ports: ports("tcp 8080:80", "tcp 8000+1000:9000", "udp 10.9.0.1:53:53"),
  });
  let firewall: FirewallTable;
  let open = new DisposableStack();

  beforeEach(() => {
    open = new DisposableStack();
    const socket = open.use(openNetlink("netfilter"));
    const events = open.use(openNetlink("netfilter"));
    events.join(NFNLGRP_NFTABLES);
    firewall = new FirewallTable({ socket, events }, table);
    open.defer(() => firewall.remove());
    firewall.change(new Map([[plan.id, networkElements(plan)]]));
    expect(nft("list", "table", "inet", table)).not.toContain("map @shifted");
    firewall.change(new Map([[end.id, endpointElements(plan, end)]]));
  });
  afterEach(() => open.dispose());

  test("finds nothing where all is as it was made, and nft can list it", () => {
    expect(firewall.compare()).toEqual([]);
    expect(firewall.look().isTampered).toBe(false);
    const listed = nft("list", "table", "inet", table);
    expect(listed).toContain("tcp . 8000-8999 : 172.30.1.2 . 9000-9999");
    expect(listed).toContain("map @shifted4");
    // Whoever keeps the host's rules in a file keeps these, too: nft reads what it has listed.
    execFileSync("nft", ["-f", "-"], { input: `flush table inet ${table}\n${listed}` });
  });

  test("finds nothing when the last shifted range of ports is gone", () => {
    firewall.change(new Map([[end.id, []]]));
    expect(firewall.compare()).toEqual([]);
    firewall.assert();
    expect(firewall.compare()).toEqual([]);
  });

  test.each([
    [
      "delete element inet TABLE sameAt4 { 10.9.0.1 . udp . 53 }",
      "its set sameAt4 lacks 1 elements and has 0 unexpected ones",
    ],
    [
      "add element inet TABLE moved4 { tcp . 22 : 172.30.1.9 . 22 }",
      "its set moved4 lacks 0 elements and has 1 unexpected ones",
    ],
    ["flush map inet TABLE shifted6", "its set shifted6 lacks 1 elements and has 0 unexpected ones"],
    ["flush set inet TABLE bridges", "its set bridges lacks 1 elements and has 0 unexpected ones"],
    [
      'add element inet TABLE internal { "eth7" }',
      "its set internal lacks 0 elements and has 1 unexpected ones",
    ],
    ["add set inet TABLE strange { type ifname; }", "it has an unexpected set strange"],
    ["add chain inet TABLE strange", "it has an unexpected chain strange"],
    ["add rule inet TABLE published accept", "its chain published has 13 rules in place of 12"],
    ["insert rule inet TABLE forward accept", "its chain forward has 3 rules in place of 2"],
    ["flush chain inet TABLE to-container", "its chain to-container has 0 rules in place of 13"],
    ["chain inet TABLE forward { policy drop; }", "its chain forward has another type or policy"],
    ["delete table inet TABLE", "it is gone"],
  ] as const)("reports %s", (command, problem) => {
    nft(command.replace("TABLE", table));
    expect(firewall.compare()).toEqual([problem]);
    expect(firewall.look().isTampered).toBe(true);
    firewall.assert();
    expect(firewall.compare()).toEqual([]);
    expect(firewall.look().isTampered).toBe(false);
  });

  test("reports a rule that was changed in its place, be it in one attribute", () => {
    const handleOf = (text: string): string =>
      new RegExp(`${text} # handle (\\d+)`).exec(nft("-a", "list", "table", "inet", table))?.[1] as string;
    const replaced = [
      ["to-container", "iifname . oifname @strangers drop", "iifname . oifname != @strangers drop"],
      ["to-container", "ct state established,related accept", "ct state established accept"],
      ["loopback-in", "ip6 saddr ::1 ip6 daddr @standsIn6 ip6 daddr set ::1", "ip6 saddr ::1 accept"],
    ] as const;
    for (const [chain, from, to] of replaced) {
      nft(`replace rule inet ${table} ${chain} handle ${handleOf(from)} ${to}`);
      expect(firewall.compare().join()).toMatch(new RegExp(`^rule \\d+ of its chain ${chain} was changed$`));
      firewall.assert();
    }
  });
});

interface Case {
  readonly plans: readonly Partial<NetworkPlan>[];
  readonly ports?: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  "without networks": { plans: [] },
  "with a network": { plans: [{}] },
  "with two networks": { plans: [{}, {}] },
  "without traffic between containers": { plans: [{ interContainer: false }] },
  "with an internal network": { plans: [{ internal: true }, {}] },
  "without translation of sources": { plans: [{ masquerade: false }] },
  "with a source address": {
    plans: [{ hostAddress4: parseIpAddress("10.9.0.1"), hostAddress6: parseIpAddress("fd99::1") }],
  },
  "with routed networks": {
    plans: [{ gatewayMode4: "routed", gatewayMode6: "routed" }],
    ports: ["tcp 8080:80", "tcp 9000+100:9000", "udp 53:53"],
  },
  "with an unprotected network": {
    plans: [{ gatewayMode4: "nat-unprotected", gatewayMode6: "nat-unprotected" }],
  },
  "with an isolated network": {
    plans: [{ internal: true, gatewayMode4: "isolated", gatewayMode6: "isolated" }],
  },
  "with a network that bypasses its bridge": { plans: [{ bypassesBridge: true }] },
  "with an interface that nft can't read": { plans: [{ interfaceName: "br.one:2" }] },
  "with default bindings": {
    plans: [{ defaultBindings: [parseIpAddress("127.0.0.1"), parseIpAddress("::1")] }],
    ports: ["tcp 8080:80"],
  },
  "with ports of every kind": {
    plans: [{}],
    ports: [
      "tcp 8080:80",
      "udp 5353:5353",
      "sctp 7:7",
      "tcp 9000+1000:9000",
      "tcp 127.0.0.1:81:80",
      "tcp 10.9.0.1:80:80",
      "udp [::1]:90:91",
      "tcp [fd99::1]:443:443",
    ],
  },
  "with shifted ranges": {
    plans: [{}],
    ports: ["tcp 8000+1000:9000", "tcp 10.9.0.1:8000+1000:9100", "udp [fd99::1]:8001+30:9000"],
  },
};

describe.skipIf(!isRoot)("a table over netlink is the one that nft makes of its text", () => {
  test.each(Object.entries(cases))("%s", (_, { plans: changes, ports: published = [] }) => {
    using open = new DisposableStack();
    const socket = open.use(openNetlink("netfilter"));
    const events = open.use(openNetlink("netfilter"));
    const plans = changes.map((change, at) => bridgePlan(`n${at}`, at + 1, change));
    const owners = new Map<string, ReturnType<typeof networkElements>>([
      ...plans.map((plan) => [plan.id, networkElements(plan)] as const),
      ["stand-in", standInElements(plans)] as const,
      ...plans.slice(0, 1).map((plan) => {
        const end = endpointPlan(plan, 2, { ports: ports(...published) });
        return [end.id, endpointElements(plan, end)] as const;
      }),
    ]);
    const elements = [...owners.values()].flat();
    const firewall = new FirewallTable({ socket, events }, table);
    open.defer(() => firewall.remove());
    firewall.reset(owners);
    firewall.assert();
    expect(firewall.compare()).toEqual([]);

    const name = { family: "inet", table: "tare-text" } as const;
    open.defer(() => removeTable(socket, name));
    execFileSync("nft", ["-f", "-"], { input: formatTable(name.table, elements) });
    for (const family of [4, 6] as const) {
      if (elements.some((element) => isShifted(element, family)))
        appendRules(socket, { name, rules: shiftRules(family) });
    }
    const others = elements.filter((element) => !isInText(element));
    changeElements(socket, { name, removed: [], added: others });

    expect(nft("list", "table", "inet", table)).toBe(
      nft("list", "table", "inet", name.table).replaceAll(name.table, table),
    );
    expect(json(table)).toEqual(json(name.table));
    // What nft shows is not all: the kernel's own lists.
    for (const list of [listRules, listChains] as const) {
      const [mine, theirs] = [table, name.table].map((each) =>
        list(socket, { family: "inet", table: each })
          .filter((one) => !("table" in one) || one.table === each)
          .map((one) => ({ ...one, handle: 0, table: "" })),
      );
      expect(mine).toEqual(theirs);
    }
  });
});

/** What `nft -j list table` has, but for handles and the table's name. */
function json(of: string): unknown {
  const told = JSON.parse(nft("-j", "list", "table", "inet", of)) as unknown;
  return JSON.parse(
    JSON.stringify(told, (key, value: unknown) => (key === "handle" ? undefined : value)).replaceAll(of, "T"),
  );
}
