import { Failure } from "../../base/failure.ts";
import { isList, isMap } from "./values.ts";

/** `eq` of Go's templates: basic values of one kind; nothing equals only nothing. */
export function equals(first: unknown, second: unknown): boolean {
  const nothing = [first, second].filter((value) => value === undefined || value === null).length;
  if (nothing > 0) return nothing === 2;
  checkBasic(first);
  checkBasic(second);
  if (typeof first !== typeof second) throw new Failure("invalid", "incompatible types for comparison");
  return first === second;
}

/** Less than zero, zero or more, for numbers and text. */
export function compare(first: unknown, second: unknown): number {
  checkBasic(first);
  checkBasic(second);
  if (typeof first === "number" && typeof second === "number") return first - second;
  if (typeof first === "string" && typeof second === "string")
    return Buffer.compare(Buffer.from(first), Buffer.from(second));
  if (typeof first !== typeof second) throw new Failure("invalid", "incompatible types for comparison");
  throw new Failure("invalid", "invalid type for comparison");
}

function checkBasic(value: unknown): void {
  if (isList(value) || isMap(value) || value === undefined || value === null) {
    throw new Failure("invalid", "invalid type for comparison");
  }
}
