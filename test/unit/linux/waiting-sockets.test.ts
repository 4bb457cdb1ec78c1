import { createSocket, type Socket } from "node:dgram";
import { afterEach, expect, test } from "bun:test";
import {
  listWaitingSockets,
  parseSockets,
  type WaitingSocket,
} from "../../../src/linux/sockets/waiting-sockets.ts";
import { formatIpAddress } from "../../../src/spec/ip-address.ts";

const { TARE_WITHOUT: before } = process.env;
afterEach(() => {
  if (before === undefined) delete process.env["TARE_WITHOUT"];
  else process.env["TARE_WITHOUT"] = before;
});

const textOf = ({ address, port }: WaitingSocket): string => `${formatIpAddress(address)} ${port}`;

/** By both ways, which must agree. */
function portsAt(protocol: "tcp" | "udp", port: number): readonly string[] {
  const seen = [[], ["sock_diag"]].map((without) => {
    process.env["TARE_WITHOUT"] = without.join(",");
    return listWaitingSockets(protocol)
      .filter((socket) => socket.port === port)
      .map(textOf)
      .toSorted();
  });
  expect(seen[0]).toEqual(seen[1]);
  delete process.env["TARE_WITHOUT"];
  expect(listWaitingSockets(protocol, { port }).map(textOf).toSorted()).toEqual([...(seen[0] ?? [])]);
  return seen[0] ?? [];
}

test("listWaitingSockets() finds TCP sockets that listen, and no connection of theirs", async () => {
  for (const [hostname, listed] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
  ] as const) {
    const server = Bun.listen({ hostname, port: 0, socket: { data() {} } });
    const client = await Bun.connect({ hostname, port: server.port, socket: { data() {} } });
    expect(portsAt("tcp", server.port)).toEqual([`${listed} ${server.port}`]);
    expect(portsAt("tcp", client.localPort)).toEqual([]);
    client.end();
    server.stop(true);
    expect(portsAt("tcp", server.port)).toEqual([]);
  }
});

test("listWaitingSockets() finds UDP sockets without a peer", async () => {
  const open = async (address: string): Promise<Socket> => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return socket;
  };
  const sockets = [await open("127.0.0.1"), await open("::1"), await open("127.0.0.1")];
  const ports = sockets.map((socket) => socket.address().port);
  const [one, six, connected] = sockets;
  await new Promise<void>((resolve) => connected?.connect(ports[0] ?? 0, "127.0.0.1", resolve));
  expect(portsAt("udp", ports[0] ?? 0)).toEqual([`127.0.0.1 ${ports[0]}`]);
  expect(portsAt("udp", ports[1] ?? 0)).toEqual([`::1 ${ports[1]}`]);
  expect(portsAt("udp", ports[2] ?? 0)).toEqual([]);
  for (const socket of [one, six, connected]) socket?.close();
});

test("parseSockets() reads the kernel's files", () => {
  const text = `  sl  local_address rem_address   st
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000
   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000
   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0`;
  expect(parseSockets(text, "tcp").map(textOf)).toEqual(["127.0.0.1 8080", "::1 80"]);
  expect(parseSockets(text, "udp")).toHaveLength(2);
});
