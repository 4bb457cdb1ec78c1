/** Networks of the driver ipvlan; run in a virtual machine (scripts/vm.mjs), as not every kernel has such interfaces. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { openProcessNetwork } from "../../src/linux/process/process-network.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { makeNetworkHost, type NetworkHost } from "../support/network-host.ts";
import { poll } from "../support/patience.ts";
import { Installation } from "../support/tare.ts";

const sleeper = ["busybox", "sleep", "10000"];
const host = (...words: readonly string[]): string => execFileSync(words[0] ?? "", words.slice(1)).toString();
const links = (): readonly string[] =>
  [...host("ip", "-o", "link").matchAll(/^\d+: ([^:@]+)/gm)].map(([, name]) => name as string).sort();

describe("ipvlan", () => {
  let tare: Installation;
  let neighbor: NetworkHost;
  let before: readonly string[];

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()]);
    neighbor = makeNetworkHost();
    const pid = String(neighbor.pid);
    host("ip", "link", "add", "lan7", "type", "veth", "peer", "name", "far7", "netns", pid);
    host("ip", "addr", "add", "10.96.0.1/24", "dev", "lan7");
    host("ip", "link", "set", "lan7", "up");
    await neighbor.run("ip", "addr", "add", "10.96.0.2/24", "dev", "far7");
    await neighbor.run("ip", "link", "set", "far7", "up");
    before = links();
  });
  afterEach(async () => {
    const all = (await tare.must(["ps", "-aq"])).split("\n").filter(Boolean);
    if (all.length > 0) await tare.must(["rm", "-f", ...all]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "prune", "-f"]);
    await poll(() => links().every((link) => before.includes(link)) || undefined, {
      timeoutMs: 20_000,
      what: "see all links gone",
    });
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    host("ip", "link", "delete", "lan7");
    neighbor[Symbol.dispose]();
  });

  const create = async (name: string, ...flags: readonly string[]): Promise<void> => {
    await tare.must(["network", "create", "-d", "ipvlan", ...flags, name]);
  };
  const run = async (name: string, ...flags: readonly string[]): Promise<void> => {
    await tare.must(["run", "-d", "--name", name, ...flags, ...sleeper]);
  };
  const pings = async (from: string, address: string): Promise<boolean> =>
    (await tare.tare(["exec", from, "ping", "-c1", "-W2", address])).status === 0;
  const hostPings = (address: string): boolean => {
    try {
      host("ping", "-c1", "-W2", address);
      return true;
    } catch {
      return false;
    }
  };
  const refused = async (...args: readonly string[]): Promise<string> => {
    const { status, stderr } = await tare.tare(args);
    expect(status).not.toBe(0);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    return stderr;
  };
  const lan = ["--subnet", "10.96.0.0/24", "--gateway", "10.96.0.2", "-o", "parent=lan7"] as const;

  test("l2: containers have the link, each other and their names; the host has them not; all goes after a kill", async () => {
    await create("lan", ...lan);
    expect(await refused("network", "create", "-d", "ipvlan", "-o", "parent=lan7", "other")).toMatch(
      /network di-[0-9a-f]{12} is already using parent interface lan7/,
    );
    const own = ["--network", "lan"];
    await run("one", ...own, "--ip", "10.96.0.11", "-p", "18080:80");
    await run("two", ...own, "--ip", "10.96.0.12");
    expect(await pings("two", "10.96.0.11")).toBe(true);
    expect(await pings("two", "one")).toBe(true);
    expect(await pings("one", "10.96.0.2")).toBe(true);
    expect(await neighbor.run("ping", "-c1", "-W2", "10.96.0.11")).toContain("1 received");
    expect(hostPings("10.96.0.11")).toBe(false);
    expect(await tare.must(["exec", "two", "ip", "route"])).toContain("default via 10.96.0.2 dev eth0");
    const mac = /link\/ether (\S+)/.exec(host("ip", "link", "show", "lan7"))?.[1] ?? "";
    expect(await tare.must(["exec", "one", "ip", "link", "show", "eth0"])).toContain(mac);
    expect(await tare.must(["port", "one"])).toBe("");
    const format = "{{range .NetworkSettings.Networks}}[{{.IPAddress}} {{.Gateway}} {{.MacAddress}}]{{end}}";
    expect(await tare.must(["inspect", "-f", format, "one"])).toBe("[10.96.0.11 10.96.0.2 ]");
    expect(await refused("run", "--rm", ...own, "--mac-address", "02:42:0a:60:00:09", ...sleeper)).toContain(
      "ipvlan interfaces do not support custom mac address assignment",
    );
    killDaemon(tare);
    expect(await pings("two", "10.96.0.11")).toBe(true);
    // The address is its own at once, though the kernel has not removed the old interface yet.
    await tare.must(["restart", "-t", "0", "one"]);
    expect(await pings("two", "10.96.0.11")).toBe(true);
    await tare.must(["rm", "-f", "one", "two"]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "rm", "lan"]);
    expect(host("ip", "-d", "link", "show", "lan7")).not.toContain("tare");
  });

  test("l3: several subnets of both families reach each other; the default route is the interface itself", async () => {
    const subnets = ["10.97.1.0/24", "10.97.2.0/24", "fd97:1::/64"].flatMap((subnet) => ["--subnet", subnet]);
    await create("routed", ...subnets, "--ipv6", "-o", "parent=lan7", "-o", "ipvlan_mode=l3");
    await run("one", "--network", "routed");
    await run("two", "--network", "routed", "--ip", "10.97.2.5");
    expect(await tare.must(["exec", "one", "ip", "route"])).toMatch(/^default dev eth0/m);
    expect(await tare.must(["exec", "one", "ip", "-6", "route"])).toMatch(/^default dev eth0/m);
    expect(await pings("one", "10.97.2.5")).toBe(true);
    const format =
      "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} [{{.Gateway}}]{{end}}";
    const [ipv4, ipv6, gateway] = (await tare.must(["inspect", "-f", format, "one"])).split(" ");
    expect([ipv4, gateway]).toEqual(["10.97.1.2", "[]"]);
    expect(await pings("two", ipv6 ?? "")).toBe(true);
    await tare.must(["network", "create", "beside"]);
    await tare.must(["network", "connect", "beside", "one"]);
    await tare.must(["network", "disconnect", "routed", "one"]);
    expect(await tare.must(["exec", "one", "ip", "route"])).not.toContain("default dev");
    expect(await pings("two", "10.97.1.2")).toBe(false);
    await tare.must(["network", "connect", "--ip", "10.97.1.9", "routed", "one"]);
    // Its default route is that of `beside`, until it leaves that one.
    await tare.must(["network", "disconnect", "beside", "one"]);
    expect(await tare.must(["exec", "one", "ip", "route"])).toMatch(/^default dev eth/m);
    expect(await pings("two", "10.97.1.9")).toBe(true);
  });

  test("private: containers do not reach each other; the link does", async () => {
    await create("lan", ...lan, "-o", "ipvlan_flag=private");
    await run("one", "--network", "lan", "--ip", "10.96.0.11");
    await run("two", "--network", "lan", "--ip", "10.96.0.12");
    expect(await pings("two", "10.96.0.11")).toBe(false);
    expect(await pings("two", "10.96.0.2")).toBe(true);
  });

  test("networks on two parents do not reach each other; without a parent, or with a VLAN, one is made and goes", async () => {
    await create("alone", "--subnet", "10.98.1.0/24");
    await create("tagged", "--subnet", "10.98.2.0/24", "-o", "parent=lan7.20", "-o", "ipvlan_mode=l3s");
    const made = links().filter((link) => !before.includes(link));
    expect(made).toEqual([expect.stringMatching(/^di-[0-9a-f]{12}$/), "lan7.20"]);
    await run("one", "--network", "alone");
    await run("two", "--network", "alone");
    await run("three", "--network", "tagged");
    expect(await pings("one", "two")).toBe(true);
    expect(await pings("three", "10.98.1.2")).toBe(false);
    expect(await tare.must(["exec", "one", "ip", "route"])).not.toContain("default");
    expect(await tare.must(["exec", "three", "ip", "route"])).toContain("default dev eth0");
  });

  test("an interface in a network namespace that outlives its container goes, also by the next engine", async () => {
    await create("lan", ...lan);
    const pidOf = async (name: string): Promise<number> =>
      Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", name]));
    for (const isKilled of [false, true]) {
      await run("old", "--network", "lan", "--ip", "10.96.0.11");
      using _ = openProcessNetwork(await pidOf("old"));
      if (isKilled) killDaemon(tare);
      await tare.must(["rm", "-f", "old"]);
      await run("new", "--network", "lan", "--ip", "10.96.0.11");
      expect(await neighbor.run("ping", "-c1", "-W5", "10.96.0.11")).toContain("1 received");
      await tare.must(["rm", "-f", "new"]);
    }
  });
});
