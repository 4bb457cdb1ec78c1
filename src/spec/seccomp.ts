import { readAction } from "./seccomp/action.ts";
import { Field } from "./seccomp/field.ts";
import {
  type SeccompArchitectures,
  type SeccompProfile,
  seccompArchitectures,
  seccompFlags,
} from "./seccomp/profile.ts";
import { readRule } from "./seccomp/rule.ts";

export type {
  SeccompAction,
  SeccompActionKind,
  SeccompArchitecture,
  SeccompCondition,
  SeccompFlag,
  SeccompProfile,
  SeccompRule,
  SeccompScope,
} from "./seccomp/profile.ts";

/**
 * Reads the text of a profile, strictly: an unknown member, action, operator or flag is a mistake; a call's name is
 * not, since profiles name calls of every architecture and age. Throws "invalid" with the place in one sentence.
 */
export function parseSeccompProfile(text: string): SeccompProfile {
  return readProfile(Field.parse(text));
}

/** As parseSeccompProfile() of what JSON.parse made; integers above 2⁵³ must be bigint. */
export function readSeccompProfile(value: unknown): SeccompProfile {
  return readProfile(Field.of(value));
}

const members = [
  "defaultAction",
  "defaultErrnoRet",
  "defaultErrno",
  "archMap",
  "architectures",
  "syscalls",
  "flags",
  "listenerPath",
  "listenerMetadata",
  "comment",
] as const;

function readProfile(field: Field): SeccompProfile {
  const profile = field.members(members);
  const defaultAction = readAction(profile.defaultAction, {
    data: profile.defaultErrnoRet,
    name: profile.defaultErrno,
  });
  // SPEC: seccomp_unotify(2): a listener can't be answered before its descriptor has been sent.
  if (defaultAction.kind === "notify") throw profile.defaultAction.wrong("cannot be SCMP_ACT_NOTIFY");
  if (profile.archMap.items().length > 0 && profile.architectures.items().length > 0) {
    throw profile.architectures.wrong("is given together with archMap: use one of them");
  }
  const rules = profile.syscalls.items().map(readRule);
  if (rules.some((rule) => rule.action.kind === "notify") && !profile.listenerPath.present) {
    throw profile.listenerPath.wrong("is missing, though SCMP_ACT_NOTIFY is used");
  }
  if (profile.listenerMetadata.present && !profile.listenerPath.present) {
    throw profile.listenerMetadata.wrong("is given without listenerPath");
  }
  return {
    defaultAction,
    architectures: profile.architectures.items().map((item) => item.oneOf(seccompArchitectures)),
    archMap: profile.archMap.items().map(readArchitectures),
    rules,
    flags: profile.flags.items().map((item) => item.oneOf(seccompFlags)),
    listenerPath: profile.listenerPath.present ? profile.listenerPath.text() : undefined,
    listenerMetadata: profile.listenerMetadata.present ? profile.listenerMetadata.text() : undefined,
  };
}

function readArchitectures(field: Field): SeccompArchitectures {
  const { architecture, subArchitectures } = field.members(["architecture", "subArchitectures"]);
  return {
    architecture: architecture.oneOf(seccompArchitectures),
    subArchitectures: subArchitectures.items().map((item) => item.oneOf(seccompArchitectures)),
  };
}
