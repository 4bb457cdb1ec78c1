import type { Flag } from "./flag.ts";
import { list } from "./kinds.ts";

/** `--decryption-key`, of all that pulls or loads. */
export const decryptionKeyFlag: Flag<readonly string[]> = list(
  "Private key for encrypted layers, key[:passphrase] (not in Docker)",
  { isFile: true },
);
