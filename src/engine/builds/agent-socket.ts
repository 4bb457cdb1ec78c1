import { chmodSync, chownSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { openDirectoryPath } from "../../linux/files/open.ts";

/** Connections of one socket at a time. */
const mostConnections = 64;

/** A socket in a directory of root's; connections to it reach an ssh agent of the client. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

/** Listens until it is disposed of, which ends all connections. */
export async function openAgentSocket(
  directory: string,
  {
    name = "agent",
    mode,
    uid,
    gid,
    open,
    signal,
  }: {
    readonly name?: string | undefined;
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    readonly open: (signal: AbortSignal) => Promise<Duplex>;
    readonly signal: AbortSignal;
  },
): Promise<AgentSocket> {
  const pairs = new Set<Disposable>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (pairs.size >= mostConnections) return void socket.destroy();
    const pair = connect(
      socket,
      () => open(signal),
      () => void pairs.delete(pair),
    );
    pairs.add(pair);
  });
  const path = join(directory, name);
  // A socket's path has at most 107 bytes.
  using folder = openDirectoryPath(directory);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(`/proc/self/fd/${folder.fd}/${name}`, resolve);
  });
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const pair of pairs) pair[Symbol.dispose]();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function connect(socket: Socket, open: () => Promise<Duplex>, onEnd: () => void): Disposable {
  let agent: Duplex | undefined;
  let isEnded = false;
  const end = (): void => {
    if (isEnded) return;
    isEnded = true;
    socket.destroy();
    agent?.destroy();
    onEnd();
  };
  socket.on("error", end).on("close", end);
  open().then(
    (duplex) => {
      agent = duplex;
      if (isEnded) return void duplex.destroy();
      duplex.on("error", end).on("close", end);
      socket.pipe(duplex);
      duplex.pipe(socket);
    },
    () => end(),
  );
  return { [Symbol.dispose]: end };
}
