import { attachTo } from "./keeper/kept-process.ts";
import type { Child, Launch } from "./keeper/launch.ts";
import type { EarlyStreams, StartOptions } from "./types.ts";

type Callbacks = Pick<StartOptions, "whileSettingUp" | "beforeFirstInstruction">;

/** Whether the process waits for the engine before its first instruction. */
export function isAnnounced({ whileSettingUp, beforeFirstInstruction }: Callbacks): boolean {
  return whileSettingUp !== undefined || beforeFirstInstruction !== undefined;
}

/**
 * The engine's steps while the process is set up, and at the end of that. `attach` runs concurrently with the first.
 */
export function launchCallbacks(
  { whileSettingUp, beforeFirstInstruction }: Callbacks,
  attach?: (child: Child) => Promise<void>,
): Pick<Launch, "whileSettingUp" | "onReady"> {
  return {
    whileSettingUp: async (child) => {
      const ended = await Promise.allSettled([
        whileSettingUp?.(earlyStreams(child.directory)),
        attach?.(child),
      ]);
      for (const end of ended) if (end.status === "rejected") throw end.reason;
    },
    onReady: beforeFirstInstruction && ((directory) => beforeFirstInstruction(earlyStreams(directory))),
  };
}

/** The streams of a process that waits for its first instruction. */
function earlyStreams(directory: number): EarlyStreams {
  return { attach: (options) => attachTo(directory, options) };
}
