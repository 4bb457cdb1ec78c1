import { commands } from "./commands.ts";
import { findCommand } from "./tree.ts";

/**
 * The commands that the daemon may run for a client that sends only their words (native/launcher.c has the first word
 * of each): they need the engine, and nothing of the client's process but its output.
 */
const runnable: ReadonlySet<string> = new Set([
  "container inspect",
  "container kill",
  "container ls",
  "container pause",
  "container port",
  "container rename",
  "container restart",
  "container rm",
  "container start",
  "container stop",
  "container top",
  "container unpause",
  "container wait",
  "image history",
  "image inspect",
  "image ls",
  "image rm",
  "image tag",
  "inspect",
  "network connect",
  "network create",
  "network disconnect",
  "network inspect",
  "network ls",
  "network rm",
  "volume create",
  "volume inspect",
  "volume ls",
  "volume rm",
]);

/** Templates that only name fields: what others take, the daemon would have to give. */
const plainTemplate = /^(?:[^{]|\{(?!\{)|\{\{ *(?:json +)?\.[.\w]* *\}\})*$/;

/** Whether the daemon may run the command that these words name. Pure. */
export function runsInDaemon(words: readonly string[]): boolean {
  const found = findCommand(commands, words);
  if (found === undefined || !runnable.has(found.entry.names[0] ?? "")) return false;
  // An attached one has a terminal, or input.
  if (found.entry.names.includes("start") && words.some((word) => word.startsWith("-"))) return false;
  // Its form depends on the client's terminal and environment.
  if (found.entry.names.includes("images") && words.some((word) => word.startsWith("--tree"))) return false;
  return words.every((word) => plainTemplate.test(word));
}
