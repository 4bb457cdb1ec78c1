import { chosenAddon, useAddon } from "./addon.ts";

/** What a thread has to know before its first system call; can be sent to it. */
export interface ThreadSetup {
  /** File of the addon; undefined: it is found beside the sources. */
  readonly addonFile: string | undefined;
}

/** For a thread that this one starts. */
export function threadSetup(): ThreadSetup {
  return { addonFile: chosenAddon() };
}

/** In a new thread, before anything else. */
export function setUpThread({ addonFile }: ThreadSetup): void {
  if (addonFile !== undefined) useAddon(addonFile);
}
