import { canceled } from "../../../base/deadline.ts";
import type { ExitStatus } from "../../../model/container-state.ts";
import type { ContainerReference } from "../../../model/ids.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { exitStatusOf } from "../exit-status.ts";
import { getContainer } from "../../find-container.ts";

/**
 * How it ended. "not-running" (default) gives the last end when it does not run; "next-exit" waits for one that is
 * yet to come; "removed" until it is gone. Nothing is missed from this call on, which runs to its wait without a pause.
 */
export async function waitContainer(
  context: ContainerContext,
  reference: ContainerReference,
  options: {
    readonly until?: "not-running" | "next-exit" | "removed" | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ExitStatus> {
  const { until = "not-running", signal } = options;
  const record = getContainer(context.state, reference);
  if (until === "not-running" && !isRunning(record) && record.state.status !== "restarting")
    return exitStatusOf(record);
  const { promise, resolve } = Promise.withResolvers<ExitStatus>();
  using _ = context.waiters.add(record.id, until === "removed" ? "removed" : "exit", resolve);
  return await orCanceled(
    promise,
    signal === undefined ? context.closing : AbortSignal.any([signal, context.closing]),
  );
}

/**
 * Resolves when the promise settles, or the engine is being closed: what it waits for may not come any more. Never
 * rejects.
 */
export async function orClosing(promise: Promise<unknown>, closing: AbortSignal): Promise<void> {
  await orCanceled(promise, closing).catch(() => undefined);
}

/** The promise's result, or "canceled" as soon as the signal fires. */
export async function orCanceled<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  if (signal.aborted) throw canceled(signal, "wait for a container");
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(canceled(signal, "wait for a container"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
