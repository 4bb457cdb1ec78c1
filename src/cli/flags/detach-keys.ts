import type { Flag } from "./flag.ts";
import { string } from "./kinds.ts";

/** `--detach-keys` */
export const detachKeysFlag: Flag<string> = {
  ...string("Override the key sequence for detaching a container"),
  configKey: "detachKeys",
};
