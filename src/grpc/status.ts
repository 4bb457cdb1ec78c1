import { Failure, type FailureKind, failureOf } from "../base/failure.ts";

/** SPEC: gRPC, "Status codes and their use in gRPC". */
export const statusCode = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

const codeOfKind: Readonly<Record<FailureKind, number>> = {
  invalid: statusCode.invalidArgument,
  "not-found": statusCode.notFound,
  conflict: statusCode.failedPrecondition,
  "not-permitted": statusCode.permissionDenied,
  unsupported: statusCode.unimplemented,
  unavailable: statusCode.unavailable,
  exhausted: statusCode.resourceExhausted,
  corrupt: statusCode.dataLoss,
  canceled: statusCode.canceled,
  deadline: statusCode.deadlineExceeded,
  internal: statusCode.internal,
};

const kindOfCode = new Map<number, FailureKind>([
  [statusCode.canceled, "canceled"],
  [statusCode.invalidArgument, "invalid"],
  [statusCode.deadlineExceeded, "deadline"],
  [statusCode.notFound, "not-found"],
  [statusCode.alreadyExists, "conflict"],
  [statusCode.permissionDenied, "not-permitted"],
  [statusCode.resourceExhausted, "exhausted"],
  [statusCode.failedPrecondition, "conflict"],
  [statusCode.aborted, "conflict"],
  [statusCode.outOfRange, "invalid"],
  [statusCode.unimplemented, "unsupported"],
  [statusCode.unavailable, "unavailable"],
  [statusCode.dataLoss, "corrupt"],
  [statusCode.unauthenticated, "not-permitted"],
]);

/** How a call ended. */
export interface Status {
  readonly code: number;
  readonly message: string;
  /** An encoded `google.rpc.Status`, with details for the client. */
  readonly details?: Uint8Array | undefined;
}

/** The status code that stands for a kind of failure. */
export function codeOfFailure(kind: FailureKind): number {
  return codeOfKind[kind];
}

/** A status that an error reports which is no Failure: what a peer has sent, to be handed on. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status, cause?: unknown) {
    super(status.message, cause === undefined ? undefined : { cause });
    this.name = "StatusError";
    this.status = status;
  }
}

/** The status of a call that has thrown. */
export function statusOfThrown(thrown: unknown): Status {
  if (thrown instanceof StatusError) return thrown.status;
  const failure = failureOf(thrown);
  return { code: codeOfFailure(failure.kind), message: failure.message };
}

/** The failure that a peer's status stands for: its message, and the kind by its code. */
export function failureOfStatus({ code, message }: Status): Failure {
  const text = message === "" ? `the call ended with status ${code}` : message;
  return new Failure(kindOfCode.get(code) ?? "internal", text, { details: { fromDaemon: false } });
}
