import { randomBytes } from "node:crypto";
import { chmodSync, chownSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Failure, kindOf } from "../../base/failure.ts";
import type { RunOperation } from "../../build/graph/graph-types.ts";
import { openDirectoryPath } from "../../linux/files/open.ts";
import type { BuildRequest } from "../../model/builds.ts";

/** Connections of one socket at a time. */
const mostConnections = 64;

/** A socket in a directory of root's; connections to it reach an ssh agent of the client. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

type SshMount = Extract<RunOperation["mounts"][number], { type: "ssh" }>;

/**
 * The socket that `RUN --mount=type=ssh` shows; undefined where the client forwards no such agent. Throws "not-found"
 * where the step needs one.
 */
export async function openStepAgent(
  { id, required, ...owner }: SshMount,
  {
    openAgent: open,
    directory,
    signal,
  }: {
    readonly openAgent: BuildRequest["openAgent"];
    readonly directory: () => string;
    readonly signal: AbortSignal;
  },
): Promise<AgentSocket | undefined> {
  try {
    if (open === undefined) throw new Failure("not-found", `no SSH key "${id}" forwarded from the client`);
    // A client is asked whether it has one.
    (await open(id, signal)).destroy();
  } catch (thrown) {
    if (required || kindOf(thrown) !== "not-found") throw thrown;
    return undefined;
  }
  const name = `agent-${randomBytes(4).toString("hex")}`;
  const connect = async (ends: AbortSignal): Promise<Duplex> => await open(id, ends);
  return await openAgentSocket(directory(), { ...owner, name, open: connect, signal });
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
