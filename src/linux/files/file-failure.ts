import { Failure, type FailureKind, sentenceOf, within } from "../../base/failure.ts";
import { SyscallFailure } from "../kernel/syscall.ts";

const kinds: Readonly<Record<string, FailureKind>> = {
  ENOENT: "not-found",
  ENOSPC: "exhausted",
  EDQUOT: "exhausted",
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  ENOMEM: "exhausted",
  EACCES: "not-permitted",
  EPERM: "not-permitted",
  EROFS: "not-permitted",
};

/**
 * Converts an error of node:fs or a system call into a Failure with this sentence; other Failures, which have one, pass
 * unchanged.
 */
export function fileFailure(sentence: string, thrown: unknown): Failure {
  if (thrown instanceof SyscallFailure) return within(sentence, thrown);
  if (thrown instanceof Failure) return thrown;
  const code = codeOf(thrown);
  return new Failure(kinds[code] ?? "internal", `${sentence}: ${sentenceOf(thrown)}`, {
    cause: thrown,
    details: code === "" ? {} : { code },
  });
}

/** `ENOENT`, … of what node:fs or a system call threw; "" for anything else. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}
