import { Failure, type FailureKind } from "../../base/failure.ts";

/** The header of an error reply that carries the exact kind, which a status can't. */
export const failureHeader = "Tare-Failure";

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
 * The Failure an error reply stands for: its message, and the kind from our header, else from the status.
 * `details.status` is the status; `details.fromDaemon` tells it from failures to reach the daemon.
 */
export function failureOfReply(status: number, body: string, header?: string): Failure {
  const kind =
    header !== undefined && Object.hasOwn(statusOfKind, header)
      ? (header as FailureKind)
      : kindOfStatus(status);
  return new Failure(kind, messageIn(body) ?? `the daemon answered with status ${status}`, {
    details: { status, fromDaemon: true },
  });
}

function kindOfStatus(status: number): FailureKind {
  if (status === 401) return "not-permitted";
  const kinds = Object.keys(statusOfKind) as FailureKind[];
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
