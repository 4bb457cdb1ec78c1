import { sleep } from "../../../base/deadline.ts";
import type { KeptProcess } from "../../../runtime/types.ts";
import type { ContainerRecord } from "../../state/records.ts";
import type { ContainerContext } from "../../context.ts";
import { thawPaused } from "./pause.ts";

const KILL = 9;

/**
 * Kills a run that goes on for longer than its container may, counted from its start also when another engine has taken
 * it over. A policy takes it for an end like any other.
 */
export function watchTimeLimit(
  context: ContainerContext,
  { id, spec, state }: ContainerRecord,
  kept: KeptProcess,
): void {
  if (spec.lifecycle?.timeoutMs === undefined || !("startedAt" in state) || state.startedAt === undefined)
    return;
  const leftMs = Math.max(0, state.startedAt + spec.lifecycle?.timeoutMs - Date.now());
  const ended = new AbortController();
  void kept.exited.then(() => ended.abort());
  const signal = AbortSignal.any([context.closing, ended.signal]);
  void sleep(leftMs, { signal }).then(
    async () => {
      kept.signal(KILL);
      await thawPaused(context, id); // it hears the signal then
    },
    () => undefined,
  );
}
