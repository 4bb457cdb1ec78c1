import { keysOf } from "../../../base/keys.ts";
import type { SeccompAction, SeccompActionKind } from "../../../spec/seccomp.ts";

/** SECCOMP_RET_*. Source: linux/seccomp.h. */
const values: Readonly<Record<SeccompActionKind, number>> = {
  "kill-process": 0x8000_0000,
  "kill-thread": 0x0000_0000,
  trap: 0x0003_0000,
  errno: 0x0005_0000,
  notify: 0x7fc0_0000,
  trace: 0x7ff0_0000,
  log: 0x7ffc_0000,
  allow: 0x7fff_0000,
};

const kinds: ReadonlyMap<number, SeccompActionKind> = new Map(
  keysOf(values).map((kind) => [values[kind], kind]),
);

/** The return value of a filter for this action. */
export function encodeAction(action: SeccompAction): number {
  return values[action.kind] + action.data;
}

/** KERNEL(4.14): an unknown action kills the process. */
export function decodeAction(value: number): SeccompAction {
  const kind = kinds.get((value & 0xffff_0000) >>> 0) ?? "kill-process";
  return { kind, data: value & 0xffff };
}

/** True for an action that allows the call, at once or if a tracer permits it. */
export function isPermissive(action: SeccompAction): boolean {
  return action.kind === "allow" || action.kind === "log" || action.kind === "trace";
}

/** SPEC: libseccomp's SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL by default: calls of an ABI that the profile hasn't. */
export const badArchitecture: SeccompAction = { kind: "kill-thread", data: 0 };
