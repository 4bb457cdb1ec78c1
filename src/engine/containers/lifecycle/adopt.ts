import { sleep } from "../../../base/deadline.ts";
import { fault } from "../../../base/fault.ts";
import { sentenceOf } from "../../../base/failure.ts";
import type { Exit, KeptProcess } from "../../../runtime/types.ts";
import type { ContainerId } from "../../../model/ids.ts";
import type { ContainerContext } from "../../context.ts";
import { getContainer } from "../../find-container.ts";
import type { ContainerRecord } from "../../state/records.ts";
import { watchMemory } from "../resources/out-of-memory.ts";
import { followDenials } from "../resources/traced-calls.ts";
import { recordEnd, stateAfter } from "./end-run.ts";
import { watchTimeLimit } from "./time-limit.ts";
import { orClosing } from "./wait.ts";

const RECORD_AGAIN_MS = 500;

/** Watches a running container: its end will be recorded, and `ended` resolved. The lock may be held. */
export function adopt(
  context: ContainerContext,
  record: ContainerRecord,
  kept: KeptProcess,
  ended: PromiseWithResolvers<void> = Promise.withResolvers(),
): void {
  const { id } = record;
  const recorded = watchEnd(context, { id, kept, onRecorded: () => ended.resolve() });
  context.live.set(id, { kept, recorded, ended: orClosing(ended.promise, context.closing) });
  context.logForwarding.follow(context, record, recorded);
  followDenials(context, record, kept);
  watchMemory(context, record, kept);
  watchTimeLimit(context, record, kept);
  context.health.watch(record, kept);
}

async function watchEnd(
  context: ContainerContext,
  {
    id,
    kept,
    onRecorded,
  }: { readonly id: ContainerId; readonly kept: KeptProcess; readonly onRecorded: () => void },
): Promise<void> {
  const exit = await kept.exited;
  while (!(await tryRecord(context, { id, kept, exit }))) await sleep(RECORD_AGAIN_MS);
  onRecorded();
  await new Promise((resolve) => setImmediate(resolve)); // callers that wait for the end come first
  await kept[Symbol.asyncDispose]();
}

/** False when the disk is full or fails: the end has to get into the state some time. */
async function tryRecord(
  context: ContainerContext,
  { id, kept, exit }: { readonly id: ContainerId; readonly kept: KeptProcess; readonly exit: Exit },
): Promise<boolean> {
  using _ = await context.locks.acquire(id);
  if (context.closing.aborted || context.live.get(id)?.kept !== kept) return true;
  try {
    const record = getContainer(context.state, id);
    fault("end.noticed");
    recordEnd(context, record, { state: stateAfter(context, record, exit) });
    return true;
  } catch (thrown) {
    context.background.note(id, `its end cannot be recorded: ${sentenceOf(thrown)}`);
    return false;
  }
}
