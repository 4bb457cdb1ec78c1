import { Failure, isAlreadyRunning } from "../../../base/failure.ts";
import type { ContainerId } from "../../../model/ids.ts";
import { type ContainerContext, isRunning } from "../../context.ts";
import { getContainer } from "../../find-container.ts";
import { getForCreate } from "../../realm.ts";

/** Required containers are kept by id: a name may pass to another one. Throws "invalid". */
export function requiredIds(
  { state }: ContainerContext,
  references: readonly string[] | undefined,
): readonly ContainerId[] | undefined {
  if (references === undefined || references.length === 0) return undefined;
  return [...new Set(references.map((reference) => getForCreate(state, reference).id))];
}

/**
 * Starts those that do not run, what holds its pod first, and what they require before them. Throws "conflict" for one
 * that is gone or paused.
 */
export async function startRequired(
  context: ContainerContext,
  id: ContainerId,
  start: (id: ContainerId) => Promise<unknown>,
): Promise<void> {
  const { name, spec } = getContainer(context.state, id);
  const pod = spec.pod === undefined ? [] : [spec.pod];
  for (const required of [...pod, ...(spec.lifecycle?.requires ?? [])]) {
    const record = context.state.findContainer(required);
    const sentence = `cannot start container "${name}": it requires container`;
    if (record === undefined)
      throw new Failure("conflict", `${sentence} ${required.slice(0, 12)}, which was removed`);
    if (record.state.status === "paused")
      throw new Failure("conflict", `${sentence} "${record.name}", which is paused: unpause that one first`);
    if (isRunning(record)) continue;
    try {
      await start(record.id);
    } catch (thrown) {
      // Another caller was faster.
      if (!isAlreadyRunning(thrown)) throw thrown;
    }
  }
}
