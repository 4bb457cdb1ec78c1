import { bytesOf } from "../base/byte-stream.ts";
import { sentenceOf } from "../base/failure.ts";
import { writeTo } from "../base/stream-writes.ts";
import type { CriEngine } from "../engine/cri-engine.ts";
import type { ContainerId } from "../model/ids.ts";
import type { AttachedStream } from "../model/streams.ts";
import { decodeFrames } from "../spec/stream-frames.ts";
import type { RemoteResult, RemoteStreams, StreamChoice } from "./streaming/remote-command.ts";

/** Runs a program for a client that has its streams. A client that leaves ends it. */
export async function runRemote(
  cri: CriEngine,
  {
    containerId,
    command,
    choice,
  }: {
    readonly containerId: ContainerId;
    readonly command: readonly string[];
    readonly choice: StreamChoice;
  },
  streams: RemoteStreams,
): Promise<RemoteResult> {
  const { containers } = cri;
  try {
    const id = await containers.createExec(containerId, {
      command,
      terminal: choice.terminal,
      attachStdin: choice.stdin,
      attachStdout: choice.stdout,
      attachStderr: choice.stderr,
    });
    const attached = await containers.startExec(id);
    if (attached === undefined) return { failure: "the program has no streams" };
    streams.onResize((size) => void containers.resizeExec(id, size).catch(() => undefined));
    try {
      await copyStreams(attached, streams);
      const { code } = await containers.waitExec(id, { signal: streams.signal });
      return { code };
    } catch (thrown) {
      await cri.killExec(id);
      throw thrown;
    }
  } catch (thrown) {
    return { failure: sentenceOf(thrown) };
  }
}

/** Joins the streams of a container until it ends or the client leaves; the container runs on. */
export async function attachRemote(
  { containers }: CriEngine,
  { containerId, choice }: { readonly containerId: ContainerId; readonly choice: StreamChoice },
  streams: RemoteStreams,
): Promise<RemoteResult> {
  try {
    const { stdin, stdout, stderr } = choice;
    const attached = await containers.attach(containerId, { stdin, stdout, stderr, stream: true });
    streams.onResize((size) => void containers.resize(containerId, size).catch(() => undefined));
    await copyStreams(attached, streams);
    return { code: 0 };
  } catch (thrown) {
    return { failure: sentenceOf(thrown) };
  }
}

/** Copies until the program's output has ended. Throws when the client leaves. */
async function copyStreams({ duplex, terminal }: AttachedStream, streams: RemoteStreams): Promise<void> {
  const { stdin, stdout, stderr, signal } = streams;
  const leave = (): void => void duplex.destroy();
  duplex.on("error", () => {});
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  stdin?.pipe(duplex);
  try {
    if (terminal) {
      for await (const bytes of bytesOf(duplex)) await give(stdout, bytes);
    } else {
      for await (const { stream, bytes } of decodeFrames(bytesOf(duplex)))
        await give(stream === "stderr" ? stderr : stdout, bytes);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", leave);
    stdin?.unpipe(duplex);
    duplex.destroy();
  }
}

async function give(target: RemoteStreams["stdout"], bytes: Uint8Array): Promise<void> {
  if (target !== undefined) await writeTo(target, bytes);
}
