import { bytesOf } from "../base/byte-stream.ts";
import { withDeadline } from "../base/deadline.ts";
import { Failure } from "../base/failure.ts";
import type { CriEngine } from "../engine/cri-engine.ts";
import { decodeFrames } from "../spec/stream-frames.ts";
import type { Reply } from "./codings.ts";

/** SPEC: a response has at most 16 MB; what a program writes beyond half of that to a stream is dropped. */
const mostStreamBytes = 8 * 1024 * 1024 - 4096;
/** A process that it has left behind may hold the streams open: its output is waited for so long. */
const DRAIN_MS = 1000;
const longestTimeoutSeconds = 2_000_000;
const secondInMs = 1000;

export interface ExecSyncRequest {
  readonly containerId: string;
  readonly command: readonly string[];
  /** 0: none. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/** Runs a program to its end. Throws "deadline" after the timeout, "canceled" by the signal: it is killed before. */
export async function execSync(
  cri: CriEngine,
  { containerId, command, timeoutSeconds, signal }: ExecSyncRequest,
): Promise<Reply<"ExecSyncResponse">> {
  if (command.length === 0) throw new Failure("invalid", "cannot exec: the command is empty");
  const { containers } = cri;
  const id = await containers.createExec(containerId, { command, attachStdout: true, attachStderr: true });
  const stream = await containers.startExec(id);
  if (stream === undefined) throw new Failure("internal", "cannot exec: there is no stream");
  const { duplex } = stream;
  duplex.on("error", () => {});
  const stdout = new BoundedBytes(mostStreamBytes);
  const stderr = new BoundedBytes(mostStreamBytes);
  const read = async (): Promise<void> => {
    for await (const frame of decodeFrames(bytesOf(duplex)))
      (frame.stream === "stderr" ? stderr : stdout).add(frame.bytes);
  };
  const reading = read().catch(() => undefined); // a cut stream has what came before
  try {
    const { code } = await withDeadline(
      Math.min(timeoutSeconds > 0 ? timeoutSeconds : longestTimeoutSeconds, longestTimeoutSeconds) *
        secondInMs,
      `exec "${command[0]?.slice(0, 100) ?? ""}" in container "${containerId}"`,
      async (inner) => await containers.waitExec(id, { signal: inner }),
      { signal },
    );
    await withDeadline(DRAIN_MS, "read the output", async () => await reading).catch(() => undefined);
    return { stdout: stdout.take(), stderr: stderr.take(), exit_code: code };
  } catch (thrown) {
    await cri.killExec(id);
    throw thrown;
  } finally {
    duplex.destroy();
  }
}

/** Bytes up to a limit; further ones are dropped. */
class BoundedBytes {
  readonly #limit: number;
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, Math.max(0, this.#limit - this.#length));
    if (kept.length === 0) return;
    this.#pieces.push(kept);
    this.#length += kept.length;
  }

  take(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
