import { Failure } from "../base/failure.ts";

/** Whether a bridge was refused because the host has its subnet elsewhere. */
export function isSubnetTaken(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.kind === "conflict" && thrown.details["subnet"] !== undefined;
}
