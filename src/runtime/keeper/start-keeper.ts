import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { sleep } from "../../base/deadline.ts";
import { fault } from "../../base/fault.ts";
import { Failure, kindOf } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import type { Inheritance } from "./inheritance.ts";
import { connectKeeper, listenIn } from "./socket.ts";
import { SpawnFailure } from "./spawn-failure.ts";

/** Its first argument. */
export const keeperName = "tare-keeper";
/** How long the report of a failed execution of the keeper may take. */
const spawnFailureMs = 100;

/** A keeper that waits for its plan on the socket. */
export interface StartedKeeper {
  readonly socket: Socket;
  readonly keeperPid: number;
  readonly spawnFailure: SpawnFailure;
}

/** Executes a keeper that listens in the directory, and connects to it. */
export async function startKeeper({
  program,
  id,
  directory,
  inheritance,
  onInherited,
}: {
  readonly program: KeeperProgram;
  readonly id: string;
  readonly directory: { readonly fd: Fd };
  readonly inheritance: Inheritance;
  /** Called when the keeper has its copies of what it inherits. */
  readonly onInherited: () => void;
}): Promise<StartedKeeper> {
  const listening = listenIn(directory.fd);
  const keeper = spawn(program.path, [id], {
    argv0: keeperName,
    cwd: "/",
    env: {},
    detached: true,
    stdio: ["ignore", "ignore", "ignore", listening.fd, ...inheritance.fds],
  });
  // Only the keeper listens from now on: otherwise a client that connects after its end would wait for this process to
  // accept.
  listening[Symbol.dispose]();
  fault("launch.spawned");
  onInherited();
  const spawnFailure = new SpawnFailure();
  keeper.once("error", reporterTo(spawnFailure));
  keeper.unref();
  const connected = connectKeeper(directory.fd).catch(async (thrown: unknown) => {
    await spawnFailure.unless(sleep(spawnFailureMs)); // it is more precise
    throw thrown;
  });
  const socket = await spawnFailure.unless(connected);
  return { socket, keeperPid: keeper.pid ?? 0, spawnFailure };
}

/**
 * Its scope has nothing else: the listener lives as long as the keeper, and in startKeeper() it would keep the plan and
 * the configuration of the container, 0.1 MB.
 */
function reporterTo(spawnFailure: SpawnFailure): (cause: Error) => void {
  return (cause) => {
    const kind = kindOf(cause) === "exhausted" ? "exhausted" : "unavailable";
    spawnFailure.report(new Failure(kind, `cannot start a keeper: ${cause.message}`, { cause }));
  };
}
