import type { Flag } from "./flag.ts";
import { bool, string } from "./kinds.ts";

/** `--authfile`, of all that talks to a registry. */
export const authfileFlag: Flag<string> = string(
  "Path of the registry credentials file instead of ~/.docker/config.json (not in Docker)",
  { isFile: true },
);

/** `--tls-verify`, of the same. */
export const tlsVerifyFlag: Flag<boolean> = bool(
  "Require HTTPS and verify certificates when contacting registries (not in Docker)",
  { initial: true },
);
