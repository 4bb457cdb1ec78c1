import { keysOf } from "../../base/keys.ts";
import type { SeccompAction, SeccompActionKind } from "./profile.ts";
import type { Field } from "./field.ts";

const kinds = {
  // SPEC: libseccomp's SCMP_ACT_KILL is the thread's.
  SCMP_ACT_KILL: "kill-thread",
  SCMP_ACT_KILL_THREAD: "kill-thread",
  SCMP_ACT_KILL_PROCESS: "kill-process",
  SCMP_ACT_TRAP: "trap",
  SCMP_ACT_ERRNO: "errno",
  SCMP_ACT_TRACE: "trace",
  SCMP_ACT_LOG: "log",
  SCMP_ACT_ALLOW: "allow",
  SCMP_ACT_NOTIFY: "notify",
} as const satisfies Readonly<Record<string, SeccompActionKind>>;

const EPERM = 1;
/** KERNEL: MAX_ERRNO; seccomp cuts greater ones down to it. */
const maxErrno = 4095n;
const maxTraceMessage = 0xffffn;

/**
 * The action with its errnoRet, EPERM by default. SPEC: config-linux.md, seccomp: an errnoRet at an action that takes
 * none is an error. Podman repeats the number as a name, which says nothing new.
 */
export function readAction(
  action: Field,
  ret: { readonly data: Field; readonly name: Field },
): SeccompAction {
  const kind = kinds[action.oneOf(keysOf(kinds))];
  if (ret.name.present && !ret.data.present) throw ret.name.wrong("is given without its number");
  if (kind !== "errno" && kind !== "trace") {
    if (ret.data.present) throw ret.data.wrong(`is given, but ${action.text()} takes none`);
    return { kind, data: 0 };
  }
  if (!ret.data.present) return { kind, data: EPERM };
  return { kind, data: Number(ret.data.integer(kind === "errno" ? maxErrno : maxTraceMessage)) };
}
