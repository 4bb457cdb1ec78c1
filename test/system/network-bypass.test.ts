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
    expect(await send("two", await field("two", "fast", "Gateway"), 18_097)).toBe(true);
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

  test("somebody takes the program away: it is found, and mended; the bridge carries it meanwhile", async () => {
    await create("fast", ...past);
    await sink("one", "fast");
    await sink("two", "fast");
    for (const { ifname } of await portsOf("fast"))
      execFileSync("tc", ["qdisc", "del", "dev", ifname, "clsact"]);
    expect(await way("fast", "one", "two")).toBe("bridge");
    const { status, stdout } = await tare.tare(["system", "check"]);
    expect(status).toBe(1);
    expect(stdout.match(/does not bypass its bridge/g)).toHaveLength(2);
    killDaemon(tare);
    await isInOrder();
    expect(await way("fast", "one", "two")).toBe("past");
  });

  test(
    "the default bridge, as long as its engine is told so",
    async () => {
      const engine = async (...flags: readonly string[]): Promise<void> => {
        await tare.must(["daemon", "stop"]);
        await tare.must([...flags, "version"]);
      };
      await engine("--bridge-bypass");
      await sink("one", "bridge");
      await sink("two", "bridge");
      const at = await field("two", "bridge", "IPAddress");
      expect(await way("bridge", "one", at)).toBe("past");
      await engine();
      expect(await way("bridge", "one", at)).toBe("bridge");
      await isInOrder();
      await engine("--bridge-bypass");
      expect(await way("bridge", "one", at)).toBe("past");
      await engine();
    },
    60_000 * slowness,
  );

  test("a kernel without it says so, and its bridge carries everything", async () => {
    await tare.must(["daemon", "stop"]);
    const env = { TARE_WITHOUT: "bpf-redirect" };
    const { status, stderr } = await tare.tare(["network", "create", ...past, "slow"], { env });
    expect([status, stderr]).toEqual([
      0,
      "WARNING: bypass_bridge has no effect on this kernel: it needs Linux 5.10 with bpf()\n",
    ]);
    await sink("one", "slow");
    await sink("two", "slow");
    expect(await way("slow", "one", "two")).toBe("bridge");
    await isInOrder();
    await tare.must(["daemon", "stop"]);
  });
});
