import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { withDeadline } from "../../base/deadline.ts";
import { Failure } from "../../base/failure.ts";

/** Connections that clients have not made yet, of all builds together. */
const mostAnnounced = 256;
const answerMs = 10_000;

/** By the names that their builds have announced: only the client of a build has its names. */
const announced = new Map<string, (duplex: Duplex) => void>();

/**
 * A connection to an ssh agent of a client, which makes it after the announcement. The caller destroys it. Throws
 * "exhausted", "deadline" for a client that does not answer, "canceled".
 */
export async function openClientAgent(
  announce: (connection: string) => void,
  signal: AbortSignal,
): Promise<Duplex> {
  if (announced.size >= mostAnnounced)
    throw new Failure("exhausted", `cannot reach the SSH agent: ${mostAnnounced} connections are being made`);
  const connection = randomBytes(16).toString("hex");
  try {
    return await withDeadline(
      answerMs,
      "reach the SSH agent of the client",
      async (ends) => {
        const answered = Promise.withResolvers<Duplex>();
        announced.set(connection, answered.resolve);
        announce(connection);
        const duplex = await answered.promise;
        if (ends.aborted) duplex.destroy();
        return duplex;
      },
      { signal },
    );
  } finally {
    announced.delete(connection);
  }
}

/** The client's side of an announced connection; `take` takes its stream. Throws "not-found". */
export function answerAnnouncement(connection: string, take: () => Duplex): void {
  const answer = announced.get(connection);
  if (answer === undefined) throw new Failure("not-found", "no build waits for this connection");
  announced.delete(connection);
  answer(take());
}
