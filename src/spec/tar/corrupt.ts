import { Failure } from "../../base/failure.ts";

/** Something in the archive that contradicts its format. */
export function corrupt(detail: string): Failure {
  return new Failure("corrupt", `cannot read the tar archive: ${detail}`);
}
