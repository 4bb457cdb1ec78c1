import { Failure } from "../base/failure.ts";

/** Whether published ports pass the host's input rules by, as with Docker, or obey them. */
export type PublishPolicy = "docker" | "respect-host";

/** Throws "invalid". */
export function parsePublishPolicy(text: string): PublishPolicy {
  if (text === "docker" || text === "respect-host") return text;
  throw new Failure(
    "invalid",
    `invalid --publish-policy "${text.slice(0, 60)}": want docker or respect-host`,
  );
}
