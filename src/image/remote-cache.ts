import { Failure } from "../base/failure.ts";
import { algorithmOf, type Digest, digestOf } from "../spec/digest.ts";
import { type Descriptor, type ImageManifest, parseImageDocument, roleOf } from "../spec/image/manifest.ts";
import { formatPlatform, type Platform } from "../spec/platform.ts";
import { type Reference, withDefaultTag } from "../spec/reference.ts";
import { pickManifest } from "./pick-manifest.ts";
import type { AccessOptions, Registries } from "./registries.ts";
import { downloadBlob } from "./registry/download.ts";
import { fetchManifest } from "./registry/manifests.ts";
import type { Repository } from "./registry/repository.ts";
import { decompress } from "./streams/compression.ts";

export interface RemoteCacheOptions extends Omit<AccessOptions, "action"> {
  readonly registries: Registries;
}

/** What a registry has for a build: a cache's own manifest, or an image that may have one in its config. */
export interface RemoteCache {
  readonly configType: string;
  readonly configBytes: Uint8Array;
  readonly layers: readonly Descriptor[];
}

/** Fetches manifest and config, verified. Throws "not-found", "corrupt", "invalid" and the registry's failures. */
export async function fetchRemoteCache(
  wanted: Reference,
  {
    platform,
    maxConfigBytes,
    configType,
    registries,
    ...access
  }: RemoteCacheOptions & {
    readonly platform: Platform;
    readonly maxConfigBytes: number;
    /** Of a cache's config. */
    readonly configType: string;
  },
): Promise<RemoteCache> {
  const reference = withDefaultTag(wanted);
  return await registries.with(reference, { ...access, action: "pull" }, async (repository) => {
    const found = await findManifest(repository, reference.digest ?? reference.tag ?? "latest", {
      platform,
      configType,
    });
    const configBytes = await readBlob(repository, found.config, maxConfigBytes);
    return { configType: found.config.mediaType, configBytes, layers: found.layers };
  });
}

async function findManifest(
  repository: Repository,
  which: string,
  { platform, configType }: { readonly platform: Platform; readonly configType: string },
): Promise<Pick<ImageManifest, "config" | "layers">> {
  const { bytes } = await fetchManifest(repository, which);
  const content = parseImageDocument(bytes);
  if (content.kind === "manifest") return content;
  // SPEC: BuildKit's caches are indexes of their layers and config by default.
  const config = content.manifests.find(({ mediaType }) => mediaType === configType);
  if (config !== undefined)
    return { config, layers: content.manifests.filter(({ mediaType }) => roleOf(mediaType) === "layer") };
  const chosen = pickManifest(content.manifests, platform);
  if (chosen === undefined || roleOf(chosen.mediaType) !== "manifest")
    throw new Failure("not-found", `there is no image for ${formatPlatform(platform)}`);
  const picked = parseImageDocument((await fetchManifest(repository, chosen.digest)).bytes);
  if (picked.kind !== "manifest") throw new Failure("invalid", "an index leads to another index");
  return picked;
}

async function readBlob(
  repository: Repository,
  { digest, size }: Descriptor,
  maxBytes: number,
): Promise<Uint8Array> {
  if (size > maxBytes) throw new Failure("invalid", `the config ${digest} has more than ${maxBytes} bytes`);
  const pieces: Uint8Array[] = [];
  for await (const piece of downloadBlob(repository, { digest, size })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const found = digestOf(bytes, algorithmOf(digest));
  if (found !== digest)
    throw new Failure("corrupt", `cannot use config ${digest}: its content has digest ${found}`);
  return bytes;
}

/** The tar of a layer while `use` reads it; the caller verifies its diffID. */
export async function readRemoteLayer<T>(
  wanted: Reference,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  {
    use,
    registries,
    ...access
  }: RemoteCacheOptions & { readonly use: (tar: AsyncIterable<Uint8Array>) => Promise<T> },
): Promise<T> {
  const { signal } = access;
  return await registries.with(wanted, { ...access, action: "pull" }, async (repository) =>
    use(decompress(downloadBlob(repository, { digest, size }, { signal }))),
  );
}
