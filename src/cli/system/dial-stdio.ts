import type { LeanClient } from "../../client/lean-client.ts";
import type { Command } from "../command.ts";
import type { CliContext } from "../context.ts";

/** For `ssh://` hosts: the other end of the client's ssh. */
export const dialStdio: Command<object> = {
  usage: "",
  takes: [0, 0],
  flags: {},
  description:
    "Connects the standard streams with the daemon's socket. Clients with --host ssh://user@host run it on the daemon's machine.",
  async run(call) {
    const client = await call.leanClient();
    await copyBoth(await client.dial(), call.context);
    return 0;
  },
};

/** Until the daemon closes the connection. The end of the input closes one direction of it. */
async function copyBoth(
  socket: Awaited<ReturnType<LeanClient["dial"]>>,
  { stdin, stdout }: CliContext,
): Promise<void> {
  stdin.on("data", (piece: Buffer) => {
    if (!socket.write(piece)) stdin.pause();
  });
  socket.on("drain", () => stdin.resume());
  stdin.on("end", () => socket.end());
  stdin.resume();
  socket.on("error", () => {}); // followed by its close
  try {
    for await (const piece of socket) {
      if (!stdout.write(piece)) await new Promise<void>((resolve) => stdout.once("drain", () => resolve()));
    }
  } finally {
    socket.destroy();
    stdin.pause();
  }
}
