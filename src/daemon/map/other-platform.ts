import type { ImageDetails } from "../../model/images.ts";
import { formatPlatform, parsePlatform, rankPlatform } from "../../spec/platform.ts";

/** In dockerd's words; undefined for an image that a machine of the platform can run. Throws "invalid". */
export function describeOtherPlatform(
  { config: { platform: actual } }: ImageDetails,
  { image, platform }: { readonly image: string; readonly platform: string },
): string | undefined {
  const wanted = parsePlatform(platform);
  if (rankPlatform(actual, wanted) !== undefined) return undefined;
  return `image with reference ${image} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`;
}
