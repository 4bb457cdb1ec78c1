/**
 * A process in a network namespace: answers requests, one JSON line each, on its standard streams. It listens, it
 * probes, and in the namespace that stands for the host it has the networks themselves. See network-world.ts.
 */
import { closeSync, openSync } from "node:fs";
import { createServer, connect } from "node:net";
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { openNetworks } from "../../src/network/open-networks.ts";
import { readHostNetwork } from "../../src/network/read-host.ts";
import type { Networks } from "../../src/network/networks.ts";
import { fromLine, toLine } from "./network-lines.ts";
import type { EndpointId, NetworkId } from "../../src/model/ids.ts";
import { asId } from "./ids.ts";

let networks: Networks | undefined;
const notes: string[] = [];

// What the other side sends is typed there.
// oxlint-disable-next-line typescript/no-explicit-any
type Handler = (...args: readonly any[]) => unknown;

const handlers: Readonly<Record<string, Handler>> = {
  open: (options: { readonly dataRoot: string; readonly policy?: "docker" | "respect-host" }) => {
    networks = openNetworks({ ...options, onNote: (note) => notes.push(note) });
  },
  close: async () => await networks?.[Symbol.asyncDispose](),
  ensure: async (plan) => await networks?.ensure(plan),
  remove: async (plan) => await networks?.remove(plan),
  attach: async (endpoint, netns: string) =>
    await inNamespace(netns, async (netnsFd) => await networks?.attach(endpoint, { netnsFd })),
  disconnect: async (endpoint, netns: string) =>
    await inNamespace(netns, async (netnsFd) => await networks?.disconnect(endpoint, { netnsFd })),
  detach: async (id: string) => await networks?.detach(asId<EndpointId>(id)),
  linkGone: async (id: string) => await networks?.linkGone(asId<EndpointId>(id)),
  expelLink: async (id: string) => await networks?.expelLink(asId<EndpointId>(id)),
  setPorts: async (id: string, ports) => await networks?.setPorts(asId<EndpointId>(id), ports),
  setPolicy: async (policy) => await networks?.setPolicy(policy),
  reconcile: async (records) => await networks?.reconcile(records),
  obstaclesOf: async (plan) => await networks?.obstaclesOf(plan),
  findings: async () => await networks?.findings(),
  reachOf: async (ports, networkId: string) =>
    await networks?.reachOf(ports, { networkId: asId<NetworkId>(networkId) }),
  notes: () => notes,
  hostNetwork: () => readHostNetwork(),
  time: async (plan, { rounds, netns, endpoint }) => {
    const times: number[] = [];
    await networks?.ensure(plan);
    for (let round = 0; round < rounds; round++) {
      await inNamespace(netns, async (netnsFd) => {
        const id = `${(round + 0x10000000).toString(16)}${endpoint.id.slice(8)}`;
        const begun = performance.now();
        await networks?.attach({ ...endpoint, id, interfaceName: `eth${round}` }, { netnsFd });
        times.push(performance.now() - begun);
        await networks?.detach(asId<EndpointId>(id));
      });
    }
    return times;
  },
  listen: async ({
    protocol,
    port,
    text,
  }: {
    readonly protocol: string;
    readonly port: number;
    readonly text: string;
  }) => {
    if (protocol === "tcp") {
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(`${text} ${plain(socket.remoteAddress ?? "")}`);
      });
      await new Promise<void>((resolve, reject) => {
        server.on("error", reject);
        server.listen({ port, host: "::" }, resolve);
      });
      return;
    }
    const socket = createSocket("udp6");
    socket.on("error", () => undefined);
    socket.on("message", (_, { address, port: back }) =>
      socket.send(`${text} ${plain(address)}`, back, address),
    );
    await new Promise<void>((resolve) => socket.bind(port, "::", resolve));
  },
  probe: async ({ protocol, address, port, timeoutMs = 700, from }) =>
    await (protocol === "tcp"
      ? probeTcp(address, port, timeoutMs)
      : probeUdp(address, port, { timeoutMs, from })),
};

function plain(address: string): string {
  return address.replace(/^::ffff:/, "");
}

async function inNamespace<T>(path: string, work: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync(path, "r");
  try {
    return await work(fd);
  } finally {
    closeSync(fd);
  }
}

/** The server's answer, or `refused`, `unreachable`, `silent`. */
async function probeTcp(host: string, port: number, timeoutMs: number): Promise<string> {
  return await new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve("silent");
    }, timeoutMs);
    const finish = (answer: string): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("close", () => finish(text === "" ? "refused" : text));
    socket.on("error", () => finish("refused"));
  });
}

async function probeUdp(
  host: string,
  port: number,
  { timeoutMs, from }: { readonly timeoutMs: number; readonly from?: number },
): Promise<string> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  if (from !== undefined) await new Promise<void>((resolve) => socket.bind(from, resolve));
  return await new Promise((resolve) => {
    const finish = (answer: string): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish("silent"), timeoutMs);
    socket.on("message", (message) => finish(message.toString()));
    socket.on("error", () => finish("refused"));
    socket.connect(port, host, (...failed: unknown[]) => {
      if (failed[0] !== undefined && failed[0] !== null) return;
      socket.send("hello", (thrown) => {
        if (thrown !== null && thrown !== undefined) finish("refused");
      });
    });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args } = fromLine(line) as { id: number; method: string; args: unknown[] };
  void Promise.resolve()
    .then(() => handlers[method]?.(...args))
    .then(
      (result) => console.log(toLine({ id, result })),
      (thrown: unknown) =>
        console.log(
          toLine({ id, error: (thrown as Error).message, kind: (thrown as { kind?: string }).kind }),
        ),
    );
}
await networks?.[Symbol.asyncDispose]();
process.exit(0);
