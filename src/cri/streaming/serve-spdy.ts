import type { Duplex } from "node:stream";
import { withDeadline } from "../../base/deadline.ts";
import { sentenceOf } from "../../base/failure.ts";
import {
  encodeResult,
  type RemoteResult,
  type RemoteStreams,
  SizeReader,
  type StreamChoice,
} from "./remote-command.ts";
import { SpdyConnection, type SpdyStream } from "./spdy-connection.ts";

/** SPEC: Kubernetes' protocols of remote commands over SPDY; the last is best. No header means the first. */
export const spdyCommandProtocols: readonly string[] = [
  "channel.k8s.io",
  "v2.channel.k8s.io",
  "v3.channel.k8s.io",
  "v4.channel.k8s.io",
];
export const spdyForwardProtocols: readonly string[] = ["portforward.k8s.io"];

const openingMs = 30_000;

/** Runs a program with the streams that the client opens; closes the connection at its end. */
export async function serveCommandOverSpdy(
  socket: Duplex,
  { choice, protocol }: { readonly choice: StreamChoice; readonly protocol: string },
  run: (streams: RemoteStreams) => Promise<RemoteResult>,
): Promise<void> {
  const version = spdyCommandProtocols.indexOf(protocol) + 1;
  const ended = new AbortController();
  socket.once("close", () => ended.abort());
  const opened = new Map<string, SpdyStream>();
  const wanted = ["error", ...wantedStreams(choice, version)];
  let onAll = (): void => {};
  const all = new Promise<void>((resolve) => (onAll = resolve));
  const connection = new SpdyConnection(socket, (stream) => {
    const kind = stream.headers.get("streamtype") ?? "";
    if (!wanted.includes(kind) || opened.has(kind)) return void stream.destroy();
    opened.set(kind, stream);
    if (opened.size === wanted.length) onAll();
  });
  try {
    await withDeadline(openingMs, "open the streams", () => all, { signal: ended.signal });
    const error = opened.get("error");
    const result = await run({
      stdin: opened.get("stdin"),
      stdout: opened.get("stdout"),
      stderr: opened.get("stderr"),
      onResize: (listener) => readSizes(opened.get("resize"), listener),
      signal: ended.signal,
    });
    for (const kind of ["stdout", "stderr"]) opened.get(kind)?.end();
    error?.end(encodeResult(result, { hasStatus: version >= 4 }));
    opened.get("stdin")?.end();
    opened.get("resize")?.end();
    await Promise.all([...opened.values()].map((stream) => finished(stream)));
  } catch {
    // The client has gone, or opens too few streams.
  } finally {
    connection.close();
  }
}

function wantedStreams(choice: StreamChoice, version: number): readonly string[] {
  return [
    ...(choice.stdin ? ["stdin"] : []),
    ...(choice.stdout ? ["stdout"] : []),
    ...(choice.stderr && !choice.terminal ? ["stderr"] : []),
    // SPEC: Kubernetes: sizes came with version 3.
    ...(choice.terminal && version >= 3 ? ["resize"] : []),
  ];
}

export function readSizes(
  stream: Duplex | undefined,
  listener: (size: { readonly columns: number; readonly rows: number }) => void,
): void {
  const reader = new SizeReader();
  stream?.on("data", (piece: Uint8Array) => {
    for (const size of reader.push(piece)) listener(size);
  });
}

/** Resolves when all was passed on, or the stream has gone. */
function finished(stream: Duplex): Promise<void> {
  if (stream.writableFinished || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("finish", resolve);
    stream.once("close", resolve);
  });
}

/** Connects each pair of streams (data and error, with one request id) that the client opens to a port of the pod. */
export function forwardOverSpdy(
  socket: Duplex,
  connect: (port: number, signal: AbortSignal) => Promise<Duplex>,
): Promise<void> {
  const halves = new Map<string, SpdyStream>();
  const ended = new AbortController();
  const connection = new SpdyConnection(socket, (stream) => {
    const request = stream.headers.get("requestid") ?? stream.headers.get("port") ?? "";
    const kind = stream.headers.get("streamtype") ?? "";
    const other = halves.get(request);
    if (kind !== "data" && kind !== "error") return void stream.destroy();
    if (other === undefined) {
      halves.set(request, stream);
      stream.once("close", () => halves.get(request) === stream && halves.delete(request));
      return;
    }
    halves.delete(request);
    if (other.headers.get("streamtype") === kind) return void stream.destroy();
    const [data, error] = kind === "data" ? [stream, other] : [other, stream];
    void forward(data, error, { port: Number(data.headers.get("port")), connect, signal: ended.signal });
  });
  return new Promise((resolve) =>
    socket.once("close", () => {
      ended.abort();
      connection.close();
      resolve();
    }),
  );
}

/** Copies both ways until both directions have ended. What fails goes to the stream of errors. */
export async function forward(
  data: Duplex,
  error: Duplex,
  {
    port,
    connect,
    signal,
  }: {
    readonly port: number;
    readonly connect: (port: number, signal: AbortSignal) => Promise<Duplex>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  error.resume();
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`"${port}" is not a port`);
    const target = await connect(port, signal);
    await join(data, target);
    error.end();
  } catch (thrown) {
    error.end(`cannot forward to port ${port}: ${sentenceOf(thrown)}`);
    data.destroy();
  }
}

async function join(data: Duplex, target: Duplex): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    target.once("error", reject);
    target.once("close", resolve);
    data.once("close", () => target.destroy());
    if (data.destroyed) target.destroy();
    data.pipe(target);
    target.pipe(data);
  });
  if (!data.writableEnded) data.end();
}
