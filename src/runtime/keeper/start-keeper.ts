import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { sleep } from "../../base/deadline.ts";
import { fault } from "../../base/fault.ts";
import { Failure, kindOf } from "../../base/failure.ts";
import type { Fd } from "../../linux/kernel/fd.ts";
import type { KeeperProgram } from "../keeper-program.ts";
import type { Inheritance } from "./inheritance.ts";
import { connectKeeper, listenIn } from "./socket.ts";

/** Its first argument. */
export const keeperName = "tare-keeper";
/** How long the report of a failed execution of the keeper may take. */
const spawnFailureMs = 100;

/** A keeper that waits for its plan on the socket. */
export interface StartedKeeper {
  readonly socket: Socket;
  readonly keeperPid: number;
  /** Never resolves; rejects with the reason why no answer will come. */
  readonly spawnFailed: Promise<never>;
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
  const spawnFailed = new Promise<never>((_, reject) => {
    keeper.once("error", (cause) =>
      reject(
        new Failure(
          kindOf(cause) === "exhausted" ? "exhausted" : "unavailable",
          `cannot start a keeper: ${cause.message}`,
          { cause },
        ),
      ),
    );
  });
  spawnFailed.catch(() => {});
  keeper.unref();
  const connected = connectKeeper(directory.fd).catch(async (thrown: unknown) => {
    await Promise.race([spawnFailed, sleep(spawnFailureMs)]); // it is more precise
    throw thrown;
  });
  const socket = await Promise.race([connected, spawnFailed]);
  return { socket, keeperPid: keeper.pid ?? 0, spawnFailed };
}
