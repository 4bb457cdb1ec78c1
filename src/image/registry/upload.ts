import { defined } from "../../base/defined.ts";
import { Failure, kindOf } from "../../base/failure.ts";
import { sleep } from "../../base/deadline.ts";
import type { Digest } from "../../spec/digest.ts";
import { discard, type Repository, type RepositoryReply } from "./repository.ts";
import { retryDelayMs } from "./retry.ts";

export interface UploadSource {
  readonly digest: Digest;
  readonly size: number;
  /** From a byte on; any number of times. */
  open(offset: number): AsyncIterable<Uint8Array>;
}

export interface UploadOptions {
  /** Repositories of the same registry that have it, the likeliest first. */
  readonly mountFrom?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes that have been sent so far; may go back when a part is sent again. */
  readonly onBytes?: ((sent: number) => void) | undefined;
  readonly onRetry?: ((waitMs: number, why: string) => void) | undefined;
}

export type UploadOutcome =
  | { readonly kind: "exists" }
  | { readonly kind: "mounted"; readonly from: string }
  | { readonly kind: "uploaded"; readonly bytes: number };

const mountTries = 3;

/** Whether the repository has the blob. */
export async function hasBlob(repository: Repository, digest: Digest): Promise<boolean> {
  const reply = await repository.send({ method: "HEAD", to: `/blobs/${digest}`, expects: [200, 404] });
  discard(reply);
  return reply.status === 200;
}

/**
 * Ensures that the repository has the blob: mounts it from another repository, or sends it in one piece, and resumes an
 * interrupted upload at the offset that the registry reports. SPEC: OCI distribution 1.1, "Pushing blobs"
 */
export async function uploadBlob(
  repository: Repository,
  source: UploadSource,
  options: UploadOptions = {},
): Promise<UploadOutcome> {
  const { mountFrom = [], signal, onBytes, onRetry } = options;
  if (await hasBlob(repository, source.digest)) return { kind: "exists" };
  let location: URL | undefined;
  for (const from of mountFrom.slice(0, mountTries)) {
    const begun = await beginOrMount(repository, { digest: source.digest, from });
    if (begun === "mounted") return { kind: "mounted", from };
    location ??= begun;
    if (location !== begun) await cancel(repository, begun);
  }
  location ??= await begin(repository);
  let sentBytes = 0;
  for (let attempt = 1; ; attempt++) {
    const offset = attempt === 1 ? 0 : await offsetOf(repository, location);
    try {
      const at: URL = location;
      const before = sentBytes;
      const pieces = counted(source.open(offset), (total) => {
        sentBytes = before + total;
        onBytes?.(Math.min(source.size, offset + total));
      });
      if (offset === 0) {
        await finish(repository, at, source.digest, { length: source.size, pieces });
      } else {
        const next = await append(repository, at, { offset, size: source.size, pieces });
        await finish(repository, next, source.digest);
      }
      return { kind: "uploaded", bytes: sentBytes };
    } catch (thrown) {
      signal?.throwIfAborted();
      if (kindOf(thrown) !== "unavailable") {
        await cancel(repository, location).catch(() => undefined);
        throw thrown;
      }
      const wait = retryDelayMs({ kind: "broken" }, { attempt, now: Date.now(), random: Math.random() });
      if (wait === undefined) throw thrown;
      onRetry?.(wait, thrown instanceof Error ? thrown.message : String(thrown));
      await sleep(wait, { signal });
      if (await hasBlob(repository, source.digest)) return { kind: "uploaded", bytes: sentBytes };
      if ((await findOffset(repository, location)) === undefined) location = await begin(repository);
    }
  }
}

async function begin(repository: Repository): Promise<URL> {
  const reply = await repository.send({
    method: "POST",
    to: "/blobs/uploads/",
    headers: { "Content-Length": "0" },
    expects: [202],
  });
  discard(reply);
  return locationOf(repository, reply);
}

/** A registry that does not mount the blob begins an upload. */
async function beginOrMount(
  repository: Repository,
  mount: { readonly digest: Digest; readonly from: string },
): Promise<URL | "mounted"> {
  const query = new URLSearchParams({ mount: mount.digest, from: mount.from }).toString();
  const reply = await repository.send({
    method: "POST",
    to: `/blobs/uploads/?${query}`,
    headers: { "Content-Length": "0" },
    expects: [201, 202],
    alsoPull: [mount.from],
  });
  discard(reply);
  return reply.status === 201 ? "mounted" : locationOf(repository, reply);
}

async function finish(
  repository: Repository,
  location: URL,
  digest: Digest,
  body?: { readonly length: number; readonly pieces: AsyncIterable<Uint8Array> },
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  const reply = await repository.send({
    method: "PUT",
    to: url,
    headers: defined({
      "Content-Type": "application/octet-stream",
      "Content-Length": body === undefined ? "0" : undefined,
    }),
    body: body && (() => body),
    once: body !== undefined,
    expects: [200, 201, 204],
  });
  discard(reply);
}

async function append(
  repository: Repository,
  location: URL,
  {
    offset,
    size,
    pieces,
  }: { readonly offset: number; readonly size: number; readonly pieces: AsyncIterable<Uint8Array> },
): Promise<URL> {
  const reply = await repository.send({
    method: "PATCH",
    to: location,
    headers: { "Content-Type": "application/octet-stream", "Content-Range": `${offset}-${size - 1}` },
    body: () => ({ length: size - offset, pieces }),
    expects: [202, 204],
  });
  discard(reply);
  return locationOf(repository, reply);
}

async function offsetOf(repository: Repository, location: URL): Promise<number> {
  return (await findOffset(repository, location)) ?? 0;
}

/** How many bytes of an upload the registry has; undefined for an unknown upload. */
async function findOffset(repository: Repository, location: URL): Promise<number | undefined> {
  const reply = await repository.send({ method: "GET", to: location, expects: [200, 202, 204, 404] });
  discard(reply);
  if (reply.status === 404) return undefined;
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(reply.headers["range"] ?? "") ?? [];
  // Registries report 0-0 for no byte and for one byte.
  return last === undefined || last === "0" ? 0 : Number(last) + 1;
}

async function cancel(repository: Repository, location: URL | "mounted"): Promise<void> {
  if (location === "mounted") return;
  discard(await repository.send({ method: "DELETE", to: location, expects: [200, 202, 204, 404, 405] }));
}

function locationOf(repository: Repository, { headers, url }: RepositoryReply): URL {
  const { location } = headers;
  let found: URL;
  try {
    found = new URL(location ?? "", url);
    if (location === undefined) throw new Error("none");
  } catch {
    throw new Failure("corrupt", `cannot upload to ${repository.origin.host}: it names no place for it`);
  }
  const isEncrypted = found.protocol === "https:" || repository.origin.protocol === "http:";
  if (isEncrypted && /^https?:$/.test(found.protocol)) return found;
  throw new Failure(
    "corrupt",
    `cannot upload to ${repository.origin.host}: it wants the bytes at ${found.origin}, unencrypted`,
  );
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  onBytes: (total: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    yield piece;
    onBytes(total);
  }
}
