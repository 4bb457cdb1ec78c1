import type { Duplex, Writable } from "node:stream";

/** How long a client may take to close its half after it got all. */
const lingerUsuallyMs = 10_000;

/** Writes with back-pressure; resolves too when the connection is gone. */
export function writeTo(stream: Writable, piece: string | Uint8Array): Promise<void> {
  if (stream.destroyed || stream.write(piece)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
    if (stream.destroyed) done();
  });
}

/**
 * Ends what the client gets. What it still sends is read and dropped: closing over unread data would reset the
 * connection. It closes by itself when both halves have ended; to destroy it on "finish" loses what Bun has not passed
 * to the kernel yet. One that has not taken all of it is waited for.
 */
export function endGently(
  client: Duplex,
  {
    last,
    lingerMs = lingerUsuallyMs,
  }: { readonly last?: Uint8Array | undefined; readonly lingerMs?: number | undefined } = {},
): void {
  client.end(last);
  client.resume();
  const timer = setInterval(() => {
    if (client.writableLength === 0) client.destroy();
  }, lingerMs);
  timer.unref();
  client.once("close", () => clearInterval(timer));
}
