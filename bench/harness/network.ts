import { createSocket } from "node:dgram";
import { runTimed } from "./command.ts";

/** The words of a command that runs in the network namespace of a process. */
function inNetworkOf(pid: number, ...command: readonly string[]): readonly string[] {
  return ["nsenter", `--net=/proc/${pid}/ns/net`, ...command];
}

export interface Lookups {
  readonly latencyMs: readonly number[];
  readonly perSecond: number;
}

/** Asks for a name from within the network namespace of a process, by a program of its own there. */
export async function measureLookups(
  pid: number,
  options: { readonly server: string; readonly name: string; readonly seconds: number },
): Promise<Lookups> {
  const { server, name, seconds } = options;
  const words = inNetworkOf(pid, process.execPath, import.meta.path, server, name, String(seconds));
  return JSON.parse(runTimed(words, { capture: true }).stdout) as Lookups;
}

/** Pids of processes in the network namespaces. */
export interface VethPair extends AsyncDisposable {
  readonly from: number;
  readonly to: number;
  /** The address at the other end. */
  readonly target: string;
  readonly host: number;
  /** The host's address; with a bridge only. */
  readonly gateway: string;
  /** The host leads this port of its own to `targetPort` at the other end, by one rule of nft each way. */
  publish(port: number, targetPort: number): void;
}

/**
 * Two network namespaces with a pair of interfaces between them and nothing else: the floor. `bridged`: each has a pair
 * to a third one, the host, where a bridge joins them, without rules of a firewall: the floor of every engine that has
 * bridges.
 */
export async function makeVethPair({ bridged }: { readonly bridged: boolean }): Promise<VethPair> {
  const holders = [0, 1, 2].map(() =>
    Bun.spawn(["unshare", "--net", "sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] }),
  );
  await Bun.sleep(200);
  const [from = 0, to = 0, between = 0] = holders.map(({ pid }) => pid);
  const target = "192.0.2.2";
  const gateway = "192.0.2.254";
  const ip = (pid: number, ...words: readonly string[]): unknown =>
    runTimed(inNetworkOf(pid, "ip", "link", ...words));
  if (bridged) {
    ip(between, "add", "name", "br", "up", "type", "bridge");
    runTimed(inNetworkOf(between, "ip", "address", "add", `${gateway}/24`, "dev", "br"));
    for (const [pid, name] of [
      [from, "va"],
      [to, "vb"],
    ] as const) {
      ip(between, "add", "name", name, "type", "veth", "peer", "name", name, "netns", String(pid));
      ip(between, "set", name, "up", "master", "br");
      runTimed(inNetworkOf(between, "bridge", "link", "set", "dev", name, "hairpin", "on"));
    }
  } else ip(from, "add", "name", "va", "type", "veth", "peer", "name", "vb", "netns", String(to));
  for (const [pid, name, address] of [
    [from, "va", "192.0.2.1"],
    [to, "vb", target],
  ] as const) {
    runTimed(inNetworkOf(pid, "ip", "address", "add", `${address}/24`, "dev", name));
    ip(pid, "set", name, "up");
  }
  return {
    from,
    to,
    target,
    host: between,
    gateway,
    publish(port, targetPort) {
      const rules = `table ip floor {
        chain in { type nat hook prerouting priority dstnat; meta l4proto { tcp, udp } th dport ${port} dnat to ${target}:${targetPort}; }
        chain out { type nat hook postrouting priority srcnat; ct status dnat masquerade; }
      }`;
      runTimed(inNetworkOf(between, "sysctl", "-qw", "net.ipv4.ip_forward=1"));
      runTimed(inNetworkOf(between, "nft", rules));
    },
    async [Symbol.asyncDispose]() {
      for (const holder of holders) holder.kill();
      await Promise.all(holders.map(({ exited }) => exited));
    },
  };
}

/** Megabytes of payload a second that arrive, from iperf3 in one network namespace to iperf3 in another. */
export async function measureThroughput(options: {
  readonly from: number;
  readonly to: number;
  readonly target: string;
  readonly port: number;
  readonly seconds: number;
  readonly flags: readonly string[];
}): Promise<number> {
  const { from, to, target, port, seconds, flags } = options;
  const server = Bun.spawn([...inNetworkOf(to, "iperf3", "-s", "-1", "--forceflush")], {
    stdout: "pipe",
    stderr: "ignore",
  });
  try {
    const reader = server.stdout.getReader();
    await reader.read(); // the line that reports that it listens
    reader.releaseLock();
    const words = ["iperf3", "-J", "-c", target, "-p", String(port), "-t", String(seconds), ...flags];
    const { stdout } = runTimed(inNetworkOf(from, ...words), { capture: true });
    const { end } = JSON.parse(stdout) as {
      readonly end: Readonly<
        Record<string, { readonly bits_per_second: number; readonly lost_percent?: number }>
      >;
    };
    const sum = end["sum_received"] ?? end["sum"];
    const arrived = end["sum_received"] === undefined ? 1 - (sum?.lost_percent ?? 0) / 100 : 1;
    return ((sum?.bits_per_second ?? 0) * arrived) / 8e6;
  } finally {
    server.kill();
    await server.exited;
  }
}

/** A question for the IPv4 address of a name. SPEC: RFC 1035 §4.1 */
function question(id: number, name: string): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]);
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(id, 0);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

async function ask(server: string, name: string, seconds: number): Promise<Lookups> {
  const socket = createSocket("udp4");
  const waiting = new Map<number, () => void>();
  socket.on("message", (bytes) => {
    const id = bytes.readUInt16BE(0);
    waiting.get(id)?.();
    waiting.delete(id);
  });
  let last = 0;
  const once = (): Promise<void> =>
    new Promise((resolve) => {
      const id = (last = (last + 1) & 0xffff);
      waiting.set(id, resolve);
      socket.send(question(id, name), 53, server);
    });
  const latencyMs: number[] = [];
  for (let at = 0; at < 220; at++) {
    const begun = performance.now();
    await once();
    if (at >= 20) latencyMs.push(performance.now() - begun);
  }
  let count = 0;
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (performance.now() < end) {
        await once();
        count++;
      }
    }),
  );
  socket.close();
  return { latencyMs, perSecond: count / seconds };
}

if (import.meta.main) {
  const [server = "", name = "", seconds = "1"] = process.argv.slice(2);
  console.log(JSON.stringify(await ask(server, name, Number(seconds))));
}
