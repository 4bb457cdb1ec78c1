import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";

/**
 * Why a program could not be started. What the kernel did not find is something of the caller's (a directory, a mount's
 * target): "not-found" is kept for containers and exec sessions, whose absence clients act on.
 */
export function launchFailure(thrown: unknown, details: Readonly<Record<string, unknown>> = {}): Failure {
  const kind = kindOf(thrown);
  const named = thrown instanceof Failure ? thrown.details : {};
  const isCalls = kind === "not-found" && !("container" in named || "image" in named);
  return new Failure(isCalls ? "invalid" : kind, sentenceOf(thrown), {
    cause: thrown,
    details: { ...named, ...details },
  });
}
