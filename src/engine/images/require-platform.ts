import { Failure } from "../../base/failure.ts";
import { formatPlatform, parsePlatform } from "../../spec/platform.ts";
import type { ImageRecord } from "../state/records.ts";

/** Refuses an image that is not for the platform that was asked for; a name stands for one platform's image here. */
export function requirePlatform(
  { config }: ImageRecord,
  { reference, platform }: { readonly reference: string; readonly platform: string | undefined },
): void {
  if (platform === undefined || platform === "") return;
  const wanted = parsePlatform(platform);
  const { os, architecture, variant } = config.platform;
  const fits =
    os === wanted.os &&
    architecture === wanted.architecture &&
    (wanted.variant === undefined || variant === wanted.variant);
  if (fits) return;
  throw new Failure(
    "not-found",
    `image with reference ${reference} was found but does not provide the specified platform (${formatPlatform(wanted)}): it is for ${formatPlatform(config.platform)}`,
    { details: { platform } },
  );
}
