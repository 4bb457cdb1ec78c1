import type { BaseImage } from "../../build/graph/graph-types.ts";
import { isFailure } from "../../base/failure.ts";
import { readLayers } from "../../image/commit.ts";
import { required } from "../../base/required.ts";
import type { BuildRequest } from "../../model/builds.ts";
import type { Images } from "../../model/images.ts";
import type { Progress } from "../../base/progress.ts";
import { formatPlatform, type Platform } from "../../spec/platform.ts";
import { formatReference, parseReference, withDefaultTag } from "../../spec/reference.ts";
import type { ContainerContext, PinnedImage } from "../context.ts";
import { requirePlatform } from "../images/require-platform.ts";

export interface ResolveOptions extends Pick<BuildRequest, "findCredentials" | "pull"> {
  readonly platform: Platform;
  readonly signal: AbortSignal;
  /** Keeps the image from being removed until it is disposed. */
  readonly pins: { use<T extends Disposable>(value: T): T };
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** The image that a build names, pulled where it is not here or `pull` says so. Throws "not-found". */
export async function resolveBaseImage(
  { context, images }: { readonly context: ContainerContext; readonly images: Images },
  text: string,
  options: ResolveOptions,
): Promise<BaseImage> {
  const reference = formatReference(withDefaultTag(parseReference(text)));
  const { record } = options.pins.use(await pinOrPull({ context, images }, { text, reference }, options));
  const manifest = required(record.blobs[1]);
  const { diffIds } = record.config;
  return {
    reference,
    config: record.config,
    digest: manifest,
    layers: await readLayers(context.dependencies.content, { manifest, diffIds }),
  };
}

async function pinOrPull(
  { context, images }: { readonly context: ContainerContext; readonly images: Images },
  { text, reference }: { readonly text: string; readonly reference: string },
  options: ResolveOptions,
): Promise<PinnedImage> {
  if (!options.pull) {
    // It may be an id.
    const found = await findHere(context, text, options);
    if (found !== undefined) return found;
  }
  const { platform, findCredentials, signal, onProgress } = options;
  const credentials = await findCredentials?.(parseReference(reference).domain, signal);
  const pulled = images.pull(reference, { platform: formatPlatform(platform), credentials, signal });
  for await (const each of pulled) onProgress?.(each);
  return await context.pinImage(reference);
}

/** Undefined: it is not here, or for another platform. */
async function findHere(
  context: ContainerContext,
  reference: string,
  { platform }: Pick<ResolveOptions, "platform">,
): Promise<PinnedImage | undefined> {
  let pinned: PinnedImage | undefined;
  try {
    pinned = await context.pinImage(reference);
    requirePlatform(pinned.record, { reference, platform: formatPlatform(platform) });
    return pinned;
  } catch (thrown) {
    pinned?.[Symbol.dispose]();
    if (isFailure(thrown, "not-found")) return undefined;
    throw thrown;
  }
}
