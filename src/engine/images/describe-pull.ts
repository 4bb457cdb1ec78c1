import { Failure, kindOf, sentenceOf } from "../../base/failure.ts";
import { formatFamiliar, type Reference, repositoryOf, withDefaultTag } from "../../spec/reference.ts";

/** A failed pull in Docker's words, where it has some, with the registry's own at the end. */
export function describePull(thrown: unknown, wanted: Reference): unknown {
  if (!(thrown instanceof Failure)) return thrown;
  const name = formatFamiliar(repositoryOf(wanted));
  const whole = formatFamiliar(withDefaultTag(wanted));
  const reason = sentenceOf(thrown);
  const { codes = [], status } = thrown.details;
  const isManifest = codes.includes("MANIFEST_UNKNOWN");
  const details = { ...thrown.details, image: whole };
  const say = (sentence: string): Failure => new Failure(thrown.kind, sentence, { cause: thrown, details });
  if (kindOf(thrown) === "not-found" && isManifest) return say(`manifest for ${whole} not found: ${reason}`);
  if (status === 404 || (thrown.kind === "not-permitted" && status !== undefined)) {
    return say(
      `pull access denied for ${name}, repository does not exist or may require 'docker login': ${reason}`,
    );
  }
  return say(`cannot pull ${whole}: ${reason}`);
}
