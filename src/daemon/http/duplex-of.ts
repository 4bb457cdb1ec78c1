import { Duplex, type Readable } from "node:stream";

/**
 * A client whose input is not all that its connection sends: reads the one, writes to the other. It closes with the
 * connection: one that is destroyed as soon as all is written loses what the kernel has not taken yet.
 */
export function duplexOf(input: Readable, connection: Duplex): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      input.resume();
    },
    write: (piece: Uint8Array, _, done) => {
      connection.write(piece, () => done()); // writableLength counts what is not sent
    },
    final: (done) => {
      connection.once("close", () => done());
      connection.end();
    },
    destroy: (error, done) => {
      connection.destroy();
      done(error);
    },
  });
  input.on("data", (piece: Uint8Array) => {
    if (!duplex.push(piece)) input.pause();
  });
  input.on("end", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  connection.on("close", () => duplex.destroy());
  return duplex;
}
