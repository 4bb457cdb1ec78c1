import { Failure } from "../../base/failure.ts";
import { algorithmOf, type Digest, digestOf, findDigest } from "../../spec/digest.ts";
import { maxManifestBytes, mediaTypes } from "../../spec/image/manifest.ts";
import { readBody } from "./connection.ts";
import { discard, type Repository } from "./repository.ts";

/** A manifest or an index as a registry gave it. */
export interface FetchedManifest {
  readonly digest: Digest;
  /** The media type from the registry; "" when it sends none. */
  readonly mediaType: string;
  /** Exactly as it came: its digest is over these. */
  readonly bytes: Uint8Array;
}

const accepted = [
  mediaTypes.index,
  mediaTypes.manifest,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/**
 * Fetches by tag or digest. Throws "not-found", "not-permitted", and "corrupt" for bytes whose digest differs from the
 * requested digest or from that of the registry.
 */
export async function fetchManifest(repository: Repository, which: string): Promise<FetchedManifest> {
  const reply = await repository.send({
    method: "GET",
    to: `/manifests/${which}`,
    headers: { Accept: accepted.join(", ") },
    expects: [200],
  });
  const bytes = await readBody(reply, reply.url, maxManifestBytes);
  const stated = findDigest(one(reply.headers["docker-content-digest"]) ?? "");
  const expected = findDigest(which) ?? stated;
  const digest = digestOf(bytes, expected === undefined ? "sha256" : algorithmOf(expected));
  if (expected !== undefined && digest !== expected) {
    throw new Failure(
      "corrupt",
      `cannot use manifest ${which}: ${reply.url.host} sent one with digest ${digest} instead of ${expected}`,
    );
  }
  return { digest, bytes, mediaType: (one(reply.headers["content-type"]) ?? "").split(";")[0]?.trim() ?? "" };
}

/** The digest that a tag has there now, and how long its manifest is; undefined when there is none. */
export async function findManifest(
  repository: Repository,
  which: string,
): Promise<
  { readonly digest: Digest | undefined; readonly mediaType: string; readonly size: number } | undefined
> {
  const reply = await repository.send({
    method: "HEAD",
    to: `/manifests/${which}`,
    headers: { Accept: accepted.join(", ") },
    expects: [200, 404],
  });
  discard(reply);
  if (reply.status === 404) return undefined;
  return {
    digest: findDigest(one(reply.headers["docker-content-digest"]) ?? ""),
    mediaType: one(reply.headers["content-type"]) ?? "",
    size: Number(reply.headers["content-length"] ?? 0),
  };
}

/** Stores it under a tag or its digest; all that it names must be there. */
export async function putManifest(
  repository: Repository,
  which: string,
  { bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string },
): Promise<void> {
  const reply = await repository.send({
    method: "PUT",
    to: `/manifests/${which}`,
    headers: { "Content-Type": mediaType },
    body: () => bytes,
    expects: [200, 201, 202],
  });
  discard(reply);
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
