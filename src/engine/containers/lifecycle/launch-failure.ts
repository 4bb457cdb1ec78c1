import { mergeDefined } from "../../../base/defined.ts";
import { Failure, type FailureDetails, kindOf, sentenceOf, within } from "../../../base/failure.ts";
import { fileFailure } from "../../../linux/files/file-failure.ts";

/**
 * Why a program could not be started. What the kernel did not find is something of the caller's (a directory, a mount's
 * target): "not-found" is kept for containers and exec sessions, whose absence clients act on.
 */
export function launchFailure(thrown: unknown, details: FailureDetails = {}): Failure {
  const kind = kindOf(thrown);
  const named: FailureDetails = thrown instanceof Failure ? thrown.details : {};
  const { container, image, network } = named;
  const isCalls =
    kind === "not-found" && container === undefined && image === undefined && network === undefined;
  return new Failure(isCalls ? "invalid" : kind, sentenceOf(thrown), {
    cause: thrown,
    details: mergeDefined(named, details),
  });
}

/** Converts an error into a Failure whose sentence starts with the failed action. */
export function failureTo(act: string, thrown: unknown): Failure {
  const sentence = `cannot ${act}`;
  if (!(thrown instanceof Failure)) return fileFailure(sentence, thrown);
  const isWhole = thrown.message.startsWith("cannot") || thrown.details.deviceRequest === true;
  return isWhole ? thrown : within(sentence, thrown);
}
