import { startFailureStatus } from "../../../api/container/run-text.ts";
import type { Failure } from "../../../base/failure.ts";
import type { LeanClient } from "../../../client/lean-client.ts";

/** The status of a run whose program never started (startFailureStatus()). */
export async function findStartFailureStatus(
  failure: Failure,
  client: LeanClient,
  id: string,
): Promise<number> {
  const recorded = await client.containers.inspect(id).then(
    ({ State }) => State.ExitCode,
    () => 0,
  );
  return startFailureStatus(recorded, failure.message);
}
