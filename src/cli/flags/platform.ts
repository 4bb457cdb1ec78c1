import type { Call } from "../command.ts";
import type { Flag } from "./flag.ts";
import { string } from "./kinds.ts";

/** `--platform`. */
export function platformFlag(usage: string): Flag<string> {
  return string(usage, { words: ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64"] });
}

/** The value of the flag, else of the environment, as in Docker; empty: the daemon's own platform. */
export function platformOf({ values, context }: Call<{ readonly platform: string }>): string {
  return values.platform || (context.env["DOCKER_DEFAULT_PLATFORM"] ?? "");
}
