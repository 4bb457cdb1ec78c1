import { isKeyOf, keysOf } from "../../base/keys.ts";
import { Failure, type FailureDetails, type FailureKind } from "../../base/failure.ts";
import { parseFailureDetails } from "./failure-details.ts";

/** The header of an error reply that carries the exact kind, which a status can't. */
export const failureHeader = "Tare-Failure";

/** The header with the failure's details, as JSON. */
export const detailsHeader = "Tare-Failure-Details";

const statusOfKind: Readonly<Record<FailureKind, number>> = {
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  "not-permitted": 403,
  unsupported: 501,
  unavailable: 503,
  exhausted: 507,
  corrupt: 500,
  canceled: 499,
  deadline: 504,
  internal: 500,
};

/** The HTTP status of an error reply. */
export function statusOfFailure(kind: FailureKind): number {
  return statusOfKind[kind];
}

/**
 * The Failure an error reply stands for: its message, and the kind and the details from Tare's headers, else from the
 * status and Docker's message. `details.status` is the status; `details.fromDaemon` distinguishes it from failures to
 * reach the daemon.
 */
export function failureOfReply(
  status: number,
  body: string,
  headers: { readonly kind?: string | undefined; readonly details?: string | undefined } = {},
): Failure {
  const kind = findFailureKind(headers.kind) ?? kindOfStatus(status);
  const message = messageIn(body) ?? `the daemon answered with status ${status}`;
  const details =
    headers.kind === undefined ? dockerDetails(message) : parseFailureDetails(headers.details ?? "{}");
  return new Failure(kind, message, { details: { ...details, status, fromDaemon: true } });
}

/** Details that a Docker daemon reports only in its message; Docker's own client parses the same words. */
function dockerDetails(message: string): FailureDetails {
  const [, image] =
    /^No such image: (.+)$/.exec(message) ?? /^image with reference (\S+) was found but/.exec(message) ?? [];
  if (image !== undefined) return { image };
  if (/executable file not found|no such file or directory/.test(message)) return { exitCode: 127 };
  if (/permission denied|is a directory|exec format error/i.test(message)) return { exitCode: 126 };
  return {};
}

/** Undefined for other text. */
export function findFailureKind(text: string | undefined): FailureKind | undefined {
  return text !== undefined && isKeyOf(statusOfKind, text) ? text : undefined;
}

function kindOfStatus(status: number): FailureKind {
  if (status === 401) return "not-permitted";
  const kinds = keysOf(statusOfKind);
  const found = kinds.find((kind) => statusOfKind[kind] === status && status !== 500);
  return found ?? (status >= 400 && status < 500 ? "invalid" : "internal");
}

function messageIn(body: string): string | undefined {
  let text = body.trim();
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && "message" in value)
      text = String(value.message).trim();
  } catch {
    // Plain text, as daemons before 1.24 and proxies send it.
  }
  return text === "" ? undefined : text.slice(0, 64 * 1024);
}
