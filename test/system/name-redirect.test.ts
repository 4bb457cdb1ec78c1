import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { openInetSocket, receiveDatagram, tryBind, trySend } from "../../src/linux/sockets/inet-socket.ts";
import { inNetworkNamespace } from "../../src/linux/namespaces/network-namespace.ts";
import { call } from "../../src/linux/kernel/syscall.ts";
import { type NameServer, openNameServer } from "../../src/network/name-server.ts";
import { parseIpAddress } from "../../src/spec/ip-address.ts";
import { queryBytes } from "../support/dns-query.ts";
import { makeNetworkHost, type NetworkHost } from "../support/network-host.ts";
import { poll } from "../support/patience.ts";

const SOL_SOCKET = 1;
const SO_NO_CHECK = 11;

const forms = [
  ["as lo receives packets", "", 'type filter hook ingress device "lo"', "netdev"],
  ["as packets are sent", "nf_tables-netdev", "type filter hook output", "ip"],
] as const;

describe.each(forms)("127.0.0.11:53, led to our port %s", (_, word, hook, family) => {
  let container: NetworkHost;
  let names: NameServer;
  let open = new DisposableStack();
  beforeEach(() => {
    open = new DisposableStack();
    process.env["TARE_WITHOUT"] = word;
    open.defer(() => void delete process.env["TARE_WITHOUT"]);
    container = open.use(makeNetworkHost());
    names = open.use(openNameServer());
    names.addNetwork("n", "front");
    names.addEntry("n", { endpointId: "e1", names: ["web"], addresses: ["172.18.0.2"] });
    serve();
  });
  afterEach(() => open.dispose());

  const serve = (): void =>
    names.serve("c", { netns: container.netns, view: { networks: [{ id: "n" }], upstreams: [] } });
  const dig = async (...args: readonly string[]): Promise<string> =>
    (await container.run("dig", "@127.0.0.11", "+timeout=4", "+tries=1", ...args)).trim();
  const nft = async (...words: readonly string[]): Promise<string> => await container.run("nft", ...words);

  /** A socket of UDP in the container. */
  const openUdp = (port: number, address = "127.0.0.1"): number => {
    const socket = open.use(inNetworkNamespace(container.netns, () => openInetSocket(4, "udp")));
    expect(tryBind(socket.fd, { address: parseIpAddress(address), port })).toBe(true);
    return socket.fd;
  };
  const receive = async (fd: number): Promise<{ readonly bytes: Buffer; readonly port: number }> =>
    await poll(
      () => {
        const datagram = receiveDatagram(fd, Buffer.alloc(65_536));
        return datagram && { bytes: Buffer.from(datagram.bytes), port: datagram.from.port };
      },
      { timeoutMs: 5_000, what: "receive" },
    );
  const question = queryBytes({ id: 7, name: "web", type: 1 });
  const resolver = { address: parseIpAddress("127.0.0.11"), port: 53 };

  test("has one chain, and the kernel keeps track of no connection", async () => {
    expect(await dig("+short", "web")).toBe("172.18.0.2");
    expect(await dig("+short", "+tcp", "web")).toBe("172.18.0.2");
    const tables = await nft("list", "ruleset");
    expect(tables.match(/^table .*/gm)).toEqual([`table ${family} tare-names {`]);
    expect(tables.match(/type .*/g)).toEqual([expect.stringContaining(hook)]);
    expect(tables).toContain("ip daddr 127.0.0.11 udp dport 53 udp dport set 1011");
    expect(tables).toContain("ip saddr 127.0.0.11 tcp sport 1011 tcp sport set 53");
    expect(await container.run("cat", "/proc/net/nf_conntrack")).toBe("");
    serve(); // in place of it, as the next engine does
    const later = await nft("list", "ruleset");
    expect(later.replaceAll(/101./g, "1011")).toBe(tables);
    expect(await dig("+short", "web")).toBe("172.18.0.2");
  });

  test("answers who sends without checksums", async () => {
    const client = openUdp(0);
    const on = Buffer.from([1, 0, 0, 0]);
    call("setsockopt", client, SOL_SOCKET, SO_NO_CHECK, on, on.length);
    trySend(client, question, resolver);
    const { bytes, port } = await receive(client);
    expect([bytes[1], port]).toEqual([7, 53]);
  });

  test("answers in fragments where lo takes small packets only", async () => {
    await container.run("ip", "link", "set", "lo", "mtu", "1280");
    for (let at = 0; at < 120; at++)
      names.addEntry("n", { endpointId: `m${at}`, names: ["many"], addresses: [`172.18.1.${at}`] });
    const told = await dig("+short", "+bufsize=4096", "+ignore", "many");
    expect(told.split("\n")).toHaveLength(120);
    expect(await dig("+short", "+tcp", "many")).toContain("172.18.1.119");
  });

  test("leaves a server of the container's own alone, and clients that happen to have our port", async () => {
    const server = openUdp(53, "0.0.0.0");
    const client = openUdp(1011);
    trySend(client, Buffer.from("own?"), { address: parseIpAddress("127.0.0.1"), port: 53 });
    expect(await receive(server)).toEqual({ bytes: Buffer.from("own?"), port: 1011 });
    trySend(server, Buffer.from("own."), { address: parseIpAddress("127.0.0.1"), port: 1011 });
    expect(await receive(client)).toEqual({ bytes: Buffer.from("own."), port: 53 });
    trySend(client, question, resolver);
    expect((await receive(client)).port).toBe(53);
    trySend(server, Buffer.from("to 53"), { address: parseIpAddress("127.0.0.12"), port: 53 });
    expect((await receive(server)).bytes.toString()).toBe("to 53");
  });

  if (family === "netdev") {
    test("shows a firewall of the container's own the port that was asked", async () => {
      await nft("add table ip own; add chain ip own out { type filter hook output priority 10; }");
      await nft("add rule ip own out ip daddr 127.0.0.11 udp dport != 53 drop");
      expect(await dig("+short", "web")).toBe("172.18.0.2");
    });
  }
});

test("127.0.0.11:53 answers on a kernel without nf_tables, too", async () => {
  using open = new DisposableStack();
  process.env["TARE_WITHOUT"] = "nf_tables";
  open.defer(() => void delete process.env["TARE_WITHOUT"]);
  const container = open.use(makeNetworkHost());
  const names = open.use(openNameServer());
  names.addNetwork("n", "front");
  names.addEntry("n", { endpointId: "e1", names: ["web"], addresses: ["172.18.0.2"] });
  names.serve("c", { netns: container.netns, view: { networks: [{ id: "n" }], upstreams: [] } });
  for (const form of ["+notcp", "+tcp"])
    expect((await container.run("dig", "@127.0.0.11", "+short", form, "web")).trim()).toBe("172.18.0.2");
  expect(await container.run("nft", "list", "ruleset")).toBe("");
});
