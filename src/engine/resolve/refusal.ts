import { Failure } from "../../base/failure.ts";

/** The Failure for a container that can never be made as asked. */
export function refuse(detail: string): Failure {
  return new Failure("invalid", `cannot create the container: ${detail}`);
}

/** Text of a stranger, short enough and printable for a sentence. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
