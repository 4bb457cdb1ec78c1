/** An engine in a network namespace that stands for a host with a firewall; another host sends real packets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive } from "../support/images.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";
import { poll } from "../support/patience.ts";
import { Installation, isRoot } from "../support/tare.ts";

const addresses = ["10.9.0.1", "fd09::1"] as const;
const protocols = ["tcp", "udp"] as const;
const ways = addresses.flatMap((address) => protocols.map((protocol) => [address, protocol] as const));

describe.skipIf(!isRoot)("an engine on a host with a firewall", () => {
  let world: World;
  let tare: Installation;
  let web: TestNamespace;

  beforeAll(async () => {
    world = await openWorld();
    tare = new Installation({ netns: world.host.path });
    await world.other.listen("tcp", 80, "other");
    await world.other.listen("udp", 80, "other");
    await tare.must(["--publish-policy", "docker", "load", "-qi", busyboxArchive()]);
    await tare.must(["network", "create", "--ipv6", "front"]);
    const ports = [8080, 8081].flatMap((port) => protocols.flatMap((each) => ["-p", `${port}:80/${each}`]));
    await tare.must([
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "front",
      ...ports,
      "busybox",
      "sleep",
      "1000",
    ]);
    web = await world.adopt("web", Number(await tare.must(["inspect", "--format", "{{.State.Pid}}", "web"])));
    for (const protocol of protocols) await web.listen(protocol, 80, "web");
  });
  afterAll(async () => {
    await tare[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** Another engine on the same roots, while the container lives. */
  const choose = async (policy: "docker" | "respect-host"): Promise<void> => {
    await tare.must(["daemon", "stop"]);
    await tare.must(["--publish-policy", policy, "version"]);
  };
  const from = async (port: number): Promise<readonly string[]> =>
    await Promise.all(
      ways.map(
        async ([address, protocol]) => await world.other.probe(protocol, address, port, { timeoutMs: 3000 }),
      ),
    );
  const out = async (): Promise<readonly string[]> =>
    await Promise.all(
      ["10.9.0.2", "fd09::2"].flatMap((address) =>
        protocols.map(async (protocol) => await web.probe(protocol, address, 80, { timeoutMs: 3000 })),
      ),
    );
  const reached = ["web 10.9.0.2", "web 10.9.0.2", "web fd09::2", "web fd09::2"];
  const left = ["other 10.9.0.1", "other 10.9.0.1", "other fd09::1", "other fd09::1"];
  const nobody = (answers: readonly string[]): boolean =>
    answers.every((answer) => ["silent", "refused"].includes(answer));
  const reach = async (): Promise<string> => await tare.must(["ps", "--format", "{{.Reach}}"]);

  const inputDrops = `table inet own {
    chain input { type filter hook input priority filter; policy drop;
      ct state established,related accept; iif lo accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;
      tcp dport 8081 accept; udp dport 8081 accept; } }`;
  const forwardDrops = `table inet own {
    chain forward { type filter hook forward priority filter; policy drop; ct state established,related accept; } }`;

  test("without rules both ports are reached, and it reaches the other host", async () => {
    expect(await from(8080)).toEqual(reached);
    expect(await from(8081)).toEqual(reached);
    expect(await out()).toEqual(left);
  });

  test("an input chain that drops is passed by with docker, and obeyed with respect-host, answers and ways out left alone", async () => {
    world.host.nft(inputDrops);
    try {
      expect(await from(8080)).toEqual(reached);
      expect(await reach()).not.toContain("blocked");
      await choose("respect-host");
      expect(nobody(await from(8080))).toBe(true);
      expect(await from(8081)).toEqual(reached);
      expect(await out()).toEqual(left);
      for (const protocol of protocols)
        expect(await world.host.probe(protocol, "127.0.0.1", 8080)).toStartWith("web ");
      expect(await reach()).toContain("blocked by inet own input");
    } finally {
      world.host.nft("delete table inet own");
    }
    // Follows the host's rules.
    const open = async (): Promise<true | undefined> =>
      (await from(8080)).every((answer) => answer.startsWith("web")) ? true : undefined;
    await poll(open, { timeoutMs: 20_000, everyMs: 100, what: "reach it again" });
  });

  test("a forward chain that drops shuts both ways under either policy, is told, and what is advised opens them", async () => {
    world.host.nft(forwardDrops);
    try {
      for (const policy of ["docker", "respect-host"] as const) {
        await choose(policy);
        expect([policy, nobody(await from(8080))]).toEqual([policy, true]);
        expect([policy, nobody(await out())]).toEqual([policy, true]);
        expect(await reach()).toContain("blocked by inet own forward");
      }
      world.host.run("ip", "route", "add", "default", "via", "10.9.0.2");
      const { stdout } = await tare.tare(["system", "check"]);
      expect(stdout).toContain("inet own forward");
      const advised = [...stdout.matchAll(/nft insert rule inet own forward iifname \S+ accept/g)].map(
        String,
      );
      expect(advised.length).toBeGreaterThan(0);
      for (const command of advised) world.host.run(...command.split(" "));
      expect(await out()).toEqual(left);
    } finally {
      world.host.nft("delete table inet own");
    }
  });
});
