import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { bridgePlan, endpointPlan, ports } from "../support/network-plans.ts";
import { openWorld, type TestNamespace, type World } from "../support/network-world.ts";
import { poll } from "../support/patience.ts";

let world: World;
let web: TestNamespace;
let friend: TestNamespace;
let stranger: TestNamespace;
const front = bridgePlan("front", 1);
const back = bridgePlan("back", 2);
const published = ports(
  "tcp 8080:80",
  "udp 8080:80",
  "tcp 9000+1000:9000",
  "tcp 127.0.0.1:7000:80",
  "tcp 10.9.0.1:7001:80",
  "tcp 7002+3:79",
  "tcp 8000+80:10000",
  "udp 10.9.0.1:8203+50:10000",
  "sctp 7010:80",
);

beforeAll(async () => {
  world = await openWorld();
  [web, friend, stranger] = await Promise.all([world.add("web"), world.add("friend"), world.add("stranger")]);
  await world.host.call("open", { dataRoot: world.dataRoot });
  await world.host.call("ensure", front);
  await world.host.call("ensure", back);
  await world.host.call("attach", endpointPlan(front, 2, { ports: published }), web.path);
  await world.host.call("attach", endpointPlan(front, 3), friend.path);
  await world.host.call("attach", endpointPlan(back, 2), stranger.path);
  for (const protocol of ["tcp", "udp"] as const) {
    for (const port of [79, 80, 81, 9000, 9999, 10_000, 10_049, 10_079])
      await web.listen(protocol, port, `web${port}`);
    await friend.listen(protocol, 80, "friend");
    await world.other.listen(protocol, 80, "other");
  }
});

afterAll(async () => await world[Symbol.asyncDispose]());

const who = (name: string): TestNamespace =>
  ({ host: world.host, other: world.other, web, friend, stranger })[name] as TestNamespace;

