/** Packets of TCP beyond 64 KB between containers: which networks have them, that they are used, and what keeps them. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { killDaemon } from "../support/fault-run.ts";
import { busyboxArchive } from "../support/images.ts";
import { poll, slowness } from "../support/patience.ts";
import { PacketLengths } from "../support/packet-lengths.ts";
import { Installation, isRoot } from "../support/tare.ts";

const sleeper = ["busybox", "sleep", "1000"];
const plain = 65_536;

interface ShownLink {
  readonly ifname: string;
  readonly gso_max_size: number;
  readonly gro_max_size: number;
  readonly gso_ipv4_max_size: number;
  readonly gro_ipv4_max_size: number;
}

/** What comes from a port of the host. */
async function countBytes(port: number): Promise<number> {
  let bytes = 0;
  for await (const chunk of connect(port, "127.0.0.1")) bytes += (chunk as Buffer).length;
  return bytes;
}

describe.skipIf(!isRoot)("large packets of TCP", () => {
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

  const run = async (name: string, network: string, ...flags: readonly string[]): Promise<string> =>
    await tare.must(["run", "-d", "--name", name, "--network", network, ...flags, ...sleeper]);
  const create = async (name: string, ...flags: readonly string[]): Promise<string> =>
    await tare.must(["network", "create", ...flags, name]);
  const pidOf = async (name: string): Promise<number> =>
    Number(await tare.must(["inspect", "-f", "{{.State.Pid}}", name]));
  const show = (...words: readonly string[]): readonly ShownLink[] =>
    JSON.parse(execFileSync(words[0] ?? "", [...words.slice(1), "ip", "-d", "-j", "link"]).toString());
  /** `IPv4/IPv6`, sent and put together alike. */
  const sizes = (link: ShownLink | undefined): string => {
    expect([link?.gro_ipv4_max_size, link?.gro_max_size]).toEqual([
      link?.gso_ipv4_max_size,
      link?.gso_max_size,
    ]);
    return `${link?.gso_ipv4_max_size}/${link?.gso_max_size}`;
  };
  const bridgeOf = async (network: string): Promise<string> =>
    `tr-${(await tare.must(["network", "inspect", "-f", "{{.Id}}", network])).slice(0, 12)}`;
  const portsOf = (bridge: string): readonly string[] =>
    [
      ...execFileSync("ip", ["-o", "link", "show", "master", bridge])
        .toString()
        .matchAll(/^\d+: ([^:@]+)/gm),
    ].map(([, name]) => name as string);
  /** Of the bridge, the ports on it, and the interface in a container that is in it. */
  const sizesOf = async (
    network: string,
    container: string,
    interfaceName = "eth0",
  ): Promise<readonly string[]> => {
    const bridge = await bridgeOf(network);
    const host = show("env");
    const inside = show("nsenter", `--net=/proc/${await pidOf(container)}/ns/net`);
    const named = (name: string): ShownLink | undefined => host.find(({ ifname }) => ifname === name);
    return [
      sizes(named(bridge)),
      ...portsOf(bridge).map((name) => sizes(named(name))),
      sizes(inside.find(({ ifname }) => ifname === interfaceName)),
    ];
  };
  const three = (size: string): readonly string[] => [size, size, size];

  test.each([
    ["plain", [], `${plain}/${plain}`],
    ["internal", ["--internal"], `196608/${plain}`],
    ["internal, switched off", ["--internal", "-o", "gso_max_size=0"], `${plain}/${plain}`],
    ["asked for", ["-o", "gso_max_size=128k"], `131072/${plain}`],
    ["internal, asked for", ["--internal", "--ipv6", "-o", "gso_max_size=524280"], "524280/524280"],
  ] as const)("a network's links, both ends and the bridge: %s", async (_, flags, size) => {
    await create("sized", ...flags);
    await run("one", "sized");
    expect(await sizesOf("sized", "one")).toEqual(three(size));
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
  });

  test("what is no size is refused in one sentence, and nothing is made", async () => {
    for (const [flags, sentence] of [
      [["-o", "gso_max_size=512k"], `"512k": it is a size from 64k to 524280 bytes, or 0`],
      [["-o", "gso_max_size=much"], `"much": it is a size from 64k to 524280 bytes, or 0`],
      [["-d", "macvlan", "-o", "gso_max_size=128k"], "it is for networks of the driver bridge"],
    ] as const) {
      const { status, stderr } = await tare.tare(["network", "create", ...flags, "wrong"]);
      expect(status).toBe(1);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
      expect(stderr).toContain(sentence);
    }
    expect(await tare.must(["network", "ls", "-q", "-f", "name=wrong"])).toBe("");
  });

  test("IPv6 is left as it is where it would have to be forwarded, which is said", async () => {
    const { status, stderr } = await tare.tare([
      "network",
      "create",
      "--ipv6",
      "-o",
      "gso_max_size=192k",
      "both",
    ]);
    expect(status).toBe(0);
    expect(stderr).toBe(
      "WARNING: gso_max_size has no effect for IPv6: larger packets are not forwarded, so it needs an internal network\n",
    );
  });

  /** Sends the file /m to who connects to port 5000, by writes of a megabyte. */
  const server = "dd if=/dev/urandom of=/m bs=1M count=16; exec nc -ll -p 5000 -e dd if=/m bs=1M";
  const serve = async (name: string, network: string, ...flags: readonly string[]): Promise<void> => {
    await tare.must([
      "run",
      "-d",
      "--name",
      name,
      "--network",
      network,
      ...flags,
      "busybox",
      "sh",
      "-c",
      server,
    ]);
    await poll(
      async () => {
        const { stdout } = await tare.tare(["exec", name, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6"]);
        return /:1388 \S+ 0A /.test(stdout) || undefined;
      },
      { timeoutMs: 60_000, everyMs: 50, what: `see ${name} listen` },
    );
  };
  const sumOf = async (name: string): Promise<string> => await tare.must(["exec", name, "md5sum", "/m"]);
  /** What `to` gets of the file that `from` serves, unharmed; the longest packet of it that `to` saw. */
  const fetched = async (
    to: string,
    { from, at, port = 5000 }: { readonly from: string; readonly at: string; readonly port?: number },
  ): Promise<number> => {
    using seen = new PacketLengths(await pidOf(to));
    const got = await tare.must(["exec", to, "sh", "-c", `nc ${at} ${port} </dev/null | md5sum`]);
    expect(got.split(" ")[0]).toBe((await sumOf(from)).split(" ")[0] as string);
    return seen.longest();
  };

  /** Whether one of some transfers had a packet beyond 64 KB: a receiver that is quick enough leaves none to be gathered. */
  const seesLarge = async (...transfer: Parameters<typeof fetched>): Promise<boolean> => {
    for (let round = 0; round < 10; round++) if ((await fetched(...transfer)) > plain) return true;
    return false;
  };

  test(
    "they are used both ways, by address, by name, in both families, in a user namespace, and change nothing of what is sent",
    async () => {
      await create("fast", "--internal", "--ipv6", "-o", "gso_max_size=192k");
      await serve("one", "fast");
      await serve("two", "fast", "--userns", "private");
      const addressOf = async (name: string, field: string): Promise<string> =>
        await tare.must(["inspect", "-f", `{{.NetworkSettings.Networks.fast.${field}}}`, name]);
      for (const [to, from] of [
        ["one", "two"],
        ["two", "one"],
      ] as const) {
        for (const at of [
          from,
          await addressOf(from, "IPAddress"),
          await addressOf(from, "GlobalIPv6Address"),
        ]) {
          expect([to, at, await seesLarge(to, { from, at })]).toEqual([to, at, true]);
        }
      }
    },
    120_000 * slowness,
  );

  test(
    "published ports, to a sibling and to the host, and who is in a network without",
    async () => {
      await create("fast", "-o", "gso_max_size=192k");
      await create("slow");
      await serve("one", "fast", "-p", "18099:5000");
      await run("two", "fast");
      await serve("three", "slow");
      await run("four", "slow");
      const gateway = await tare.must(["inspect", "-f", "{{.NetworkSettings.Networks.fast.Gateway}}", "one"]);
      expect(await seesLarge("two", { from: "one", at: gateway, port: 18_099 })).toBe(true);
      // Through the host to another network: it reaches it uncut, or cut, and whole.
      expect(await fetched("four", { from: "one", at: gateway, port: 18_099 })).toBeGreaterThan(1000);
      expect(await countBytes(18_099)).toBe(16 * 2 ** 20);
      const longest = await fetched("four", { from: "three", at: "three" });
      expect(longest).toBeGreaterThan(1000);
      expect(longest).toBeLessThanOrEqual(plain);
    },
    120_000 * slowness,
  );

  test("connect, disconnect, a kill of the engine keep them; what somebody changes is found, and mended", async () => {
    await create("first", "--internal");
    await create("second");
    await run("one", "second");
    await tare.must(["network", "connect", "first", "one"]);
    const expected = three(`196608/${plain}`);
    expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
    expect(await sizesOf("second", "one")).toEqual(three(`${plain}/${plain}`));
    await tare.must(["network", "disconnect", "first", "one"]);
    await tare.must(["network", "connect", "first", "one"]);
    expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
    killDaemon(tare);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
    await tare.must(["restart", "-t", "0", "one"]);
    expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
    const bridge = await bridgeOf("first");
    const [port = ""] = portsOf(bridge);
    for (const name of [bridge, port]) {
      execFileSync("ip", ["link", "set", name, "gso_ipv4_max_size", "65536", "gro_ipv4_max_size", "65536"]);
      const { status, stdout } = await tare.tare(["system", "check"]);
      expect(status).toBe(1);
      expect(stdout).toContain(
        `its interface ${name} has a gso_max_size of 65536 in place of 196608 for IPv4`,
      );
      killDaemon(tare);
      expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
      expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
    }
    // What is the container's own is found, but not changed while it runs.
    const size = ["gso_ipv4_max_size", "131072", "gro_ipv4_max_size", "131072"];
    const inside = ["nsenter", `--net=/proc/${await pidOf("one")}/ns/net`, "ip", "link", "set", "eth1"];
    execFileSync(inside[0] ?? "", [...inside.slice(1), ...size]);
    for (let time = 0; time < 2; time++) {
      const { status, stdout } = await tare.tare(["system", "check"]);
      expect(status).toBe(1);
      expect(stdout).toContain(
        "of the network first: in the container its interface eth1 has a gso_max_size of 131072 in place of 196608 for IPv4",
      );
      expect(stdout).toContain("restart its container");
      killDaemon(tare);
    }
    await tare.must(["restart", "-t", "0", "one"]);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    // Somebody removes the bridge: it is made again with its ports, then its sizes.
    execFileSync("ip", ["link", "delete", bridge]);
    killDaemon(tare);
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    expect(await sizesOf("first", "one", "eth1")).toEqual(expected);
  });

  test("the default bridge has them where its engine was told so, and as long", async () => {
    const engine = async (...flags: readonly string[]): Promise<string> => {
      await tare.must(["daemon", "stop"]);
      await tare.must([...flags, "version"]);
      return await tare.must(["network", "inspect", "-f", '{{index .Options "gso_max_size"}}', "bridge"]);
    };
    const hostSide = async (): Promise<readonly string[]> => (await sizesOf("bridge", "one")).slice(0, 2);
    const plainly = `${plain}/${plain}`;
    expect(await engine("--bridge-gso-max-size", "192k")).toBe("196608");
    await run("one", "bridge");
    expect(await sizesOf("bridge", "one")).toEqual(three(`196608/${plain}`));
    // The host's side at once, the container's own end with its next start.
    await engine();
    expect(await hostSide()).toEqual([plainly, plainly]);
    expect((await tare.tare(["system", "check"])).stdout).toContain(
      "of the network bridge: in the container its interface eth0 has a gso_max_size of 196608 in place of 65536 for IPv4",
    );
    await tare.must(["restart", "-t", "0", "one"]);
    expect(await sizesOf("bridge", "one")).toEqual(three(plainly));
    expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
    expect(await engine("--bridge-gso-max-size", "131072")).toBe("131072");
    expect(await hostSide()).toEqual([`131072/${plain}`, `131072/${plain}`]);
    await tare.must(["daemon", "stop"]);
    const { status, stderr } = await tare.tare(["--bridge-gso-max-size", "1m", "version"]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(
      'invalid --bridge-gso-max-size "1m": it is a size from 64k to 524280 bytes, or 0',
    );
    await engine();
  });

  test("a bridge of somebody else's keeps its own, and by default nothing is large on it", async () => {
    execFileSync("ip", ["link", "add", "name", "theirs7", "type", "bridge"]);
    try {
      const named = ["-o", "com.docker.network.bridge.name=theirs7"];
      const there = (): string => sizes(show("env").find(({ ifname }) => ifname === "theirs7"));
      for (const [flags, size] of [
        [["--internal"], `${plain}/${plain}`],
        [["-o", "gso_max_size=192k"], `196608/${plain}`],
      ] as const) {
        await create("theirs", ...named, ...flags);
        await run("one", "theirs");
        const inside = show("nsenter", `--net=/proc/${await pidOf("one")}/ns/net`);
        expect(sizes(inside.find(({ ifname }) => ifname === "eth0"))).toBe(size);
        expect(there()).toBe(`${plain}/${plain}`);
        expect(await tare.must(["system", "check"])).toBe("Everything is in order.");
        await tare.must(["rm", "-f", "one"]);
        await tare.must(["network", "rm", "theirs"]);
      }
    } finally {
      execFileSync("ip", ["link", "delete", "theirs7"]);
    }
  });
});
