import { Failure } from "../../base/failure.ts";

/** A connection to the receiver of a log. Disposing closes it; what was handed over is still sent. */
export interface LogTransport extends Disposable {
  /**
   * Hands the pieces over, in order; resolves when the kernel has all of them, and the receiver has confirmed those
   * that it is to confirm. Rejects when the connection is gone: any number of them may have come. A datagram that is
   * too large is left out: the number of those.
   */
  send(pieces: readonly Uint8Array[]): Promise<number>;
  /** What ended the connection; undefined while it stands. Once given, the transport has to be disposed of. */
  findFailure(): Failure | undefined;
}

/** The Failure for a receiver that is not there or has gone. */
export function receiverLost(
  reason: string,
  { isRefused = false }: { readonly isRefused?: boolean } = {},
): Failure {
  return new Failure("unavailable", reason, isRefused ? { details: { code: "ECONNREFUSED" } } : {});
}
