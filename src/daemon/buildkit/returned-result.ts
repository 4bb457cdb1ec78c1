import { Failure } from "../../base/failure.ts";
import type { BuildResult, Builds, BuiltImage } from "../../model/builds.ts";
import { formatPlatform, normalizePlatform } from "../../spec/platform.ts";
import type { BuildJob } from "./build-job.ts";
import type { Messages } from "./messages.ts";

type Result = Messages["moby.buildkit.v1.frontend.Result"];

const configKey = "containerimage.config";
const platformsKey = "refs.platforms";
const mostPlatforms = 64;
const mostConfigBytes = 4 * 1024 * 1024;

export interface ReturnedResult {
  /** Undefined: there are no files. */
  readonly result: BuildResult | undefined;
  readonly isMultiPlatform: boolean;
}

/**
 * What a front end has returned as the result of a build: images that it has asked for, each with the configuration that
 * it gives. Throws "not-found" for references that the build does not have, "invalid".
 */
export function returnedResult(
  returned: Result | null,
  job: BuildJob,
  builds: Pick<Builds, "configure">,
): ReturnedResult {
  if (returned === null) return { result: undefined, isMultiPlatform: false };
  const single = returned.ref?.id ?? returned.refDeprecated ?? "";
  const several = Object.entries({
    ...returned.refsDeprecated?.refs,
    ...Object.fromEntries(Object.entries(returned.refs?.refs ?? {}).map(([key, { id }]) => [key, id])),
  }).filter(([, id]) => id !== "");
  if (single === "" && several.length === 0) return { result: undefined, isMultiPlatform: false };
  if (several.length > mostPlatforms)
    throw new Failure("invalid", `cannot use the result: it has more than ${mostPlatforms} platforms`);
  const { metadata } = returned;
  if (several.length === 0) {
    const held = job.getImage(single);
    const image = configured(held.image, held.image.platform, { config: metadata[configKey], builds });
    return resultOf([image], held);
  }
  const platforms = platformsOf(metadata);
  const images = several.map(([key, id]) => {
    const config = metadata[`${configKey}/${key}`] ?? metadata[configKey];
    return configured(job.getImage(id).image, platforms.get(key) ?? key, { config, builds });
  });
  return resultOf(images, { result: job.getImage(several[0]?.[1] ?? "").result, isMultiPlatform: true });
}

/** The result that the images are of already, or another one of them. The job owns what they are made of. */
function resultOf(
  images: readonly BuiltImage[],
  { result, isMultiPlatform }: { readonly result: BuildResult; readonly isMultiPlatform: boolean },
): ReturnedResult {
  const isSame =
    images.length === result.images.length && images.every((image, at) => image === result.images[at]);
  const own: BuildResult = { images, [Symbol.asyncDispose]: async () => undefined };
  return { result: isSame ? result : own, isMultiPlatform };
}

function configured(
  image: BuiltImage,
  platform: string,
  { config, builds }: { readonly config: Uint8Array | undefined; readonly builds: Pick<Builds, "configure"> },
): BuiltImage {
  if (config === undefined && platform === image.platform) return image;
  if (config !== undefined && Buffer.compare(config, image.configBytes) === 0) return image;
  if (config !== undefined && config.length > mostConfigBytes)
    throw new Failure("invalid", "cannot use the result: the configuration of the image is too long");
  return builds.configure(image, { platform, configBytes: config });
}

/** Names of platforms by the keys of references. SPEC: moby/buildkit, exporter/containerimage/exptypes/types.go. */
function platformsOf(metadata: Result["metadata"]): ReadonlyMap<string, string> {
  const bytes = metadata[platformsKey];
  if (bytes === undefined) return new Map();
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new Failure("invalid", "cannot use the result: its platforms are malformed", { cause });
  }
  const list: unknown =
    typeof document === "object" && document !== null && "Platforms" in document ? document.Platforms : [];
  const found = new Map<string, string>();
  for (const each of Array.isArray(list) ? list.slice(0, mostPlatforms) : []) {
    const { ID, Platform } = each ?? {};
    const { os, architecture, variant } = Platform ?? {};
    if (typeof ID !== "string" || typeof os !== "string" || typeof architecture !== "string") continue;
    const level = typeof variant === "string" ? variant : undefined;
    found.set(ID, formatPlatform(normalizePlatform(os, architecture, level)));
  }
  return found;
}
