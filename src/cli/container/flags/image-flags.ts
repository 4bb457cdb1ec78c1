import type { TableOf } from "../../flags/flag.ts";
import { decryptionKeyFlag } from "../../flags/decryption-key.ts";
import { bool, duration, int, string } from "../../flags/kinds.ts";
import { authfileFlag, tlsVerifyFlag } from "../../flags/registry-access.ts";

/** Flags about the image and how it is pulled. */
export interface ImageValues {
  readonly arch: string;
  readonly authfile: string;
  readonly "decryption-key": readonly string[];
  readonly os: string;
  readonly platform: string;
  readonly pull: string;
  readonly quiet: boolean;
  readonly retry: number | undefined;
  readonly "retry-delay": number | undefined;
  readonly "tls-verify": boolean;
  readonly variant: string;
}

export const imageFlags: TableOf<ImageValues> = {
  arch: string("Architecture of the image instead of the host's (not in Docker)"),
  authfile: authfileFlag,
  "decryption-key": decryptionKeyFlag,
  os: string("Operating system of the image (not in Docker)"),
  platform: string("Set platform if server is multi-platform capable"),
  pull: string('Pull image before running ("always", "missing", "never")', {
    initial: "missing",
    words: ["always", "missing", "never", "newer"],
  }),
  quiet: bool("Suppress the pull output", { short: "q" }),
  retry: int("Number of retries of a failed pull (not in Docker)"),
  "retry-delay": duration("Delay between retries of a failed pull (ms|s|m|h) (not in Docker)"),
  "tls-verify": tlsVerifyFlag,
  variant: string("Variant of the image's architecture (not in Docker)"),
};
