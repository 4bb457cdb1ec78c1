import { stripLogHeads, uncaughtException } from "../../src/base/log.ts";

/** Throws when the text of a daemon's log has an exception that no code caught. */
export function failOnUncaughtException(log: string): void {
  const entries = stripLogHeads(log).split("\n");
  const at = entries.findIndex((entry) => entry.startsWith(uncaughtException));
  if (at < 0) return;
  throw new Error(`in the daemon's log:\n${entries.slice(at, at + 20).join("\n")}`);
}
