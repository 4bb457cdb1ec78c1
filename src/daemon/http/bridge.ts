import type { Duplex } from "node:stream";

/** How long a client may take to close its half after the process ended. */
const lingerMs = 10_000;

/**
 * Joins a client's connection and a process's streams both ways, with back-pressure and half-close: the client's end
 * closes standard input, the process's end closes the connection. When either vanishes the other is destroyed.
 * Resolves when both are gone; never rejects.
 */
export async function bridge(client: Duplex, streams: Duplex): Promise<void> {
  const gone = Promise.all([closed(client), closed(streams)]);
  // Errors show as "close"; there is nobody left to tell.
  client.on("error", () => {});
  streams.on("error", () => {});
  client.on("end", () => streams.end());
  streams.on("end", () => {
    client.end();
    linger(client);
  });
  client.on("close", () => streams.destroy());
  streams.on("close", () => {
    if (!client.writableEnded) client.end();
    if (!streams.readableEnded) client.destroy();
  });
  forward(client, streams);
  forward(streams, client);
  if (client.destroyed) streams.destroy();
  await gone;
}

/** Moves data, and stops reading while the other side is full. Not pipe(): a target that is finished is no error here. */
function forward(from: Duplex, to: Duplex): void {
  from.on("data", (piece: Uint8Array) => {
    if (to.destroyed || to.writableEnded) return;
    if (!to.write(piece)) from.pause();
  });
  to.on("drain", () => from.resume());
}

/**
 * What the client still sends is read and dropped: closing over unread data would reset the connection. It closes by
 * itself when both halves have ended; to destroy it on "finish" loses what Bun has not passed to the kernel yet.
 */
function linger(client: Duplex): void {
  client.resume();
  const timer = setTimeout(() => client.destroy(), lingerMs);
  timer.unref();
  client.once("close", () => clearTimeout(timer));
}

function closed(stream: Duplex): Promise<void> {
  if (stream.closed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", () => resolve()));
}
