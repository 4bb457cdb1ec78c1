import { isFailure, isShortage, sentenceOf } from "../../../base/failure.ts";
import { formatDuration } from "../../../base/duration.ts";
import type { HealthResult } from "../../../model/health.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import type { HealthCheck } from "../../resolve/health-check.ts";
import { createExec, startExec } from "../exec/exec.ts";
import type { ExecSession } from "../exec/exec-sessions.ts";
import { CheckOutput } from "./check-output.ts";

/** The code of a check that did not end by itself. */
export const failedCode = -1;
/** How long the last output of a check that has ended is waited for: another process may hold its streams. */
const drainMs = 1_000;

/**
 * Runs a health check in a running container, as its user and with its environment, and kills it after its timeout.
 * Undefined: there is no result, because the container stopped or was paused, the signal fired, or this host lacks
 * resources.
 */
export async function runCheck(
  context: ContainerContext,
  id: ContainerId,
  { check, signal }: { readonly check: HealthCheck; readonly signal: AbortSignal },
): Promise<HealthResult | undefined> {
  const startedAt = Date.now();
  const failed = (output: string): HealthResult => ({
    startedAt,
    endedAt: Date.now(),
    code: failedCode,
    output,
  });
  let session: ExecSession | undefined;
  try {
    const execId = createExec(
      context,
      id,
      { command: check.command, attachStdout: true, attachStderr: true },
      { isCheck: true },
    );
    session = context.execs.get(execId);
    const stream = await startExec(context, execId);
    const output = new CheckOutput(stream?.duplex);
    const end = await endOf(session, { timeoutMs: check.timeoutMs, signal });
    if (signal.aborted) return undefined;
    if (end === "timeout") {
      const text = output.text === "" ? "" : `: ${output.text}`;
      return failed(`Health check exceeded timeout (${formatDuration(check.timeoutMs)})${text}`);
    }
    await output.ended(drainMs);
    return { startedAt, endedAt: Date.now(), code: end, output: output.text };
  } catch (thrown) {
    if (signal.aborted || isShortage(thrown) || isFailure(thrown, "conflict")) return undefined;
    return failed(sentenceOf(thrown));
  } finally {
    if (session !== undefined) context.execs.remove(session.id);
  }
}

/** Its exit code. At the timeout or the signal it is killed with its process group, and has ended when this resolves. */
async function endOf(
  session: ExecSession,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<number | "timeout"> {
  let isLate = false;
  const kill = (): void => session.kept?.killGroup();
  const timer = setTimeout(
    () => {
      isLate = true;
      kill();
    },
    Math.min(timeoutMs, 2 ** 31 - 1),
  );
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  try {
    const { code } = await session.ended;
    return isLate ? "timeout" : code;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
  }
}
