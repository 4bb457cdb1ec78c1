import { Failure } from "../../base/failure.ts";

/** The Failure for a template that cannot be parsed or applied, in Docker's words. */
export function templateFailure(sentence: string): Failure {
  return new Failure("invalid", `template parsing error: template: ${sentence}`);
}

/** Line (from 1) and column in bytes (from 0) of an offset. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf("\n");
  return { line: before.split("\n").length, column: Buffer.byteLength(before.slice(lastBreak + 1)) };
}
