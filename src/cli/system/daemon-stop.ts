import { poll } from "../../base/deadline.ts";
import { Failure } from "../../base/failure.ts";
import type { Client } from "../../client/client.ts";
import type { Command } from "../command.ts";

const stopTimeoutMs = 10_000;

export const daemonStop: Command<object> = {
  usage: "",
  takes: [0, 0],
  flags: {},
  startsDaemon: false,
  description: "Containers keep running; the next daemon takes over their management.",
  async run(call) {
    const client = await call.client().catch(notRunning);
    const isStopping = await client?.system.shutdown().then(() => true, notRunning);
    if (client === undefined || isStopping === undefined) {
      call.err(`tare: no daemon is running at ${call.globals.host}\n`);
      return 0;
    }
    await poll(() => isGone(client), { timeoutMs: stopTimeoutMs, everyMs: 10, what: "stop the daemon" });
    return 0;
  },
};

async function isGone(client: Client): Promise<true | undefined> {
  const answer = await client.system.ping().catch(notRunning);
  return answer === undefined ? true : undefined;
}

function notRunning(thrown: unknown): undefined {
  if (thrown instanceof Failure && thrown.kind === "unavailable") return undefined;
  throw thrown;
}
