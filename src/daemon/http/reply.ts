import type { Duplex } from "node:stream";
import { encodeFailureDetails } from "../../api/http/failure-details.ts";
import { detailsHeader, failureHeader, statusOfFailure } from "../../api/http/failure-status.ts";
import type { Failure } from "../../base/failure.ts";
import { quoteLine } from "../../base/quote-controls.ts";

/** The answer to one request, given once. */
export interface Reply {
  /** True as soon as the head has been sent: a status can no longer report a failure. */
  readonly isBegun: boolean;
  /** The client offers to change the protocol. */
  readonly isUpgrade: boolean;
  json(status: number, value: unknown, headers?: Readonly<Record<string, string>>): void;
  /** JSON already written, for numbers that JavaScript can't hold. */
  jsonText(status: number, text: string): void;
  empty(status: number, headers?: Readonly<Record<string, string>>): void;
  text(status: number, text: string, headers?: Readonly<Record<string, string>>): void;
  failure(failure: Failure): void;
  /** Sends the head at once; then write() and end(). */
  begin(contentType: string, headers?: Readonly<Record<string, string>>): void;
  /** Resolves when the client takes more; rejects never: look at the signal. */
  write(piece: string | Uint8Array): Promise<void>;
  end(): void;
  /** Takes the connection over: what the client sends can be read, what is written goes to it. */
  hijack(contentType: string): Duplex;
  /** The same for a protocol of its own, of whose handshake the fields are. */
  switchProtocols(fields: Readonly<Record<string, string>>): Duplex;
}

const messageLimit = 8192;

/** A message may contain text from the client: a very long one is shortened to its start and end. */
function shorten(message: string): string {
  if (message.length <= messageLimit) return message;
  return `${message.slice(0, messageLimit / 2)} … ${message.slice(-messageLimit / 4)}`;
}

/** The body and headers of a reply that reports a failure. */
export function failureReply(failure: Failure): {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
} {
  const details = encodeFailureDetails(failure.details);
  return {
    status: statusOfFailure(failure.kind),
    body: `${JSON.stringify({ message: shorten(quoteLine(failure.message.trimEnd())) })}\n`,
    headers: {
      [failureHeader]: failure.kind,
      ...(details === undefined ? {} : { [detailsHeader]: details }),
    },
  };
}
