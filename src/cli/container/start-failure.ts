import type { Failure } from "../../base/failure.ts";
import type { LeanClient } from "../../client/lean-client.ts";

/**
 * The status of a run whose program never started: 127 it is not there, 126 it can't be executed, else 125.
 * The container's record tells; when it is gone already, the sentence.
 */
export async function startFailureStatus(failure: Failure, client: LeanClient, id: string): Promise<number> {
  const recorded = await client.containers.inspect(id).then(
    ({ State }) => State.ExitCode,
    () => 0,
  );
  if (recorded === 126 || recorded === 127) return recorded;
  return statusInSentence(failure.message);
}

/** See startFailureStatus(). */
export function statusInSentence(sentence: string): number {
  if (/executable file not found|no such file or directory|ENOENT/.test(sentence)) return 127;
  if (/permission denied|is a directory|exec format error|EACCES|EISDIR|ENOEXEC/i.test(sentence)) return 126;
  return 125;
}
