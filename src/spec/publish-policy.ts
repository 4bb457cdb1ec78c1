import { Failure } from "../base/failure.ts";

/**
 * Which rules published ports obey. `docker`: packets that are forwarded to a container bypass the host's input rules,
 * as with Docker. `respect-host`: what the host's own input chains drop or reject is dropped for published ports, too.
 */
export type PublishPolicy = "docker" | "respect-host";

/** Throws "invalid". */
export function parsePublishPolicy(text: string): PublishPolicy {
  if (text === "docker" || text === "respect-host") return text;
  throw new Failure(
    "invalid",
    `invalid --publish-policy "${text.slice(0, 60)}": want docker or respect-host`,
  );
}
