import { Failure, sentenceOf } from "../base/failure.ts";
import type { Call } from "./command.ts";
import { silentFailure } from "./flags/flag.ts";

/**
 * Does the same for each reference, one after the other, as Docker does: what succeeds is printed, what fails
 * is said on standard error, and the rest goes on. Status 1 when one failed.
 */
export async function forEachReference(
  call: Call<unknown>,
  work: (reference: string) => Promise<string>,
): Promise<number> {
  let hasFailed = false;
  for (const reference of call.positional) {
    if (call.signal.aborted) throw silentFailure(141);
    try {
      call.out(`${await work(reference)}\n`);
    } catch (thrown) {
      // A daemon that can't be reached fails for each: said once.
      if (!(thrown instanceof Failure) || thrown.details["fromDaemon"] !== true) throw thrown;
      call.err(`tare: ${sentenceOf(thrown)}\n`);
      hasFailed = true;
    }
  }
  return hasFailed ? 1 : 0;
}
