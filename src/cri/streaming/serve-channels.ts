import type { Duplex } from "node:stream";
import { ChannelSocket, type ChannelStream } from "./channel-socket.ts";
import { encodeResult, type RemoteResult, type RemoteStreams, type StreamChoice } from "./remote-command.ts";
import { forward, readSizes } from "./serve-spdy.ts";

/** SPEC: Kubernetes' protocols of remote commands over WebSockets; the last is best. */
export const channelCommandProtocols: readonly string[] = [
  "",
  "channel.k8s.io",
  "base64.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "v5.channel.k8s.io",
];
/** SPEC: those of forwarded ports. */
export const channelForwardProtocols: readonly string[] = [
  "",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
];

/** SPEC: Kubernetes' numbers of the channels. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** Runs a program with the channels of the connection; closes it at its end. */
export async function serveCommandOverChannels(
  connection: Duplex,
  { choice, protocol }: { readonly choice: StreamChoice; readonly protocol: string },
  run: (streams: RemoteStreams) => Promise<RemoteResult>,
): Promise<void> {
  const ended = new AbortController();
  const socket = new ChannelSocket(connection, {
    isText: protocol.includes("base64"),
    channels: Object.values(channels),
    onEnd: () => ended.abort(),
  });
  const has = { ...choice, stderr: choice.stderr && !choice.terminal };
  await socket.greet(has.stdout ? channels.stdout : has.stderr ? channels.stderr : channels.error);
  const streamOf = (kind: "stdin" | "stdout" | "stderr"): ChannelStream | undefined =>
    has[kind] ? socket.channel(channels[kind]) : undefined;
  try {
    const result = await run({
      stdin: streamOf("stdin"),
      stdout: streamOf("stdout"),
      stderr: streamOf("stderr"),
      onResize: (listener) => readSizes(socket.channel(channels.resize), listener),
      signal: ended.signal,
    });
    await Promise.all([finish(socket.channel(channels.stdout)), finish(socket.channel(channels.stderr))]);
    const text = encodeResult(result, { hasStatus: /^v[45]\./.test(protocol) });
    await finish(socket.channel(channels.error), text);
  } finally {
    socket.close();
  }
}

/** Resolves when all was passed on. */
function finish(stream: Duplex, last = ""): Promise<void> {
  if (stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", resolve);
    if (stream.writableEnded) stream.once("finish", resolve);
    else stream.end(last, () => resolve());
  });
}

/** Connects two channels for each port: its data, and errors. */
export async function forwardOverChannels(
  connection: Duplex,
  { ports, protocol }: { readonly ports: readonly number[]; readonly protocol: string },
  connect: (port: number, signal: AbortSignal) => Promise<Duplex>,
): Promise<void> {
  const ended = new AbortController();
  const gone = new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve()));
  const socket = new ChannelSocket(connection, {
    isText: protocol.includes("base64"),
    channels: ports.flatMap((_, index) => [index * 2, index * 2 + 1]),
    onEnd: () => ended.abort(),
  });
  const forwards = ports.map(async (port, index) => {
    const [data, error] = [socket.channel(index * 2), socket.channel(index * 2 + 1)];
    // SPEC: Kubernetes: each channel begins with its port, the lower byte first.
    for (const stream of [data, error]) stream.write(Uint8Array.of(port & 0xff, port >> 8));
    await forward(data, error, { port, connect, signal: ended.signal });
  });
  await Promise.race([gone, Promise.all(forwards)]);
  for (let number = 0; number < ports.length * 2; number++) socket.channel(number).destroy();
  socket.close();
}
