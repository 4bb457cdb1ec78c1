import type { Duplex } from "node:stream";
import type { DetachScanner } from "../../api/container/detach-keys.ts";
import { endGently } from "../../base/stream-writes.ts";

export interface BridgeOptions {
  /** Looks at what is typed on a terminal; when it finds the keys, the client is let go and the process goes on. */
  readonly detach?: DetachScanner | undefined;
  /** Called when it has found them. */
  readonly onDetach?: (() => void) | undefined;
  /** Converts the process's output for the client. An exception ends the streams. */
  readonly output?: ((piece: Uint8Array) => Uint8Array) | undefined;
  /**
   * The final bytes for the client, after the streams' end or failure, or the detach keys. When it rejects, the
   * connection is reset.
   */
  readonly last?: ((isDetached: boolean) => Promise<Uint8Array>) | undefined;
}

/**
 * Joins a client's connection and a process's streams both ways, with back-pressure and half-close: the client's end
 * closes standard input, the process's end closes the connection. When either vanishes the other is destroyed.
 * Resolves when both are gone; never rejects.
 */
export async function bridge(
  client: Duplex,
  streams: Duplex,
  { detach, onDetach, output = (piece) => piece, last }: BridgeOptions = {},
): Promise<void> {
  const gone = Promise.all([closed(client), closed(streams)]);
  let isFinished = false;
  const finish = (isDetached = false): void => {
    if (isFinished) return;
    isFinished = true;
    if (last === undefined) return endGently(client);
    last(isDetached).then(
      (bytes) => endGently(client, { last: bytes }),
      () => client.destroy(),
    );
  };
  // An error is followed by "close"; the client that would need a message is gone.
  client.on("error", () => {});
  streams.on("error", () => {});
  streams.on("end", () => finish());
  client.on("close", () => streams.destroy());
  // Streams that end prematurely: only a reset reports this to the client, unless more output follows.
  const onClose = (): void => {
    if (last !== undefined) finish();
    else if (!isFinished) client.destroy();
  };
  streams.on("close", onClose);
  const endInput = (): void => void streams.end(detach?.flush());
  client.on("end", endInput);
  forward(client, streams, (piece) => {
    const { pass, isDetached } = detach?.push(piece) ?? { pass: piece, isDetached: false };
    if (!isDetached) return pass;
    if (pass.length > 0) streams.write(pass);
    onDetach?.();
    finish(true);
    streams.destroy();
    return undefined;
  });
  forward(streams, client, output);
  // It may have ended before the process was there.
  if (client.readableEnded) endInput();
  if (streams.closed) onClose();
  if (client.destroyed) streams.destroy();
  await gone;
}

/**
 * Moves data, and stops reading while the other side is full. Not pipe(): a target that is finished is no error here.
 */
function forward(from: Duplex, to: Duplex, select: (piece: Uint8Array) => Uint8Array | undefined): void {
  from.on("data", (piece: Uint8Array) => {
    if (to.destroyed || to.writableEnded) return;
    let selected: Uint8Array | undefined;
    try {
      selected = select(piece);
    } catch {
      from.destroy();
    }
    if (selected !== undefined && selected.length > 0 && !to.write(selected)) from.pause();
  });
  to.on("drain", () => from.resume());
}

function closed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", () => resolve()));
}
