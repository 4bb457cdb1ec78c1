import type { Flag } from "./flag.ts";
import { bool, string } from "./kinds.ts";

/** `--authfile`, of all that talks to a registry. */
export const authfileFlag: Flag<string> = string(
  "File with credentials of registries, in place of ~/.docker/config.json (Tare's own)",
  { isFile: true },
);

/** `--tls-verify`, of the same. */
export const tlsVerifyFlag: Flag<boolean> = bool(
  "Talk to registries by HTTPS only, and verify their certificates (Tare's own)",
  { initial: true },
);
