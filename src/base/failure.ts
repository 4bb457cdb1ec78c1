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

/** Details of a system call, a library or an HTTP exchange that failed; any kind may have them. */
interface CauseDetails {
  /** Name of the error that the sentence reports: `ENOENT`, `ECONNREFUSED`. */
  readonly code?: string | undefined;
  /** System call that failed, where a plan contains it. */
  readonly call?: string | undefined;
  /** Number of the error of `call`. */
  readonly errno?: number | undefined;
  /** HTTP status of a registry or a daemon. */
  readonly status?: number | undefined;
  /** Error codes of a registry: `MANIFEST_UNKNOWN`. */
  readonly codes?: readonly string[] | undefined;
  /** A daemon has reported it: the daemon was reached. */
  readonly fromDaemon?: boolean | undefined;
}

/** Objects of the engine that a failure names: references as the caller gave them, or names. Any kind may have them. */
interface ObjectDetails {
  readonly container?: string | undefined;
  readonly image?: string | undefined;
  readonly network?: string | undefined;
  readonly pod?: string | undefined;
  readonly volume?: string | undefined;
  readonly manifestList?: string | undefined;
}

/** A program that did not start; any kind may have them. */
interface ProgramDetails {
  /** 127: there is no such program; 126: it cannot be executed. */
  readonly exitCode?: number | undefined;
  readonly command?: string | undefined;
}

/** How the command line reports a failure; any kind may have them. */
interface ReportDetails {
  readonly exitStatus?: number | undefined;
  /** Add "See 'tare COMMAND --help'". */
  readonly see?: boolean | undefined;
  /** Begin with "tare: " though `see` is set. */
  readonly prefix?: boolean | undefined;
  /** Print nothing. */
  readonly silent?: boolean | undefined;
}

/** A part of a build that failed; any kind may have them. */
interface BuildDetails {
  /** First and last line of the Dockerfile that the failure is about, 1-based. */
  readonly line?: number | undefined;
  readonly endLine?: number | undefined;
  /** Id of the step that failed, as the build's progress gives it. */
  readonly vertex?: string | undefined;
  /** The lines of the Dockerfile, with those around them. */
  readonly excerpt?: string | undefined;
}

type CommonDetails = CauseDetails & ObjectDetails & ProgramDetails & ReportDetails & BuildDetails;

interface InvalidDetails {
  /** Reason without the object's name, for `volume`. */
  readonly detail?: string | undefined;
  /** Source of a bind mount that does not exist. */
  readonly bindSource?: string | undefined;
  readonly path?: string | undefined;
  /** Abbreviated id that several objects match. */
  readonly ambiguous?: string | undefined;
  /** The kernel has no such parameter. */
  readonly isUnknown?: boolean | undefined;
  /** A device was requested that is not there: the sentence is dockerd's, and whole. */
  readonly deviceRequest?: boolean | undefined;
}

interface NotFoundDetails {
  readonly secret?: string | undefined;
  readonly exec?: string | undefined;
  /** Driver of a network or a volume. */
  readonly driver?: string | undefined;
  /** Path in a container. */
  readonly path?: string | undefined;
  /** Platform for which an image that exists has no variant. */
  readonly platform?: string | undefined;
}

interface ConflictDetails {
  /** Id of the object that is in the way. */
  readonly id?: string | undefined;
  /** Name that another container has. */
  readonly name?: string | undefined;
  /** State of the container that prevents the operation. */
  readonly state?: string | undefined;
  readonly alreadyRunning?: boolean | undefined;
  /** Containers that use the volume. */
  readonly users?: readonly string[] | undefined;
  /** Names of containers in the network. */
  readonly endpoints?: readonly string[] | undefined;
  readonly secret?: string | undefined;
  /** Reason why an image cannot be removed, in Docker's words. */
  readonly conflict?: string | undefined;
  readonly hostPort?: number | undefined;
  /** Subnet of a network that overlaps with one of the host's interface. */
  readonly subnet?: string | undefined;
  readonly interface?: string | undefined;
  /** Process that holds a lock. */
  readonly holderPid?: number | undefined;
}

