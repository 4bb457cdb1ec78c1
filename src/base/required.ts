import { Failure } from "./failure.ts";

/** The value, which the caller's logic says is present. Throws "internal" when it is undefined. */
export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Failure("internal", "cannot continue: a value is missing");
  return value;
}
