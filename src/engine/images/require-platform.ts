import { Failure } from "../../base/failure.ts";
import { formatPlatform, parsePlatform, rankPlatform } from "../../spec/platform.ts";
import type { ImageRecord } from "../state/records.ts";

/** Refuses an image that is not for the platform that was asked for; a name stands for one platform's image here. */
export function requirePlatform(
  { config }: ImageRecord,
  { reference, platform }: { readonly reference: string; readonly platform: string | undefined },
): void {
  if (platform === undefined || platform === "") return;
  const wanted = parsePlatform(platform);
  // SPEC: dockerd takes an image that such a machine can run, too: that of amd64 for amd64/v2.
  if (rankPlatform(config.platform, wanted) !== undefined) return;
  throw new Failure(
    "not-found",
    `image with reference ${reference} was found but does not provide the specified platform (${formatPlatform(wanted)}): it is for ${formatPlatform(config.platform)}`,
    { details: { platform } },
  );
}
