import type { GlobalOptions } from "../cli/context.ts";
import { sendDescriptors as send } from "../linux/sockets/descriptor-packet.ts";
import { installAddon } from "./embedded.ts";

/** Of this process, to the daemon's socket for them. */
export function sendDescriptors(
  { runRoot = "/run/tare", dataRoot = "/var/lib/tare" }: GlobalOptions,
  { path, text, fds }: { readonly path: string; readonly text: string; readonly fds: readonly number[] },
): void {
  installAddon({ runRoot, dataRoot });
  send(path, { text, fds });
}
