import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { openNetlink } from "../../src/linux/netlink-socket.ts";
import { NFNLGRP_NFTABLES } from "../../src/linux/nftables.ts";
import { endpointElements, networkElements } from "../../src/network/firewall/elements.ts";
import { FirewallTable } from "../../src/network/firewall/firewall-table.ts";
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

  beforeEach(async () => {
    open = new DisposableStack();
    const socket = open.use(openNetlink("netfilter"));
    const events = open.use(openNetlink("netfilter"));
    events.join(NFNLGRP_NFTABLES);
    firewall = new FirewallTable({ socket, events }, table);
    open.defer(() => firewall.remove());
    await firewall.change(new Map([[plan.id, networkElements(plan)]]));
    expect(nft("list", "table", "inet", table)).not.toContain("map @shifted");
    await firewall.change(new Map([[end.id, endpointElements(plan, end)]]));
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

  test.each([
    [
      `delete element inet ${table} sameAt4 { 10.9.0.1 . udp . 53 }`,
      { set: "sameAt4", missing: 1, strange: 0 },
    ],
    [
      `add element inet ${table} moved4 { tcp . 22 : 172.30.1.9 . 22 }`,
      { set: "moved4", missing: 0, strange: 1 },
    ],
    [`flush map inet ${table} shifted6`, { set: "shifted6", missing: 1, strange: 0 }],
    [`flush set inet ${table} bridges`, { set: "bridges", missing: 1, strange: 0 }],
    [`add element inet ${table} internal { "eth7" }`, { set: "internal", missing: 0, strange: 1 }],
    [`delete table inet ${table}`, "all"],
  ] as const)("tells of %s", async (command, difference) => {
    nft(command);
    const found = firewall.compare();
    if (difference === "all") expect(found.every(({ strange }) => strange === 0)).toBe(true);
    else expect(found).toEqual([difference]);
    expect(found.length).toBeGreaterThan(0);
    expect(firewall.look().isTampered).toBe(true);
    await firewall.assert();
    expect(firewall.compare()).toEqual([]);
    expect(firewall.look().isTampered).toBe(false);
  });
});
