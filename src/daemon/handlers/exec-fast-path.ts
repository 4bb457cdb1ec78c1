import { endGently } from "../../base/stream-writes.ts";
import { parseFastPathExec } from "../../api/container/fast-path-request.ts";
import { toExecRequest } from "../../api/container/fast-path-exec.ts";
import { DetachScanner } from "../../api/container/detach-keys.ts";
import { parseConsoleSize } from "../../api/container/exec-request.ts";
import { encodeFrame } from "../../spec/stream-frames.ts";
import { frameOutput, runStreamType } from "../../api/http/run-stream.ts";
import { poll } from "../../base/deadline.ts";
import type { Call } from "../handler.ts";
import { bridge } from "../http/bridge.ts";
import { execSpecOf } from "../map/exec.ts";
import { formatExecFailure, hasEnded } from "./exec.ts";
import { exitStatus, wantedInput, wantedTerminal } from "./run-fast-path.ts";

/**
 * `tare exec` by its words, for the launcher (native/launcher.c): its streams, and at last its exit status. Whatever is
 * refused before the command starts, the launcher leaves to the command line itself.
 */
export async function executePlain(call: Call): Promise<void> {
  const { engine, reply, body, facts } = call;
  const { container, ...exec } = parseFastPathExec(body, facts.buildId);
  const request = toExecRequest(exec);
  const spec = execSpecOf(request, parseConsoleSize(request.ConsoleSize));
  const id = await engine.containers.createExec(container, spec);
  const stream = await engine.containers.startExec(id, {}).catch(async (thrown: unknown) => {
    if (!hasEnded(thrown)) throw thrown;
    const last = [formatExecFailure(thrown, "stderr"), exitStatus(await exitCodeOf(call, id))];
    endGently(reply.hijack(runStreamType), { last: Buffer.concat(last) });
    return undefined;
  });
  if (stream === undefined) return;
  const client = reply.hijack(runStreamType);
  if (exec.tty) client.write(wantedTerminal(`/exec/${id}/resize`, exec));
  else if (exec.interactive) client.write(wantedInput);
  await bridge(client, stream.duplex, {
    output: frameOutput({ terminal: stream.terminal }),
    detach: stream.terminal ? new DetachScanner() : undefined,
    onDetach: stream.recordDetach,
    last: async (isDetached) => (isDetached ? detached : exitStatus(await exitCodeOf(call, id))),
  });
}

/** What the command line prints then. */
const detached = Buffer.concat([encodeFrame("stderr", Buffer.from("read escape sequence\n")), exitStatus(1)]);

/** Its end is recorded before its streams end, but not before they break: it may have left its input unread. */
async function exitCodeOf({ engine }: Call, id: string): Promise<number> {
  return await poll(
    async () => {
      const { state } = await engine.containers.inspectExec(id);
      return state.status === "exited" ? state.code : undefined;
    },
    { timeoutMs: 5000, what: "learn how the command ended" },
  );
}
