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

/** Adds the lines of the instruction to a failure of the work. */
export function locating<T>(location: Location, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw locate(thrown, location);
  }
}

/** As locating(), of work that takes time. */
export async function locatingAsync<T>(location: Location, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw locate(thrown, location);
  }
}
