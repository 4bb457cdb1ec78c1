import { runTimed } from "../harness/command.ts";
import type { Containers } from "./engine.ts";

/** The part that tare, docker and podman share, because they share the command line. */
export function idleContainer(containers: Containers): string {
  const command = containers.runDetached([], "sleep", "1000000");
  return runTimed(command, { capture: true }).stdout.trim();
}

/** All of them, running or not; their names and ids may be many, so they go in as words of one command. */
export function removeAll(containers: Containers): void {
  const ids = runTimed(containers.command("ps", "-a", "-q"), { capture: true })
    .stdout.split("\n")
    .filter(Boolean);
  if (ids.length > 0) runTimed(containers.remove(...ids));
}
