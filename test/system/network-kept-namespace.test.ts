/** Interfaces without an end on the host, in network namespaces that outlive their containers because somebody holds them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import type { OwnedFd } from "../../src/linux/kernel/fd.ts";
import { addMacvlan, type Link, listLinks } from "../../src/linux/netlink/links.ts";
import { openNetlink } from "../../src/linux/netlink/netlink-socket.ts";
import { inNetworkNamespace } from "../../src/linux/namespaces/network-namespace.ts";
import { openProcessNetwork } from "../../src/linux/process/process-network.ts";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { descriptorsOf } from "../support/leaks.ts";
import { poll } from "../support/patience.ts";
import { Installation, isGone, isRoot } from "../support/tare.ts";

const patienceMs = 30_000;
const networks = ["lan", "past"] as const;
const addresses = { lan: "10.31.79.9", past: "10.31.80.9" } as const;

describe.skipIf(!isRoot)("a network namespace outlives its container", () => {
  let tare: Installation;
  const held: OwnedFd[] = [];

  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-i", busyboxArchive()]);
    execFileSync("ip", ["link", "add", "parent0", "up", "type", "veth", "peer", "name", "outside0"]);
    execFileSync("ip", ["link", "set", "outside0", "up"]);
    execFileSync("ip", ["address", "add", "10.31.79.1/24", "dev", "outside0"]);
    const lan = ["-d", "macvlan", "-o", "parent=parent0", "--subnet", "10.31.79.0/24"];
    await tare.must(["network", "create", ...lan, "lan"]);
    await tare.must(["network", "create", "-o", "bypass_bridge=true", "--subnet", "10.31.80.0/24", "past"]);
    await tare.must(["network", "create", "plain"]);
  });
  afterEach(async () => {
    for (const netns of held.splice(0)) netns[Symbol.dispose]();
    const all = (await tare.must(["ps", "-aq"])).split("\n").filter(Boolean);
    if (all.length > 0) await tare.must(["rm", "-f", ...all]);
    await tare.must(["system", "settle"]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());

  const pidOf = async (name: string): Promise<number> =>
    Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", name]));
  const run = async (name: string, ...flags: readonly string[]): Promise<OwnedFd> => {
    await tare.must(["run", "-d", "--name", name, ...flags, "busybox", "sleep", "1000"]);
    const netns = openProcessNetwork(await pidOf(name));
    held.push(netns);
    return netns;
  };
  const linksIn = (netns: OwnedFd): readonly string[] =>
    inNetworkNamespace(netns.fd, () => {
      using socket = openNetlink("route");
      return listLinks(socket).map(({ name }) => name);
    });

  const reach = (network: (typeof networks)[number]): void => {
    // This host is one of the others on the link: nobody tells it of a container's new hardware address.
    execFileSync("ip", ["neighbor", "flush", "dev", "outside0"]);
    execFileSync("ping", ["-c", "1", "-W", "10", addresses[network]]);
  };

  for (const network of networks) {
    const flags = ["--network", network, "--ip", addresses[network]] as const;

    test(`${network}: the next container with its address is the only one that has it`, async () => {
      const old = await run("first", ...flags);
      expect(linksIn(old)).toEqual(["lo", "eth0"]);
      await tare.must(["rm", "-f", "first"]);
      await run("second", ...flags);
      expect(linksIn(old)).toEqual(["lo"]);
      reach(network);
    });

    test(`${network}: a container that is restarted keeps its addresses, and its old interface goes`, async () => {
      const hardware = ["--mac-address", "02:42:ac:1f:4f:63"] as const;
      const old = await run("again", ...flags, ...hardware);
      await tare.must(["restart", "-t", "0", "again"]);
      expect(linksIn(old)).toEqual(["lo"]);
      reach(network);
    });

    test(`${network}: system settle waits until its interface is gone, and what was made beside that`, async () => {
      const old = await run("only", "--network", "plain", "--network", network);
      inNetworkNamespace(old.fd, () => {
        using socket = openNetlink("route");
        const { index: parentIndex } = listLinks(socket).find(({ kind }) => kind === "macvlan") as Link;
        const macAddress = "02:42:ac:1f:4f:64";
        socket.send([addMacvlan("beside", { parentIndex, mode: "bridge", macAddress, mtu: 0 })]);
      });
      expect(linksIn(old)).toHaveLength(4);
      await tare.must(["rm", "-f", "only"]);
      await tare.must(["system", "settle"]);
      expect(linksIn(old)).toEqual(["lo"]);
    });

    test(`${network}: the engine that a killed one left its container to removes its interface`, async () => {
      const old = await run("adopted", ...flags);
      killDaemon(tare);
      await tare.must(["ps"]);
      expect(linksIn(old)).toEqual(["lo", "eth0"]);
      await tare.must(["rm", "-f", "adopted"]);
      await tare.must(["system", "settle"]);
      expect(linksIn(old)).toEqual(["lo"]);
    });

    test(`${network}: a container that ended while no engine was there leaves no interface`, async () => {
      const old = await run("ended", ...flags);
      const pid = await pidOf("ended");
      killDaemon(tare);
      process.kill(pid, "SIGKILL");
      await poll(() => isGone(pid) || undefined, { timeoutMs: patienceMs, what: "end the container" });
      await tare.must(["system", "settle"]);
      expect(linksIn(old)).toEqual(["lo"]);
    });
  }

  test("a container that is disconnected and connected again keeps the interface that it has then", async () => {
    const netns = await run("moving", "--network", "plain");
    for (const network of networks) {
      await tare.must(["network", "connect", network, "moving"]);
      await tare.must(["network", "disconnect", network, "moving"]);
      await tare.must(["network", "connect", network, "moving"]);
    }
    await tare.must(["system", "settle"]);
    expect(linksIn(netns)).toHaveLength(4);
    await tare.must(["rm", "-f", "moving"]);
    await tare.must(["system", "settle"]);
    expect(linksIn(netns)).toEqual(["lo"]);
  });

  test("nothing stays of namespaces that are gone: no id, no descriptor of the daemon", async () => {
    const ids = (): number =>
      execFileSync("ip", ["netns", "list-id"], { encoding: "utf8" }).split("\n").filter(Boolean).length;
    const count = (): number => descriptorsOf(tare.daemonPid() ?? 0).length;
    const once = async (): Promise<void> => {
      for (const network of networks) {
        await tare.must(["run", "--rm", "--network", network, "busybox", "true"]);
        await tare.must(["run", "--rm", "--network", network, "--network", "plain", "busybox", "true"]);
      }
      await tare.must(["system", "settle"]);
    };
    // KERNEL: this namespace gets one itself, by which links elsewhere are shown that are made on links here.
    const most = Math.max(1, ids());
    await once();
    const before = count();
    for (let round = 0; round < 5; round++) await once();
    const what = "have as many descriptors and ids of namespaces as before";
    await poll(() => (count() <= before && ids() <= most) || undefined, { timeoutMs: patienceMs, what });
  });
});
