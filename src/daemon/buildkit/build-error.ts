import { type FailureKind, failureOf } from "../../base/failure.ts";
import { type Status, statusCode, StatusError } from "../../grpc/status.ts";
import { codecs } from "./codings.ts";
import type { Messages } from "./messages.ts";

/** The Dockerfile that a failure may be about. */
export interface BuildSource {
  readonly name: string;
  readonly text: string;
}

/** A text that a failure may be about, and where it is about it. */
export interface ErrorSource extends BuildSource {
  readonly language: string;
  readonly ranges: readonly Messages["pb.Range"][];
}

/** Kinds that clients branch on. The text of others is given as it is: Docker's client puts no code before it. */
const codes: Partial<Readonly<Record<FailureKind, number>>> = {
  canceled: statusCode.canceled,
  "not-permitted": statusCode.permissionDenied,
};

/**
 * The error of a build, with the step and the lines of the Dockerfile that it is about: clients show them. SPEC:
 * moby/buildkit, util/grpcerrors: details are JSON.
 */
export function buildErrorOf(thrown: unknown, source: BuildSource | ErrorSource | undefined): StatusError {
  if (thrown instanceof StatusError) return thrown;
  const failure = failureOf(thrown);
  const { line, endLine = line, vertex } = failure.details;
  const details: { readonly type: string; readonly value: unknown }[] = [];
  if (vertex !== undefined) details.push({ type: "errdefs.Vertex", value: { digest: vertex } });
  const ranges =
    source !== undefined && "ranges" in source
      ? source.ranges
      : line === undefined
        ? []
        : [{ start: { line }, end: { line: endLine } }];
  if (source !== undefined && ranges.length > 0) {
    const info = {
      filename: source.name,
      data: Buffer.from(source.text).toString("base64"),
      language: "language" in source ? source.language : "Dockerfile",
    };
    details.push({ type: "errdefs.Source", value: { info, ranges } });
  }
  return statusError(
    { code: codes[failure.kind] ?? statusCode.unknown, message: failure.message },
    details,
    thrown,
  );
}

/** Of a request to the front end that is not known. */
export function unsupportedSubrequest(name: string): StatusError {
  return statusError(
    { code: statusCode.unimplemented, message: `unsupported request ${name}` },
    [{ type: "errdefs.Subrequest", value: { name } }],
    undefined,
  );
}

function statusError(
  { code, message }: Status,
  details: readonly { readonly type: string; readonly value: unknown }[],
  cause: unknown,
): StatusError {
  const encoded = codecs.of("google.rpc.Status").encode({
    code,
    message,
    details: details.map(({ type, value }) => ({
      type_url: `github.com/moby/buildkit/${type}+json`,
      value: Buffer.from(JSON.stringify(value)),
    })),
  });
  return new StatusError({ code, message, details: encoded }, cause);
}

/** The error that a client returns for its build, handed back to it with its details. */
export function returnedError({
  code,
  message,
  encoded,
}: {
  readonly code: number;
  readonly message: string;
  readonly encoded: Uint8Array;
}): StatusError {
  return new StatusError({
    code: code === statusCode.ok ? statusCode.unknown : code,
    message,
    details: encoded,
  });
}
