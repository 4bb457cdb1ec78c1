import { Duplex, type Readable } from "node:stream";
import { writeTo } from "./reply.ts";

/** A client whose input is not all that its connection sends: reads the one, writes to the other. */
export function duplexOf(input: Readable, connection: Duplex): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      input.resume();
    },
    write: (piece: Uint8Array, _, done) => {
      void writeTo(connection, piece).then(() => done());
    },
    final: (done) => {
      connection.end();
      done();
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