/** from, protocol, address, port → answer, with the address that the server saw. */
const table: readonly (readonly [string, "tcp" | "udp", string, number, string])[] = [
  // By the host's addresses.
  ["other", "tcp", "10.9.0.1", 8080, "web80 10.9.0.2"],
  ["other", "udp", "10.9.0.1", 8080, "web80 10.9.0.2"],
  ["other", "tcp", "fd09::1", 8080, "web80 fd09::2"],
  ["other", "udp", "fd09::1", 8080, "web80 fd09::2"],
  ["other", "tcp", "10.9.0.1", 9000, "web9000 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 9999, "web9999 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7001, "web80 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7002, "web79 10.9.0.2"],
  ["other", "tcp", "10.9.0.1", 7004, "web81 10.9.0.2"],
  // Ranges whose numbers are shifted: of one element, and of several.
  ["other", "tcp", "10.9.0.1", 8000, "web10000 10.9.0.2"],
  ["other", "tcp", "fd09::1", 8079, "web10079 fd09::2"],
  ["other", "tcp", "10.9.0.1", 8049, "web10049 10.9.0.2"],
  ["host", "tcp", "127.0.0.1", 8079, "web10079 172.30.1.1"],
  ["host", "tcp", "::1", 8000, "web10000 fd00:30:1::1"],
  ["other", "udp", "10.9.0.1", 8203, "web10000 10.9.0.2"],
  ["other", "udp", "10.9.0.1", 8252, "web10049 10.9.0.2"],
  ["other", "udp", "10.9.0.1", 8253, "refused"],
  ["other", "udp", "fd09::1", 8203, "refused"],
  ["other", "tcp", "10.9.0.1", 7000, "refused"],
  ["other", "tcp", "10.9.0.1", 10000, "refused"],
  ["other", "udp", "10.9.0.1", 9000, "refused"],
  // From the host itself.
  ["host", "tcp", "127.0.0.1", 8080, "web80 172.30.1.1"],
  ["host", "udp", "127.0.0.1", 8080, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.9", 8080, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.1", 7000, "web80 172.30.1.1"],
  ["host", "tcp", "127.0.0.9", 7000, "refused"],
  ["host", "tcp", "127.0.0.1", 7001, "refused"],
  ["host", "tcp", "127.0.0.1", 9500, "refused"],
  ["host", "tcp", "127.0.0.1", 9999, "web9999 172.30.1.1"],
  ["host", "tcp", "::1", 8080, "web80 fd00:30:1::1"],
  ["host", "udp", "::1", 8080, "web80 fd00:30:1::1"],
  ["host", "tcp", "10.9.0.1", 8080, "web80 10.9.0.1"],
  ["host", "tcp", "fd09::1", 8080, "web80 fd09::1"],
  ["host", "tcp", "172.30.1.2", 80, "web80 172.30.1.1"],
  // From itself and its siblings, by the host's addresses and by its own.
  ["web", "tcp", "10.9.0.1", 8080, "web80 172.30.1.1"],
  ["web", "udp", "172.30.1.1", 8080, "web80 172.30.1.1"],
  ["web", "tcp", "fd09::1", 8080, "web80 fd00:30:1::1"],
  ["friend", "tcp", "10.9.0.1", 8080, "web80 172.30.1.1"],
  ["friend", "tcp", "172.30.1.2", 80, "web80 172.30.1.3"],
  ["web", "udp", "fd00:30:1::3", 80, "friend fd00:30:1::2"],
  // From another network: what is published, nothing else.
  ["stranger", "tcp", "10.9.0.1", 8080, "web80 172.30.2.2"],
  ["stranger", "tcp", "172.30.1.2", 80, "silent"],
  ["stranger", "udp", "172.30.1.2", 80, "silent"],
  ["stranger", "tcp", "fd00:30:1::2", 80, "silent"],
  ["stranger", "tcp", "172.30.1.1", 7000, "refused"],
  // From the link, by the container's own address.
  ["other", "tcp", "172.30.1.2", 80, "silent"],
  ["other", "udp", "172.30.1.2", 80, "silent"],
  ["other", "tcp", "fd00:30:1::2", 80, "silent"],
  // Out.
  ["web", "tcp", "10.9.0.2", 80, "other 10.9.0.1"],
  ["web", "udp", "10.9.0.2", 80, "other 10.9.0.1"],
  ["web", "tcp", "fd09::2", 80, "other fd09::1"],
];

for (const [from, protocol, address, port, answer] of table) {
  test(`bridge network: ${from} → ${protocol} ${address} ${port}: ${answer}`, async () => {
    const side = who(from);
    const place = [protocol, address, port] as const;
    expect(await (answer === "silent" ? side.probeBriefly(...place) : side.probe(...place))).toBe(answer);
  });
}

/** A first packet of SCTP (RFC 9260), by hand: a kernel may translate it without having sockets of it. */
const sendsSctp = `
import socket, struct
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65536, 1, 1, 0x5678)
head = lambda crc: struct.pack("!HHI", 40000, 7010, 0) + struct.pack("<I", crc)
packet = head(crc32c(head(0) + chunk)) + chunk
socket.socket(socket.AF_INET, socket.SOCK_RAW, 132).sendto(packet, ("10.9.0.1", 0))`;
const takesSctp = `
import socket, struct
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
raw.settimeout(15)
print("waits", flush=True)
packet, (sender, _) = raw.recvfrom(4096)
begin = (packet[0] & 15) * 4
print(sender, *struct.unpack("!HH", packet[begin:begin + 4]))`;

test("a port of SCTP is translated, whether or not this kernel has sockets of it", async () => {
  const taker = spawn("ip", ["netns", "exec", web.name, "python3", "-c", takesSctp]);
  try {
    let said = "";
    taker.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const closed = once(taker, "close");
    await poll(() => (said.includes("waits") ? true : undefined), { timeoutMs: 20_000, what: "see it wait" });
    world.other.run("python3", "-c", sendsSctp);
    await closed;
    expect(said).toBe("waits\n10.9.0.2 40000 80\n");
  } finally {
    taker.kill("SIGKILL");
  }
});

test("a port on 127.0.0.1 can't be reached from the link, whatever the neighbour and a careless host do", async () => {
  // The neighbour sends packets to 127.0.0.1 over the link, and the host does not drop them as impossible.
  world.host.run("sysctl", "-qw", "net.ipv4.conf.lan.route_localnet=1", "net.ipv4.conf.all.rp_filter=0");
  world.other.run(
    "sysctl",
    "-qw",
    "net.ipv4.conf.all.route_localnet=1",
    "net.ipv4.conf.eth0.route_localnet=1",
  );
  world.other.run("ip", "addr", "del", "127.0.0.1/8", "dev", "lo");
  world.other.run("ip", "route", "add", "127.0.0.1", "via", "10.9.0.1", "dev", "eth0", "src", "10.9.0.2");
  try {
    await world.host.listen("tcp", 11_099, "host");
    // It does get through to the host's own services: the attack is a real one.
    expect(await world.other.probe("tcp", "127.0.0.1", 11_099)).toBe("host 10.9.0.2");
    expect(await world.other.probe("tcp", "127.0.0.1", 7000)).toBe("refused");
    expect(await world.other.probe("tcp", "127.0.0.1", 8080)).toBe("refused");
    expect(await world.host.probe("tcp", "127.0.0.1", 7000)).toBe("web80 172.30.1.1");
  } finally {
    world.other.run("ip", "addr", "add", "127.0.0.1/8", "dev", "lo");
  }
});

test("a bridge that was taken away and made again is the one that the next container comes to", async () => {
  const plan = bridgePlan("again", 3);
  await world.host.call("ensure", plan);
  const ports = (): number =>
    world.host.run("ip", "-o", "link", "show", "master", plan.interfaceName).split("@").length - 1;
  for (const at of [2, 3, 4]) {
    if (at === 4) {
      world.host.run("ip", "link", "del", plan.interfaceName);
      await world.host.call("ensure", plan);
    }
    await world.host.call("attach", endpointPlan(plan, at), world.addBare(`again${at}`));
  }
  expect(ports()).toBe(3);
  world.host.run("ip", "link", "del", plan.interfaceName);
  // The engine makes it again by itself, and puts those before back.
  await world.host.call("attach", endpointPlan(plan, 5), world.addBare("again5"));
  expect(ports()).toBe(4);
  // Off the bridge at once, though their network namespaces, and so their links, are still there.
  for (const [at, left] of [
    [2, 3],
    [3, 2],
    [4, 1],
    [5, 0],
  ] as const) {
    await world.host.call("detach", endpointPlan(plan, at).id);
    expect(ports()).toBe(left);
  }
  await world.host.call("remove", plan);
});

test("a pair has one queue each way: to take others out of use, the kernel would wait", () => {
  const queuesOf = (place: TestNamespace): string[] =>
    place.run("ip", "-d", "-o", "link", "show", "type", "veth").match(/num[tr]xqueues \d+/g) ?? [];
  const one = ["numtxqueues 1", "numrxqueues 1"];
  expect(queuesOf(web)).toEqual(one);
  // Of its three containers; the link to the world came before.
  expect(queuesOf(world.host).slice(-6)).toEqual([...one, ...one, ...one]);
});

test("openNetworks() makes the firewall whole again when somebody flushes it", async () => {
  for (const command of ["flush ruleset", "flush chain inet TABLE forward", "flush set inet TABLE bridges"]) {
    const name = /table inet (tare-\w+)/.exec(world.host.run("nft", "list", "tables"))?.[1] as string;
    const before = (await world.host.call<string[]>("notes")).filter((note) =>
      note.includes("made whole"),
    ).length;
    world.host.nft(command.replace("TABLE", name));
    const told = async (): Promise<true | undefined> =>
      (await world.host.call<string[]>("notes")).filter((note) => note.includes("made whole")).length > before
        ? true
        : undefined;
    await poll(told, { everyMs: 20, timeoutMs: 20_000, what: "see the table made whole again" });
    expect(await world.other.probe("tcp", "10.9.0.1", 8080)).toBe("web80 10.9.0.2");
    expect(await stranger.probeBriefly("tcp", "172.30.1.2", 80)).toBe("silent");
  }
  const notes = await world.host.call<string[]>("notes");
  expect(
    notes.filter((note) => /was changed by nft \(process \d+\) and has been made whole again/.test(note)),
  ).toHaveLength(3);
});
