import { formatPlatform, hostPlatform } from "../spec/platform.ts";
import type { BuiltImage } from "./builds.ts";

/** The image of a result that the store takes: a name of the store has one platform, the host's if it is there. Pure. */
export function findStoredImage(images: readonly BuiltImage[]): BuiltImage | undefined {
  const host = formatPlatform(hostPlatform());
  return images.find(({ platform }) => platform === host) ?? images[0];
}
