/** Networks whose containers reach each other past the bridge: what goes there, what does not, and that it stays right. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sleep", "1000"];
const megabytes = 4;
const sentBytes = megabytes * 2 ** 20;

interface ShownLink {
  readonly ifname: string;
  readonly stats64: { readonly tx: { readonly bytes: number } };
}

describe.skipIf(!isRoot)("past the bridge", () => {
  let tare: Installation;
  beforeAll(async () => {
    tare = new Installation();
    await tare.must(["load", "-qi", busyboxArchive()]);
  });
  afterAll(async () => await tare[Symbol.asyncDispose]());
  afterEach(async () => {
    const all = (await tare.must(["ps", "-aq"])).split("\n").filter(Boolean);
    if (all.length > 0) await tare.must(["rm", "-f", ...all]);
    await tare.must(["system", "settle"]);
    await tare.must(["network", "prune", "-f"]);
  });

  const create = async (name: string, ...flags: readonly string[]): Promise<string> =>
    await tare.must(["network", "create", ...flags, name]);
  const past = ["-o", "bypass_bridge=true"] as const;
  const field = async (name: string, network: string, of: string): Promise<string> =>
    await tare.must(["inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").${of}}}`, name]);
  /** Listens on port 5000 and throws away what comes. */
  const sink = async (name: string, network: string, ...flags: readonly string[]): Promise<void> => {
    const command = ["busybox", "nc", "-ll", "-p", "5000", "-e", "dd", "of=/dev/null"];
    await tare.must(["run", "-d", "--name", name, "--network", network, ...flags, ...command]);
    await poll(
      async () => {
        const { stdout } = await tare.tare(["exec", name, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"]);
        return /:1388 \S+ 0A /.test(stdout) || undefined;
      },
      { timeoutMs: 60_000, everyMs: 50, what: `see ${name} listen` },
    );
  };
  /** The host's ends of the pairs of a network's containers. */
  const portsOf = async (network: string): Promise<readonly ShownLink[]> => {
    const bridge = `tr-${(await tare.must(["network", "inspect", "-f", "{{.Id}}", network])).slice(0, 12)}`;
    return JSON.parse(execFileSync("ip", ["-s", "-j", "link", "show", "master", bridge]).toString());
  };
  /** The bridge's port of the containers' interfaces, and what those are on. */
  const linksOf = async (network: string): Promise<{ readonly port: string; readonly parent: string }> => {
    const id = (await tare.must(["network", "inspect", "-f", "{{.Id}}", network])).slice(0, 12);
    return { port: `tp-${id}`, parent: `ts-${id}` };
  };
  const forwarded = async (network: string): Promise<number> =>
    (await portsOf(network)).reduce((sum, { stats64 }) => sum + stats64.tx.bytes, 0);
  const send = async (from: string, at: string, port = 5000): Promise<boolean> => {
    const command = `dd if=/dev/zero bs=64k count=${megabytes * 16} 2>/dev/null | nc -w ${3 * slowness} ${at} ${port}`;
    return (await tare.tare(["exec", from, "sh", "-c", command])).status === 0;
  };
  /** Which way some megabytes have taken. */
  const way = async (network: string, from: string, at: string): Promise<"past" | "bridge" | "none"> => {
    const before = await forwarded(network);
    if (!(await send(from, at))) return "none";
    return (await forwarded(network)) - before < sentBytes ? "past" : "bridge";
  };
  const isInOrder = async (): Promise<void> =>
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");

  test(
    "by name and both families, both ways; what is not asked for goes through the bridge",
    async () => {
      await create("fast", ...past, "--ipv6");
      await create("plain");
      for (const network of ["fast", "plain"]) {
        await sink(`${network}-one`, network);
        await sink(`${network}-two`, network, "--userns", "private");
      }
      expect(await way("plain", "plain-one", "plain-two")).toBe("bridge");
      for (const [from, to] of [
        ["fast-one", "fast-two"],
        ["fast-two", "fast-one"],
      ] as const) {
        for (const at of [
          to,
          await field(to, "fast", "IPAddress"),
          await field(to, "fast", "GlobalIPv6Address"),
        ]) {
          expect([to, at, await way("fast", from, at)]).toEqual([to, at, "past"]);
        }
      }
      await isInOrder();
    },
    60_000 * slowness,
  );

  test("the container's own figures count it", async () => {
    await create("fast", ...past);
    await sink("one", "fast");
    await sink("two", "fast");
    expect(await way("fast", "one", "two")).toBe("past");
    const counters = async (name: string): Promise<string> =>
      await tare.must(["exec", name, "cat", "/sys/class/net/eth0/statistics/rx_bytes"]);
    expect(Number(await counters("two"))).toBeGreaterThan(sentBytes);
    const shown = await tare.must(["stats", "--no-stream", "--format", "{{.NetIO}}", "two"]);
    expect(shown).toMatch(/^[4-9]\.\d+MB \/ /);
  });

  test("other networks stay apart; the host and published ports are reached as ever", async () => {
    await create("fast", ...past);
    await create("other", ...past);
    await sink("one", "fast", "-p", "18097:5000");
    await sink("two", "fast");
    await sink("far", "other");
    expect(await send("far", await field("one", "fast", "IPAddress"))).toBe(false);
    // A frame that is addressed by hand to a container of another network is nobody's.
    const [mac, address] = [
      await field("one", "fast", "MacAddress"),
      await field("one", "fast", "IPAddress"),
    ];
    const forge = `ip route add ${address} dev eth0 && arp -i eth0 -s ${address} ${mac}`;
    await tare.must([
      "run",
      "-d",
      "--name",
      "liar",
      "--network",
      "other",
      "--cap-add",
      "NET_ADMIN",
      ...sleeper,
    ]);
    await tare.must(["exec", "liar", "sh", "-c", forge]);
    expect(await send("liar", address)).toBe(false);
    const counters = async (): Promise<number> =>
      Number(await tare.must(["exec", "one", "cat", "/sys/class/net/eth0/statistics/rx_bytes"]));
    const before = await counters();
    expect(
      (await tare.tare(["exec", "liar", "ping", "-c", "5", "-w", "2", "-s", "1400", address])).status,
    ).toBe(1);
    expect((await counters()) - before).toBeLessThan(1400);
    for (const name of ["one", "two"])
      expect([name, await send(name, await field(name, "fast", "Gateway"), 18_097)]).toEqual([name, true]);
    expect(await send("far", await field("far", "other", "Gateway"), 18_097)).toBe(true);
    await new Promise<void>((resolve, reject) => {
      const socket = connect(18_097, "127.0.0.1", () => {
        socket.destroy();
        resolve();
      });
      socket.on("error", reject);
    });
  });

  test(
    "connect, disconnect, a kill of the engine, an address that another takes over",
    async () => {
      await create("fast", ...past, "--subnet", "10.97.3.0/24");
      await sink("one", "fast");
      await sink("two", "bridge");
      await tare.must(["network", "connect", "fast", "two"]);
      expect(await way("fast", "one", "two")).toBe("past");
      await tare.must(["network", "disconnect", "fast", "two"]);
      expect(await way("fast", "one", "10.97.3.3")).toBe("none");
      await tare.must(["network", "connect", "--ip", "10.97.3.77", "fast", "two"]);
      expect(await way("fast", "one", "10.97.3.77")).toBe("past");
      killDaemon(tare);
      await isInOrder();
      expect(await way("fast", "one", "10.97.3.77")).toBe("past");
      const mac = await field("two", "fast", "MacAddress");
      await tare.must(["rm", "-f", "two"]);
      await sink("heir", "fast", "--ip", "10.97.3.77");
      expect(await field("heir", "fast", "MacAddress")).toBe(mac);
      expect(await way("fast", "one", "10.97.3.77")).toBe("past");
      expect(await way("fast", "heir", "one")).toBe("past");
      await tare.must(["restart", "-t", "0", "one"]);
      await poll(async () => ((await way("fast", "heir", "one")) === "past" ? true : undefined), {
        timeoutMs: 20_000,
        everyMs: 100,
        what: "reach the container that was started again",
      });
      await isInOrder();
    },
    90_000 * slowness,
  );

  test("a container that gives itself another hardware address is still reached", async () => {
    await create("fast", ...past);
    await sink("one", "fast", "--cap-add", "NET_ADMIN");
    await sink("two", "fast");
    await tare.must(["exec", "one", "ip", "link", "set", "eth0", "address", "02:00:00:00:77:77"]);
    const at = await field("one", "fast", "IPAddress");
    await poll(async () => (await send("two", at)) || undefined, {
      timeoutMs: 20_000,
      everyMs: 100,
      what: "reach the new address",
    });
  });

  test("somebody takes its port away: it is found, and mended; siblings reach each other meanwhile", async () => {
    await create("fast", ...past);
    await sink("one", "fast");
    await sink("two", "fast", "-p", "18098:5000");
    const gateway = await field("one", "fast", "Gateway");
    const isReached = async (): Promise<boolean> =>
      (await tare.tare(["exec", "one", "ping", "-c", "1", "-w", "1", gateway])).status === 0;
    expect(await isReached()).toBe(true);
    const { port, parent } = await linksOf("fast");
    execFileSync("ip", ["link", "delete", port]);
    expect(await isReached()).toBe(false);
    expect(await way("fast", "one", "two")).toBe("past");
    const { status, stdout } = await tare.tare(["system", "check"]);
    expect(status).toBe(1);
    expect(stdout).toContain(`its containers do not reach its bridge by ${port}`);
    killDaemon(tare);
    await isInOrder();
    expect(await isReached()).toBe(true);
    expect(await send("one", gateway, 18_098)).toBe(true);
    // What they are on: they have lost everything then, and are told of one by one.
    execFileSync("ip", ["link", "delete", parent]);
    expect((await tare.tare(["system", "check"])).stdout.match(/has lost its interface/g)).toHaveLength(2);
    await tare.must(["stop", "-t", "0", "one", "two"]);
    await tare.must(["start", "one", "two"]);
    await poll(async () => ((await way("fast", "one", "two")) === "past" ? true : undefined), {
      timeoutMs: 20_000 * slowness,
      everyMs: 100,
      what: "reach each other again",
    });
    await isInOrder();
  });

  test(
    "the default bridge, as long as its engine is told so: from when none of its containers runs",
    async () => {
      const engine = async (...flags: readonly string[]): Promise<void> => {
        await tare.must(["daemon", "stop"]);
        await tare.must([...flags, "version"]);
      };
      const meet = async (): Promise<"past" | "bridge" | "none"> => {
        await sink("one", "bridge");
        await sink("two", "bridge");
        return await way("bridge", "one", await field("two", "bridge", "IPAddress"));
      };
      const again = async (): Promise<"past" | "bridge" | "none"> => {
        await sink("three", "bridge");
        return await way("bridge", "three", await field("two", "bridge", "IPAddress"));
      };
      const check = async (): Promise<string> => (await tare.tare(["system", "check"])).stdout;
      const end = async (): Promise<string> => await tare.must(["rm", "-f", "one", "two", "three"]);
      expect(await meet()).toBe("bridge");
      await engine("--bridge-bypass");
      expect(await again()).toBe("bridge");
      expect(await check()).toContain("network bridge: does not bypass its bridge");
      await end();
      expect(await meet()).toBe("past");
      await isInOrder();
      await engine();
      expect(await again()).toBe("past");
      expect(await check()).toContain("network bridge: still bypasses its bridge");
      await end();
      expect(await meet()).toBe("bridge");
      await isInOrder();
    },
    60_000 * slowness,
  );

  test("a container that is disconnected keeps nothing that it made on its interface", async () => {
    await create("fast", ...past);
    await sink("one", "bridge");
    await tare.must(["network", "connect", "fast", "one"]);
    const pid = await tare.must(["inspect", "-f", "{{.State.Pid}}", "one"]);
    const link = (...words: readonly string[]): string =>
      execFileSync("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", "link", ...words]).toString();
    // Others may be tied to an interface of its own that has the same number as the one on the host.
    const { parent } = await linksOf("fast");
    const [{ ifindex }] = JSON.parse(execFileSync("ip", ["-j", "link", "show", parent]).toString());
    link("add", "name", "mine", "index", `${ifindex}`, "type", "veth", "peer", "name", "others");
    link("add", "link", "eth1", "name", "own", "type", "macvlan", "mode", "bridge");
    expect(link("show")).toContain("own@");
    await tare.must(["network", "disconnect", "fast", "one"]);
    expect(link("show")).not.toContain("own@");
    expect(link("show")).toContain("others@");
    expect(link("show")).toContain("eth0@");
  });

  test("what is addressed by hand to what they are on reaches nobody, the host least", async () => {
    await create("fast", ...past, "--internal");
    await sink("one", "fast", "--cap-add", "NET_ADMIN");
    const gateway = await field("one", "fast", "IPAddress").then((address) => address.replace(/\d+$/, "1"));
    const isReached = async (): Promise<boolean> =>
      (await tare.tare(["exec", "one", "ping", "-c", "1", "-w", "1", gateway])).status === 0;
    expect(await isReached()).toBe(true);
    const { parent } = await linksOf("fast");
    const [shown] = JSON.parse(execFileSync("ip", ["-j", "link", "show", parent]).toString());
    await tare.must(["exec", "one", "arp", "-i", "eth0", "-s", gateway, shown.address]);
    expect(await isReached()).toBe(false);
    await isInOrder();
  });

  test("a kernel without it says so, and its bridge carries everything", async () => {
    await tare.must(["daemon", "stop"]);
    const env = { TARE_WITHOUT: "macvlan-bypass" };
    const { status, stderr } = await tare.tare(["network", "create", ...past, "slow"], { env });
    expect([status, stderr]).toEqual([
      0,
      "WARNING: bypass_bridge has no effect on this kernel: it needs interfaces of the kind macvlan\n",
    ]);
    await sink("one", "slow");
    await sink("two", "slow");
    expect(await way("slow", "one", "two")).toBe("bridge");
    await isInOrder();
    await tare.must(["daemon", "stop"]);
  });
});