/** Facts for programs, by kind of failure. */
interface DetailsByKind {
  readonly invalid: InvalidDetails;
  readonly "not-found": NotFoundDetails;
  readonly conflict: ConflictDetails;
  readonly "not-permitted": {
    /** The network belongs to the engine. */
    readonly predefined?: boolean | undefined;
    /** Name of the authorization plug-in that denies the request. */
    readonly authorizationPlugin?: string | undefined;
  };
  readonly unsupported: {
    /** Fields of a request. */
    readonly fields?: readonly string[] | undefined;
  };
  readonly unavailable: {
    /** Address of a daemon that cannot be reached. */
    readonly host?: string | undefined;
  };
  readonly exhausted: unknown;
  readonly corrupt: unknown;
  readonly canceled: unknown;
  readonly deadline: unknown;
  readonly internal: unknown;
}

/** Facts for programs about a failure of this kind (never needed to understand the sentence). */
export type FailureDetails<Kind extends FailureKind = FailureKind> = Kind extends FailureKind
  ? DetailsByKind[Kind] & CommonDetails
  : never;

/** Cause and details of a Failure. */
export interface FailureOptions<Kind extends FailureKind = FailureKind> {
  readonly cause?: unknown;
  readonly details?: FailureDetails<Kind> | undefined;
}

/**
 * Every expected failure: a kind to branch on and one sentence for a person,
 * `cannot <verb> <object>[: <detail>]`, no period, values quoted.
 *
 * @example
 * ```ts
 * import { isFailure, openEngine } from "tare";
 *
 * await using engine = await openEngine();
 * try {
 *   await engine.volumes.remove("data");
 * } catch (thrown) {
 *   if (isFailure(thrown, "conflict")) console.log("used by", thrown.details.users);
 *   else if (isFailure(thrown, "not-found")) console.log("no volume", thrown.details.volume);
 *   else throw thrown;
 * }
 * ```
 */
export class Failure<Kind extends FailureKind = FailureKind> extends Error {
  readonly kind: Kind;
  readonly details: FailureDetails<Kind>;

  constructor(kind: Kind, sentence: string, options: FailureOptions<Kind> = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.kind = kind;
    // An object without details has the type of each kind; a generic type hides that.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a generic type hides that all details are optional
    this.details = options.details ?? ({} as FailureDetails<Kind>);
  }
}

/** Whether something thrown is a Failure of this kind; its details are those of the kind. */
export function isFailure<Kind extends FailureKind>(thrown: unknown, kind: Kind): thrown is Failure<Kind> {
  return thrown instanceof Failure && thrown.kind === kind;
}

/** Whether a start failed because the container runs already. */
export function isAlreadyRunning(thrown: unknown): thrown is Failure<"conflict"> {
  return isFailure(thrown, "conflict") && thrown.details.alreadyRunning === true;
}

/** The one-line text of anything thrown, for the end of a longer sentence. */
export function sentenceOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return String(thrown);
}

/** Errors of the runtime that report an exhausted resource. */
const exhausting: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM"]);

/** The kind of anything thrown: a Failure's own; "exhausted" for what has such a code; else "internal". */
export function kindOf(thrown: unknown): FailureKind {
  if (thrown instanceof Failure) return thrown.kind;
  return thrown instanceof Error && "code" in thrown && exhausting.has(thrown.code)
    ? "exhausted"
    : "internal";
}

/** Errors of the kernel that report an exhausted resource; it may be available again later. */
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

/** Anything thrown as an Error: itself where it is one, with the code that it may have. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : failureOf(thrown);
}

/** The name of an error of node:fs and its siblings; undefined for anything without one. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string"
    ? thrown.code
    : undefined;
}

/** The same as a detail. */
export function codeDetails(thrown: unknown): { readonly code?: string | undefined } {
  const code = codeOf(thrown);
  return code === undefined ? {} : { code };
}

/** Wraps a failure one layer up, keeping its kind: `sentence: inner sentence`. */
export function within(sentence: string, thrown: unknown): Failure {
  return new Failure(kindOf(thrown), `${sentence}: ${sentenceOf(thrown)}`, {
    cause: thrown,
    details: thrown instanceof Failure ? thrown.details : codeDetails(thrown),
  });
}
