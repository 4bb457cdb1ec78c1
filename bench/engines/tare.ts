import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { runTimed } from "../harness/command.ts";
import { commandLineOf, findProcesses, startServer } from "../harness/process.ts";
import { idleContainer, removeAll } from "./docker-like.ts";
import type { Bed, Containers, Engine, StorageChoice } from "./engine.ts";

/** The executable as a user has it; its daemon is started as `tare daemon` would be by a unit. */
export async function openTare(bed: Bed, storage?: StorageChoice): Promise<Engine> {
  if (!existsSync(bed.tare)) throw new Error(`cannot measure tare: there is no ${bed.tare}; run make`);
  await using undo = new AsyncDisposableStack();
  const place = (name: string): string => join(storage?.directory ?? bed.owned.directory, name);
  const runRoot = place("tare-run");
  const socketPath = `${runRoot}/tare.sock`;
  const flags = ["--data-root", place("tare-data"), "--run-root", runRoot];
  const command = (...words: readonly string[]): readonly string[] => [bed.tare, ...flags, ...words];
  const server = undo.use(
    await startServer(
      command(...(storage === undefined ? [] : ["--storage-driver", storage.driver]), "daemon"),
      {
        log: place("tare.log"),
        isReady: () => Promise.resolve(existsSync(socketPath)),
      },
    ),
  );
  const containers: Containers = {
    image: bed.image,
    command,
    runDetached: (more, ...words) => command("run", "-d", "--network", "none", ...more, bed.image, ...words),
    remove: (...ids) => command("rm", "-f", ...ids),
    socketPath,
    serverPids: () => [server.pid],
    keeperPids: () => keepersOf(containers),
    async settle() {
      runTimed(command("system", "settle", "--timeout", "110s"));
    },
  };
  undo.defer(() => removeAll(containers));
  runTimed(command("load", "-i", bed.archive));
  const idle = idleContainer(containers);
  const cgroup = runTimed(command("inspect", "-f", "{{.Tare.Cgroup}}", idle), {
    capture: true,
  }).stdout.trim();
  if (cgroup.includes("/")) bed.owned.addCgroup(dirname(cgroup));
  const owner = undo.move();
  return {
    name: "tare",
    version: runTimed(command("version", "-f", "{{.Client.Version}}"), { capture: true }).stdout.trim(),
    runTrue: () => command("run", "--rm", "--network", "none", bed.image, "true"),
    execTrue: () => command("exec", idle, "true"),
    containers,
    [Symbol.asyncDispose]: () => owner.disposeAsync(),
  };
}

/**
 * Of this daemon only: others may be on the machine. A keeper's argument is its container's id, an exec's has more
 * after it.
 */
function keepersOf(containers: Containers): readonly number[] {
  const ids = runTimed(containers.command("ps", "-q", "--no-trunc"), { capture: true })
    .stdout.split("\n")
    .filter(Boolean);
  const own = new Set(ids.flatMap((id) => [id, id.slice(0, 12)]));
  return findProcesses(/^tare-keeper /).filter((pid) => {
    return own.has(commandLineOf(pid)[1] ?? "");
  });
}
