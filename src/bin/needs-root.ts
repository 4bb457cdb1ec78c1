import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure, kindOf } from "../base/failure.ts";
import type { GlobalOptions } from "../cli/context.ts";

/**
 * A refusal that names what to type: sudo, and the group that the socket's directory was given to. Other failures stay
 * as they are.
 */
export function needsRoot(thrown: unknown, options: GlobalOptions): unknown {
  if (kindOf(thrown) !== "not-permitted" || process.getuid?.() === 0) return thrown;
  const words = process.argv.slice(2).join(" ");
  const group = groupOf(dirname(options.host.slice("unix://".length)));
  const orJoin =
    group === undefined ? "" : `, or join the group: sudo usermod -aG ${group} $USER, then log in again`;
  return new Failure("not-permitted", `this needs root; run: sudo tare ${words}${orJoin}`, { cause: thrown });
}

/** The group that a directory was given to, by its name. */
function groupOf(path: string): string | undefined {
  try {
    const { gid } = statSync(path);
    const line =
      gid === 0
        ? undefined
        : new RegExp(`^([^:]+):[^:]*:${gid}:`, "m").exec(readFileSync("/etc/group", "utf8"));
    return line?.[1];
  } catch {
    return undefined;
  }
}
