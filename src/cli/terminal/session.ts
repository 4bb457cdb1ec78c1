import { bytesOf } from "../../base/byte-stream.ts";
import { DetachScanner } from "../../api/container/detach-keys.ts";
import { type Frame, FrameDecoder } from "../../spec/stream-frames.ts";
import type { AttachedConnection } from "../../client/transport.ts";
import type { CliContext } from "../context.ts";
import { enterRawMode } from "./raw-mode.ts";
import { writeAll } from "./write.ts";

export interface SessionOptions {
  readonly duplex: AttachedConnection["duplex"];
  /** The input is bytes of a terminal; else Docker's frames. */
  readonly isTerminal: boolean;
  /** In place of what the duplex gives. */
  readonly output?: AsyncIterable<Frame> | undefined;
  /** Feed our standard input to it. */
  readonly hasInput: boolean;
  readonly detachKeys: Uint8Array;
  /** Ends the session from outside. */
  readonly signal?: AbortSignal | undefined;
}

const detachGraceMs = 200;

export type SessionEnd = "ended" | "detached";

/**
 * Joins our standard streams with those of a process in a container. A terminal is in raw mode as long as it
 * lasts and restored on every way out. Resolves when the process's output ends or the detach keys were typed.
 */
export async function runSession(context: CliContext, options: SessionOptions): Promise<SessionEnd> {
  const { duplex, isTerminal, hasInput, detachKeys, signal } = options;
  const { output = readOutput(duplex, isTerminal) } = options;
  using stack = new DisposableStack();
  stack.defer(() => duplex.destroy());
  // The reader sees an error as the end; without a listener it would end the program.
  duplex.on("error", () => {});
  const detached = Promise.withResolvers<SessionEnd>();
  if (hasInput) {
    if (isTerminal) stack.use(enterRawMode(context.stdin));
    const filter = isTerminal && context.stdin.isTTY === true ? new DetachScanner(detachKeys) : undefined;
    stack.use(feed(context, duplex, { filter, onDetach: () => detached.resolve("detached") }));
  }
  return await Promise.race([
    copyOutput(context, output).then((): SessionEnd => "ended"),
    detached.promise,
    ...(signal === undefined ? [] : [aborted(signal, stack)]),
  ]);
}

async function copyOutput(context: CliContext, output: AsyncIterable<Frame>): Promise<void> {
  for await (const { stream, bytes } of output) {
    await writeAll(stream === "stderr" || stream === "systemerr" ? context.stderr : context.stdout, bytes);
  }
}

async function* readOutput(
  duplex: AttachedConnection["duplex"],
  isTerminal: boolean,
): AsyncGenerator<Frame, void, undefined> {
  const decoder = new FrameDecoder();
  for await (const piece of readPieces(duplex)) {
    if (isTerminal) yield { stream: "stdout", bytes: piece };
    else yield* decoder.push(piece);
  }
}

/** The pieces until the end; a connection that breaks ends too (how the process ended is asked elsewhere). */
async function* readPieces(
  duplex: AttachedConnection["duplex"],
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* bytesOf(duplex);
  } catch (thrown) {
    if (!duplex.destroyed) throw thrown;
  }
}

interface FeedOptions {
  readonly filter: DetachScanner | undefined;
  readonly onDetach: () => void;
}

/** Passes our input on with back-pressure; its end half-closes the connection. Stops reading when disposed. */
function feed(
  { stdin }: CliContext,
  duplex: AttachedConnection["duplex"],
  { filter, onDetach }: FeedOptions,
): Disposable {
  const onData = (piece: Uint8Array | string): void => {
    const filtered = filter?.push(typeof piece === "string" ? Buffer.from(piece) : piece) ?? {
      pass: piece,
      isDetached: false,
    };
    if (filtered.isDetached) {
      stdin.removeListener("data", onData);
      // Earlier input is still sent; a container that does not read cannot block the detach.
      duplex.write(filtered.pass, onDetach);
      setTimeout(onDetach, detachGraceMs).unref();
    } else if (filtered.pass.length > 0 && duplex.writable && !duplex.write(filtered.pass)) {
      stdin.pause();
      duplex.once("drain", () => stdin.resume());
    }
  };
  const onEnd = (): void => void duplex.end();
  stdin.on("data", onData);
  stdin.once("end", onEnd);
  stdin.once("error", onEnd);
  return {
    [Symbol.dispose]: () => {
      stdin.removeListener("data", onData);
      stdin.removeListener("end", onEnd);
      stdin.removeListener("error", onEnd);
      stdin.pause();
      stdin.unref?.();
    },
  };
}

function aborted(signal: AbortSignal, stack: DisposableStack): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    stack.defer(() => signal.removeEventListener("abort", onAbort));
  });
}
