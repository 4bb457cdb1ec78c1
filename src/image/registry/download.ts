import { defined } from "../../base/defined.ts";
import { Failure, kindOf } from "../../base/failure.ts";
import { sleep } from "../../base/deadline.ts";
import type { Digest } from "../../spec/digest.ts";
import { discard, type Repository, type RepositoryReply } from "./repository.ts";
import { retryDelayMs } from "./retry.ts";

export interface DownloadOptions {
  /** So many bytes of it are there already. */
  readonly offset?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: ((waitMs: number, why: string) => void) | undefined;
  /** Receives the count of all bytes, including those that came earlier and are skipped. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * The bytes of a blob from `offset` on. A connection that breaks is taken up again where it broke; the blob's digest is
 * the caller's to check. Throws "corrupt" when more comes than was announced.
 */
export async function* downloadBlob(
  repository: Repository,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  { offset: begin = 0, signal, onRetry, onBytes }: DownloadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = begin;
  if (offset >= size && size > 0) return;
  for (let attempt = 1; ; attempt++) {
    const from = offset;
    // It has its own way of trying again.
    const reply = await openAt(repository, { digest, size, offset });
    try {
      let skip = reply.status === 206 ? 0 : offset;
      for await (const piece of repository.read(reply)) {
        onBytes?.(piece.length);
        const fresh = skip >= piece.length ? piece.subarray(piece.length) : piece.subarray(skip);
        skip -= piece.length - fresh.length;
        if (fresh.length === 0) continue;
        offset += fresh.length;
        if (offset > size) throw tooLong(repository, digest, size);
        yield fresh;
      }
      if (offset >= size) return;
      throw new Failure(
        "unavailable",
        `cannot read all of ${digest} from ${repository.origin.host}: it was cut off`,
      );
    } catch (thrown) {
      signal?.throwIfAborted();
      if (kindOf(thrown) !== "unavailable") throw thrown;
      // Progress resets the number of attempts.
      if (offset > from) attempt = 1;
      const wait = retryDelayMs({ kind: "broken" }, { attempt, now: Date.now(), random: Math.random() });
      if (wait === undefined) throw thrown;
      onRetry?.(wait, thrown instanceof Error ? thrown.message : String(thrown));
      await sleep(wait, { signal });
    }
  }
}

async function openAt(
  repository: Repository,
  { digest, size, offset }: { readonly digest: Digest; readonly size: number; readonly offset: number },
): Promise<RepositoryReply> {
  const reply = await repository.send({
    method: "GET",
    to: `/blobs/${digest}`,
    headers: defined({
      // A proxy that compresses would change what is counted and resumed.
      "Accept-Encoding": "identity",
      Range: offset > 0 ? `bytes=${offset}-` : undefined,
    }),
    expects: [200, 206],
  });
  const length = reply.headers["content-length"];
  const announced = length === undefined ? undefined : Number(length);
  const wanted = reply.status === 206 ? size - offset : size;
  const isRange = reply.status === 206 && offset > 0;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(reply.headers["content-range"] ?? "");
  if (isRange && Number(range?.[1]) !== offset) {
    discard(reply);
    throw new Failure(
      "corrupt",
      `cannot resume ${digest} at ${offset}: ${repository.origin.host} sent another part of it`,
    );
  }
  if (announced !== undefined && announced > wanted) {
    discard(reply);
    throw tooLong(repository, digest, size);
  }
  return reply;
}

function tooLong(repository: Repository, digest: Digest, size: number): Failure {
  return new Failure(
    "corrupt",
    `cannot use blob ${digest}: ${repository.origin.host} sends more than the ${size} bytes announced`,
  );
}
