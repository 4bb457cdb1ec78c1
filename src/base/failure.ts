/** The closed set of reasons for which anything in Tare fails; branch on these, never on the text. */
export type FailureKind =
  | "invalid" // the caller gave something that can never work
  | "not-found"
  | "conflict" // right in itself, but not in the present state
  | "not-permitted"
  | "unsupported" // by this kernel, host or version
  | "unavailable" // try again later, or start something first
  | "exhausted" // disk, memory, descriptors, processes
  | "corrupt" // data that contradicts its own digest or format
  | "canceled"
  | "deadline"
  | "internal";

export interface FailureOptions {
  readonly cause?: unknown;
  /** Facts for programs (never needed to understand the sentence). */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Every expected failure: a kind to branch on and one sentence for a person,
 * `cannot <verb> <object>[: <detail>]`, no period, values quoted.
 */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(kind: FailureKind, sentence: string, options: FailureOptions = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.kind = kind;
    this.details = options.details ?? {};
  }
}

/** The one-line text of anything thrown, for the end of a longer sentence. */
export function sentenceOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return String(thrown);
}

/** Errors of the runtime's own that say that something is used up. */
const exhausting: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM"]);

/** The kind of anything thrown: a Failure's own; "exhausted" for what has such a code; else "internal". */
export function kindOf(thrown: unknown): FailureKind {
  if (thrown instanceof Failure) return thrown.kind;
  return thrown instanceof Error && "code" in thrown && exhausting.has(thrown.code)
    ? "exhausted"
    : "internal";
}

/** Errors of the kernel that say that a resource is used up; it may be there again later. */
const short: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"]);

/** Whether something failed for a resource that may be there again later, at whatever depth. */
export function isShortage(thrown: unknown): boolean {
  for (let at = thrown, depth = 0; at instanceof Error && depth < 16; at = at.cause, depth++) {
    if (kindOf(at) === "exhausted" || ("code" in at && short.has(at.code))) return true;
  }
  return false;
}

/** Anything thrown as a Failure: "internal" where it is none. */
export function failureOf(thrown: unknown): Failure {
  return thrown instanceof Failure ? thrown : new Failure("internal", sentenceOf(thrown), { cause: thrown });
}

/** Wraps a failure one layer up, keeping its kind: `sentence: inner sentence`. */
export function within(sentence: string, thrown: unknown): Failure {
  return new Failure(kindOf(thrown), `${sentence}: ${sentenceOf(thrown)}`, {
    cause: thrown,
    ...(thrown instanceof Failure ? { details: thrown.details } : {}),
  });
}
