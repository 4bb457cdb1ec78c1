import { endGently, writeTo } from "../../base/stream-writes.ts";
import { type Duplex, Writable } from "node:stream";
import { parseCommandRequest } from "../../api/container/fast-path-request.ts";
import { runStreamType } from "../../api/http/run-stream.ts";
import { encodeFrame, type FrameStream } from "../../spec/stream-frames.ts";
import { Failure } from "../../base/failure.ts";
import type { Call } from "../handler.ts";
import { exitStatus } from "./run-fast-path.ts";

/**
 * `POST /tare/command`: a command by its words, for the launcher (native/launcher.c): its output, and at last its exit
 * status. A command that needs more of the client is left to the client itself.
 */
export async function runCommand({ commands, body, facts, reply, signal }: Call): Promise<void> {
  const { words, columns } = parseCommandRequest(body, facts.buildId);
  if (commands === undefined || !(await commands.accepts(words)))
    throw new Failure(
      "unsupported",
      "cannot run this command: it is not one that a client can leave to the daemon",
    );
  const client = reply.hijack(runStreamType);
  const stdout = outputTo(client, "stdout");
  const stderr = outputTo(client, "stderr");
  if (columns > 0) Object.assign(stdout, { isTTY: true, columns });
  const status = await commands.run(words, { output: { stdout, stderr }, signal });
  endGently(client, { last: exitStatus(status) });
}

/** A standard stream of the client. It breaks when the client goes. */
function outputTo(client: Duplex, stream: FrameStream): Writable {
  const output = new Writable({
    write(piece: Uint8Array, _, done) {
      void writeTo(client, encodeFrame(stream, piece)).then(() => done());
    },
  });
  output.on("error", () => {}); // writers learn it from their callbacks
  client.once("close", () => output.destroy(new Failure("canceled", "cannot write: the client went away")));
  return output;
}
