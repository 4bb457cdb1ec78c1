import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { Failure } from "../../base/failure.ts";
import type { ClientSocket } from "./socket.ts";

const keptErrorBytes = 4096;

/**
 * A connection through the standard streams of a command, as `ssh HOST tare system dial-stdio`. It fails with the
 * command's own last words. Disposing of the connection ends the command.
 */
export function connectByCommand(words: readonly string[]): ClientSocket {
  const [program = "", ...rest] = words;
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"] });
  const { stdin, stdout, stderr } = child;
  let errors = "";
  stderr.on("data", (piece: Buffer) => {
    errors = (errors + piece.toString()).slice(-keptErrorBytes);
  });
  const failure = (why: string): Failure =>
    new Failure("unavailable", `cannot connect to the daemon by ${program}: ${errors.trim() || why}`);
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      stdout.resume();
    },
    write: (piece: Uint8Array, _, done) => {
      if (stdin.write(piece)) done();
      else stdin.once("drain", () => done());
    },
    final: (done) => {
      stdin.end();
      done();
    },
    destroy: (error, done) => {
      stdin.destroy();
      stdout.destroy();
      child.kill();
      done(error);
    },
  });
  stdin.on("error", () => {}); // the end of the output reports it
  stdout.on("data", (piece: Buffer) => {
    if (!duplex.push(piece)) stdout.pause();
  });
  child.on("error", (cause) => duplex.destroy(failure(cause.message)));
  child.on("close", (code) => {
    if (code === 0) duplex.push(null);
    else duplex.destroy(failure(`it ended with status ${code ?? "of a signal"}`));
  });
  const hold = (method: "ref" | "unref"): void => {
    child[method]();
    for (const stream of [stdin, stdout, stderr]) holdStream(stream, method);
  };
  return Object.assign(duplex, { ref: () => hold("ref"), unref: () => hold("unref") });
}

/** Streams of a child are sockets, which the types of Node do not say. */
function holdStream(stream: object, method: "ref" | "unref"): void {
  const call: unknown = Reflect.get(stream, method);
  if (typeof call === "function") Reflect.apply(call, stream, []);
}
