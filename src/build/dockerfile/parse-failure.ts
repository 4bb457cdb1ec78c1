import { Failure, sentenceOf } from "../../base/failure.ts";
import type { Location } from "./dockerfile-types.ts";

/** A failure of the file itself, in BuildKit's words. */
export function failureAt(message: string, { startLine, endLine }: Location, cause?: unknown): Failure {
  return new Failure("invalid", message, { cause, details: { line: startLine, endLine } });
}

/** The same for anything thrown while the lines were read. */
export function locate(thrown: unknown, location: Location): Failure {
  return failureAt(sentenceOf(thrown), location, thrown);
}
