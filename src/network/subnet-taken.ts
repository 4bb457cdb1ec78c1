import { isFailure } from "../base/failure.ts";

/** Whether a bridge was refused because the host has its subnet elsewhere. */
export function isSubnetTaken(thrown: unknown): boolean {
  return isFailure(thrown, "conflict") && thrown.details.subnet !== undefined;
}
